"""What the session formats have in common: a console, and an audio file for every track."""

from dataclasses import dataclass

from fxnorm.console import Console


@dataclass(frozen=True)
class Clip:
    """Audio of a track, from the start of the song.

    Attributes
    ----------
    file : str
        Relative to the session.
    channels : int
        1 or 2.
    seconds : float
    """

    file: str
    channels: int
    seconds: float


@dataclass(frozen=True)
class Session:
    """A console whose tracks play audio files.

    Attributes
    ----------
    console : Console
        Of processors that the format has as devices.
    sample_rate : int
        In Hz.
    clips : dict of str to Clip
        By name of the track.
    """

    console: Console
    sample_rate: int
    clips: dict[str, Clip]

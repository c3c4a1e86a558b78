"""What is to be said about a song's files, in figures and in plain English."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

RESIDUAL_DB = -40.0  # a mixture further than this from the sum of its stems is worth a notice


@dataclass(frozen=True)
class FileReport:
    """What an audio file holds.

    Attributes
    ----------
    file : str
        Its name in the song's folder.
    rate, channels, samples, subtype
        Zero and empty if the file cannot be read; `samples` counts what came, not what the header says.
    peak_db : float
        Level of the largest finite sample in dBFS.
    silent : bool
        Whether the peak is at or under `audio.SILENCE_DB`.
    clipped : int
        Samples, over all channels, in runs of three or more at full scale: shorter ones can be a peak that was
        brought there on purpose.
    over_full_scale : int
        Samples, over all channels, beyond full scale, which float and lossy formats can hold; they are not clipped.
    not_finite : int
        NaN and infinite samples, over all channels.
    error : str or None
        Why the file cannot be used.
    """

    file: str
    rate: int
    channels: int
    samples: int
    subtype: str
    peak_db: float
    silent: bool
    clipped: int
    over_full_scale: int
    not_finite: int
    error: str | None

    @property
    def seconds(self) -> float:
        """Duration in seconds."""
        return self.samples / self.rate if self.rate else 0.0

    @property
    def notices(self) -> list[str]:
        """What is odd about a file that can be used."""
        if self.error:
            return []
        odd = []
        if self.silent:
            odd.append(f"{self.file}: silent (peak {self.peak_db:.1f} dBFS)")
        if self.clipped:
            odd.append(f"{self.file}: {self.clipped} samples clipped")
        if self.over_full_scale:
            odd.append(f"{self.file}: {self.over_full_scale} samples over full scale (peak {self.peak_db:+.1f} dBFS)")
        return odd

    def to_dict(self) -> dict[str, Any]:
        """The report in plain types."""
        return asdict(self) | {"seconds": self.seconds}


@dataclass(frozen=True)
class TrackReport:
    """What a song holds.

    Attributes
    ----------
    track : str
        The song's `TrackRef.id`.
    split : str or None
    files : tuple of FileReport
        The stems in the order of `STEMS`, then the mixture.
    missing : tuple of str
        Stems that the song does not have.
    unknown : tuple of str
        Audio files whose name is no stem's.
    duplicates : tuple of str
        Audio files that differ from a file in use by their format only.
    has_mixture : bool
    residual_db : float or None
        Energy of the mixture minus the sum of the stems, relative to the mixture's, over the length they share.
        None where it means nothing: a file is missing, at fault, of another rate, or over a second
        longer or shorter; or the mixture is digital silence.
    """

    track: str
    split: str | None
    files: tuple[FileReport, ...]
    missing: tuple[str, ...]
    unknown: tuple[str, ...]
    duplicates: tuple[str, ...]
    has_mixture: bool
    residual_db: float | None

    @property
    def seconds(self) -> float:
        """Duration of the longest file in seconds."""
        return max((file.seconds for file in self.files), default=0.0)

    @property
    def errors(self) -> list[str]:
        """What must be put right before the song can be used."""
        return [f"{file.file}: {file.error}" for file in self.files if file.error]

    @property
    def notices(self) -> list[str]:
        """What is odd about the song but does not stand in the way."""
        odd = [notice for file in self.files for notice in file.notices]
        sound = [file for file in self.files if not file.error]
        if self.missing:
            odd.append(f"missing: {', '.join(self.missing)}")
        if self.duplicates:
            odd.append(f"unused, another file of that name is preferred: {', '.join(self.duplicates)}")
        if self.unknown:
            odd.append(f"unused, not the name of a stem: {', '.join(self.unknown)}")
        rates = _grouped((file.rate, file.file) for file in sound)
        if len(rates) > 1:
            odd.append(f"rates differ: {_listed(rates, 'Hz')}")
        # Files of several rates are as long as each other if they are so at one of them.
        lengths = _grouped((round(file.seconds * sound[0].rate), file.file) for file in sound)
        if len(lengths) > 1:
            odd.append(f"lengths differ: {_listed(lengths, 'samples')}")
        if not self.has_mixture:
            odd.append("no mixture")
        if self.residual_db is not None and self.residual_db > RESIDUAL_DB:
            odd.append(f"mixture is not the sum of the stems ({self.residual_db:.1f} dB remain)")
        return odd

    @property
    def problems(self) -> list[str]:
        """Errors, then notices: a line each."""
        return self.errors + self.notices

    @property
    def level(self) -> str:
        """The worst of the problems: error, notice or ok."""
        if self.errors:
            return "error"
        return "notice" if self.notices else "ok"

    def to_dict(self) -> dict[str, Any]:
        """The report in plain types, for JSON."""
        return asdict(self) | {
            "files": [file.to_dict() for file in self.files],
            "seconds": self.seconds,
            "level": self.level,
            "errors": self.errors,
            "notices": self.notices,
        }


def _grouped(pairs: Iterable[tuple[int, str]]) -> dict[int, list[str]]:
    groups: dict[int, list[str]] = {}
    for value, name in pairs:
        groups.setdefault(value, []).append(name)
    return groups


def _listed(groups: dict[int, list[str]], unit: str) -> str:
    return ", ".join(f"{value} {unit} ({', '.join(names)})" for value, names in groups.items())

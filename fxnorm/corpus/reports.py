"""Reports on the files of songs: figures, and messages in plain English."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

RESIDUAL_DB = -40.0  # largest residual of a mixture minus its stems without a notice


@dataclass(frozen=True)
class FileReport:
    """Content of an audio file.

    Attributes
    ----------
    file : str
        Path in the song's folder.
    stem : str
        The stem that the file is summed into, or `mixture`.
    sample_rate, channels, samples, subtype
        Zero and empty if the file cannot be read; `samples` counts the samples read, not those of the header.
    peak_db : float
        Level of the largest finite sample in dBFS.
    silent : bool
        Whether the peak is at or under `audio.SILENCE_DB`.
    clipped : int
        Samples of all channels in runs of three or more at full scale; shorter runs can be a normalised peak.
    over_full_scale : int
        Samples of all channels beyond full scale, which float and lossy formats can hold; they are not clipped.
    not_finite : int
        NaN and infinite samples of all channels.
    error : str or None
        Why the file cannot be used.
    """

    file: str
    stem: str
    sample_rate: int
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
        return self.samples / self.sample_rate if self.sample_rate else 0.0

    @property
    def notices(self) -> list[str]:
        """Oddities of a file that can be used."""
        if self.error:
            return []
        notices = []
        if self.silent:
            notices.append(f"{self.file}: silent (peak {self.peak_db:.1f} dBFS)")
        if self.clipped:
            notices.append(f"{self.file}: {self.clipped} samples clipped")
        if self.over_full_scale:
            notices.append(
                f"{self.file}: {self.over_full_scale} samples over full scale (peak {self.peak_db:+.1f} dBFS)"
            )
        return notices

    def to_dict(self) -> dict[str, Any]:
        """Return the report as plain types."""
        values = asdict(self) | {"seconds": self.seconds}
        return {"sample_rate_hz" if key == "sample_rate" else key: value for key, value in values.items()}


@dataclass(frozen=True)
class TrackReport:
    """Content of a song.

    Attributes
    ----------
    track : str
        The song's `Multitrack.id`.
    split : str or None
    files : tuple of FileReport
        Those of the stems in the order of `STEMS`, then the mixture.
    missing : tuple of str
        Stems that the song does not have.
    unrecognized : tuple of str
        Audio files whose names contain no known word: they count as other.
    unknown : tuple of str
        Audio files that are not used: mixes, helper tracks, files of a stem that another file is the whole of.
    duplicates : tuple of str
        Audio files that differ from a file in use by their format only.
    has_mixture : bool
    residual_db : float or None
        Energy of the mixture minus the sum of the stems relative to that of the mixture, over the shortest length.
        None if a file is missing, faulty, of another sample rate, or over a second longer or shorter, or if the
        mixture is digital silence.
    """

    track: str
    split: str | None
    files: tuple[FileReport, ...]
    missing: tuple[str, ...]
    unrecognized: tuple[str, ...]
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
        """Faults that must be fixed before the song can be used."""
        return [f"{file.file}: {file.error}" for file in self.files if file.error]

    @property
    def notices(self) -> list[str]:
        """Oddities of a song that can be used."""
        notices = [notice for file in self.files for notice in file.notices]
        readable = [file for file in self.files if not file.error]
        if self.missing:
            notices.append(f"missing: {', '.join(self.missing)}")
        if self.unrecognized:
            notices.append(f"taken as other, the name says no instrument: {', '.join(self.unrecognized)}")
        if self.duplicates:
            notices.append(f"unused, another file of that name is preferred: {', '.join(self.duplicates)}")
        if self.unknown:
            notices.append(f"unused, not the name of a stem: {', '.join(self.unknown)}")
        sample_rates = _grouped((file.sample_rate, file.file) for file in readable)
        if len(sample_rates) > 1:
            notices.append(f"sample rates differ: {_listed(sample_rates, 'Hz')}")
        # Lengths of files of different sample rates are compared at that of the first.
        lengths = _grouped((round(file.seconds * readable[0].sample_rate), file.file) for file in readable)
        if len(lengths) > 1:
            notices.append(f"lengths differ: {_listed(lengths, 'samples')}")
        if not self.has_mixture:
            notices.append("no mixture")
        if self.residual_db is not None and self.residual_db > RESIDUAL_DB:
            notices.append(f"mixture is not the sum of the stems ({self.residual_db:.1f} dB remain)")
        return notices

    @property
    def problems(self) -> list[str]:
        """Errors, then notices, one line each."""
        return self.errors + self.notices

    @property
    def level(self) -> str:
        """Severity of the worst problem: error, notice or ok."""
        if self.errors:
            return "error"
        return "notice" if self.notices else "ok"

    def to_dict(self) -> dict[str, Any]:
        """Return the report as plain JSON types."""
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

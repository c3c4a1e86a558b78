"""Multitracks: the tracks of a song, and their audio, read when it is asked for."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, reduce
from pathlib import Path, PurePosixPath

import numpy as np

from fxnorm import audio, audio_files
from fxnorm.audio import Audio
from fxnorm.audio_files import AudioInfo
from fxnorm.choices import SPLITS
from fxnorm.corpus.roles import ROLES
from fxnorm.corpus.sorting import make_tracks
from fxnorm.corpus.stems import STEMS, StemFiles, require_stem
from fxnorm.corpus.track import LEFT_RIGHT, Track
from fxnorm.errors import AudioError, InputError


@dataclass(frozen=True)
class Multitrack:
    """A song: names and paths, and its audio on request.

    Attributes
    ----------
    location : PurePosixPath
        The song's folder relative to the corpus, and its results' folder relative to the output: `train/NAME`.
    folder : Path
        Folder of the files.
    tracks : tuple of Track
    split : str or None
        One of `SPLITS`; None where the corpus has no splits. The validation songs of MUSDB18 are stored in `train/`.
    mixture : Path or None
    skipped : tuple of Path
        Audio that is no stem: mixes, helper tracks, results of fxnorm.
    unused : tuple of Path
        Audio whose stem or name another file takes, and songs in subfolders.
    """

    location: PurePosixPath
    folder: Path
    tracks: tuple[Track, ...]
    split: str | None = None
    mixture: Path | None = None
    skipped: tuple[Path, ...] = field(default=())
    unused: tuple[Path, ...] = field(default=())

    @classmethod
    def from_files(cls, name: str, files: Mapping[str, Sequence[Path]]) -> "Multitrack":
        """Make a song of named files.

        Parameters
        ----------
        name : str
            Relative to the output folder: `NAME` or `train/NAME`.
        files : mapping of str to sequence of Path
            Files by stem; the files of one stem are summed, apart from pairs of a left and a right channel.

        Raises
        ------
        InputError
            If there are no files, a file is given twice, or a name is no stem.
        """
        paths = [Path(path) for stem in files for path in files[stem]]
        resolved = [path.resolve() for path in paths]
        if not paths:
            raise InputError(f"expected at least one of the stems {', '.join(STEMS)}, got none; add --vocals FILE")
        if repeated := [path for path in resolved if resolved.count(path) > 1]:
            raise InputError(f"{repeated[0]}: named twice; a recording counts once")
        roles = {
            Path(path): (require_stem(stem), next(reversed(ROLES[stem]))) for stem in files for path in files[stem]
        }
        return cls(PurePosixPath(name), paths[0].parent, make_tracks(paths[0].parent, roles))

    @property
    def name(self) -> str:
        """Name of the song, which is that of its folder."""
        return self.location.name

    @property
    def id(self) -> str:
        """Name of the song within the corpus, the same on every system: `train/NAME`."""
        return self.location.as_posix()

    @cached_property
    def stems(self) -> StemFiles:
        """Files of each stem that the song has: `multitrack.stems["drums"]`."""
        return StemFiles(
            {
                stem: [path for track in self.tracks if track.stem == stem for path in track.files]
                for stem in {track.stem for track in self.tracks}
            }
        )

    @property
    def missing(self) -> tuple[str, ...]:
        """Stems that the song does not have."""
        return tuple(stem for stem in STEMS if stem not in self.stems)

    @property
    def left_out(self) -> tuple[Path, ...]:
        """Audio files that are neither tracks nor the mixture."""
        return tuple(sorted((*self.skipped, *self.unused)))

    @property
    def unrecognized(self) -> tuple[Path, ...]:
        """Files whose names contain no known word; they count as other."""
        return tuple(path for track in self.tracks if track.role is None for path in track.files)

    @property
    def notices(self) -> tuple[str, ...]:
        """Guesses and omissions, one line each."""
        return (
            *(f"{self.label(path)}: the name says no instrument, taken as other" for path in self.unrecognized),
            *(f"{self.label(path)}: no stem, left out" for path in self.skipped),
            *(f"{self.label(path)}: left out, another file is the whole stem" for path in self.unused),
        )

    def label(self, path: Path) -> str:
        """Return the path of a file in the song's folder, for messages."""
        return path.relative_to(self.folder).as_posix() if path.is_relative_to(self.folder) else path.name

    @cached_property
    def infos(self) -> dict[Path, AudioInfo]:
        """Headers of the tracks' files.

        Raises
        ------
        AudioError
            If a file cannot be opened, has more than two channels, no samples, or an impossible sample rate.
        """
        infos = {path: audio_files.probe(path) for track in self.tracks for path in track.files}
        for path, info in infos.items():
            if info.fault:
                raise AudioError(f"{path}: {info.fault}")
            if info.samples == 0:
                raise AudioError(f"{path}: has no samples; remove it or record it again")
        return infos

    @property
    def sample_rates(self) -> tuple[int, ...]:
        """Sample rates of the tracks' files in Hz, highest first."""
        return tuple(sorted({info.sample_rate for info in self.infos.values()}, reverse=True))

    @property
    def sample_rate(self) -> int:
        """Highest sample rate of the tracks' files in Hz."""
        return self.sample_rates[0]

    @property
    def samples(self) -> int:
        """Length of the longest track in samples at `sample_rate`."""
        return max(
            self._scaled(self.infos[path].samples + track.offset, path) for track in self.tracks for path in track.files
        )

    def read_stem(self, stem: str) -> Audio:
        """Read a stem: the sum of its files.

        Returns
        -------
        ndarray, shape (1 or 2, samples), float32
            At `sample_rate`, as long as the stem's longest file.

        Raises
        ------
        AudioError
            If a file cannot be used.
        """
        return reduce(_add, map(self._read_track, self._group(stem)))

    def read_excerpt(self, stem: str, span: slice) -> Audio:
        """Read part of a stem; files of other sample rates are cut at the nearest sample.

        Parameters
        ----------
        stem : str
        span : slice
            First sample and end, at `sample_rate`.

        Returns
        -------
        ndarray, shape (1 or 2, span.stop - span.start), float32
            Zero after the end of a file.
        """
        return reduce(
            _add,
            (
                _combine(track, [self._read_excerpt(track, path, span) for path in track.files])
                for track in self._group(stem)
            ),
        )

    def read_stems(self) -> Mapping[str, Audio]:
        """Return a mapping that reads each stem when it is asked for."""
        return _LazyStems(self)

    def read_native(self, stem: str) -> tuple[Audio, int]:
        """Read a stem at the highest sample rate of its own files, without opening those of other stems.

        Returns
        -------
        audio : ndarray, shape (1 or 2, samples), float32
        sample_rate : int
            In Hz.
        """
        alone = replace(self, tracks=self._group(stem))
        return alone.read_stem(stem), alone.sample_rate

    def __lt__(self, other: "Multitrack") -> bool:
        return self._order < other._order

    @property
    def _order(self) -> tuple[int, str, str]:
        return (None, *SPLITS).index(self.split), self.name, self.id

    def _group(self, stem: str) -> tuple[Track, ...]:
        return tuple(track for track in self.tracks if track.stem == require_stem(stem))

    def _scaled(self, samples: int, path: Path) -> int:
        """Convert a number of samples of a file to `sample_rate`."""
        sample_rate = self.infos[path].sample_rate
        return samples if sample_rate == self.sample_rate else round(samples * self.sample_rate / sample_rate)

    def _read_track(self, track: Track) -> Audio:
        return _combine(track, [self._read(track, path) for path in track.files])

    def _read(self, track: Track, path: Path) -> Audio:
        samples, sample_rate = audio_files.read(path)
        length = self._scaled(samples.shape[1], path)
        resampled = audio.resample(samples, sample_rate, self.sample_rate, samples=length)
        return _delay(resampled, self._scaled(track.offset, path))

    def _read_excerpt(self, track: Track, path: Path, span: slice) -> Audio:
        sample_rate, length = self.infos[path].sample_rate, span.stop - span.start
        start = span.start * sample_rate // self.sample_rate - track.offset
        samples = -(-length * sample_rate // self.sample_rate)
        lead = min(max(0, -start), samples)  # silence before the track begins
        if lead == samples:
            return np.zeros((self.infos[path].channels, length), dtype=np.float32)
        excerpt = _delay(audio_files.read_segment(path, max(0, start), samples - lead), lead)
        return audio.resample(excerpt, sample_rate, self.sample_rate, samples=length)


class _LazyStems(Mapping[str, Audio]):
    def __init__(self, multitrack: Multitrack) -> None:
        self._multitrack = multitrack

    def __getitem__(self, stem: str) -> Audio:
        if stem not in self._multitrack.stems:
            raise KeyError(stem)
        return self._multitrack.read_stem(stem)

    def __iter__(self) -> Iterator[str]:
        return iter(self._multitrack.stems)

    def __len__(self) -> int:
        return len(self._multitrack.stems)


def _delay(samples: Audio, offset: int) -> Audio:
    return np.pad(samples, ((0, 0), (offset, 0))) if offset else samples


def _combine(track: Track, recordings: Sequence[Audio]) -> Audio:
    """Make a track of its files."""
    return join_sides(*recordings) if track.layout == LEFT_RIGHT else reduce(_add, recordings)


def join_sides(left: Audio, right: Audio) -> Audio:
    """Take the left channel of one recording and the right channel of another; the shorter ends in silence."""
    joined = np.zeros((2, max(left.shape[1], right.shape[1])), dtype=np.float32)
    joined[0, : left.shape[1]] = left[0]
    joined[1, : right.shape[1]] = right[-1]
    return joined


def _add(total: Audio, signal: Audio) -> Audio:
    """Add two recordings in place of the longer; stereo if either is."""
    if total.shape[0] != signal.shape[0]:
        total, signal = audio.to_stereo(total), audio.to_stereo(signal)
    longer, shorter = (total, signal) if total.shape[1] >= signal.shape[1] else (signal, total)
    longer[:, : shorter.shape[1]] += shorter
    return longer

"""Check the files of songs: read every file once and measure its faults."""

from collections.abc import Iterator, Sequence
from itertools import zip_longest
from pathlib import Path, PurePosixPath

import numpy as np
import numpy.typing as npt

from fxnorm import audio, audio_files
from fxnorm.audio import Audio
from fxnorm.audio_files import AudioInfo
from fxnorm.corpus.multitrack import Multitrack
from fxnorm.corpus.reports import FileReport, TrackReport
from fxnorm.corpus.sorting import MIXTURE
from fxnorm.errors import AudioError
from fxnorm.parallel import Jobs, Progress, run, silent_progress
from fxnorm.units import amplitude_to_db

FULL_SCALE = 1.0 - 2.0**-15  # the largest positive value of 16 bits; deeper formats come closer to 1
CLIPPED_RUN = 3  # consecutive samples at full scale that count as clipping; fewer can be a normalised peak
COMPARABLE_SECONDS = 1.0  # largest difference in length of files that are compared


def inspect(track: Multitrack, *, block: int = 1 << 18) -> TrackReport:
    """Read every file of a song once, all in parallel, and report faults and oddities.

    Parameters
    ----------
    track : Multitrack
    block : int
        Samples read at a time from each file, which bounds the memory.

    Returns
    -------
    TrackReport
        Files that cannot be read are errors in the report; nothing is raised.
    """
    stems = {path: stem for stem, paths in track.stems.items() for path in paths}
    if track.mixture is not None:
        stems[track.mixture] = MIXTURE
    meters = [_Meter(path, track.label(path), stem) for path, stem in stems.items()]
    residual = _Residual()
    for blocks in zip_longest(*(meter.blocks(block) for meter in meters)):
        residual.add(blocks)
    files = tuple(meter.report() for meter in meters)
    complete = track.mixture is not None and not track.missing
    used_names = {_without_format(track.label(path)) for path in stems}
    unused_labels = [track.label(path) for path in track.left_out]
    return TrackReport(
        track=track.id,
        split=track.split,
        files=files,
        missing=track.missing,
        unrecognized=tuple(track.label(path) for path in track.unrecognized),
        unknown=tuple(name for name in unused_labels if _without_format(name) not in used_names),
        duplicates=tuple(name for name in unused_labels if _without_format(name) in used_names),
        has_mixture=track.mixture is not None,
        residual_db=residual.level_db() if complete and _comparable(files) else None,
    )


def inspect_corpus(
    tracks: Sequence[Multitrack], *, jobs: Jobs = 1, progress: Progress = silent_progress
) -> list[TrackReport]:
    """Inspect every song, in the given order."""
    reports = []
    for track, report in run(inspect, tracks, jobs=jobs):
        if isinstance(report, Exception):
            raise report
        reports.append(report)
        progress(len(reports), len(tracks), track.id)
    return reports


class _Meter:
    """Measures a file block by block."""

    def __init__(self, path: Path, label: str, stem: str) -> None:
        self.path = path
        self.label = label
        self.stem = stem
        self.info = AudioInfo(sample_rate=0, channels=0, samples=0, format="", subtype="")
        self.samples = 0
        self.peak = 0.0
        self.silent = True
        self.clipped = 0
        self.over_full_scale = 0
        self.not_finite = 0
        self.error: str | None = None

    def blocks(self, samples: int) -> Iterator[Audio]:
        """Yield the file's blocks up to its first unreadable one, with zeros for samples that are not finite."""
        try:
            self.info = audio_files.probe(self.path)
            if self.info.fault:
                self.error = self.info.fault
                return
            self._last_flags = np.zeros((self.info.channels, CLIPPED_RUN), dtype=bool)
            for block in audio_files.blocks(self.path, samples=samples):
                yield self._measure(block)
        except AudioError as error:
            self.error = str(error).removeprefix(f"{self.path}: ")
        else:
            self.error = self._fault()

    def report(self) -> FileReport:
        return FileReport(
            file=self.label,
            stem=self.stem,
            sample_rate=self.info.sample_rate,
            channels=self.info.channels,
            samples=self.samples,
            subtype=self.info.subtype,
            peak_db=float(amplitude_to_db(self.peak)),
            silent=self.silent and self.samples > 0,
            clipped=self.clipped,
            over_full_scale=self.over_full_scale,
            not_finite=self.not_finite,
            error=self.error,
        )

    def _measure(self, block: Audio) -> Audio:
        peak = audio.peak(block)
        if not np.isfinite(peak):
            self.not_finite += int(np.count_nonzero(~np.isfinite(block)))
            block = np.nan_to_num(block, nan=0.0, posinf=0.0, neginf=0.0)
            peak = audio.peak(block)
        self.samples += block.shape[1]
        self.peak = max(self.peak, peak)
        self.silent = self.silent and audio.is_silent(block)
        magnitude = np.abs(block)
        is_over = magnitude > 1.0
        self.over_full_scale += int(np.count_nonzero(is_over))
        self.clipped += self._count_clipped((magnitude >= FULL_SCALE) & ~is_over)
        return block

    def _count_clipped(self, at_full_scale: npt.NDArray[np.bool_]) -> int:
        """Count samples in runs at full scale, also across blocks; a run counts once it is long enough."""
        flags = np.hstack([self._last_flags, at_full_scale])
        self._last_flags = flags[:, -CLIPPED_RUN:]
        if not flags.any():
            return 0
        windows = np.lib.stride_tricks.sliding_window_view(flags, CLIPPED_RUN, axis=1)
        run: npt.NDArray[np.bool_] = np.all(windows, axis=-1)
        begins = run[:, 1:] & ~run[:, :-1]
        return int(np.count_nonzero(run[:, 1:]) + (CLIPPED_RUN - 1) * np.count_nonzero(begins))

    def _fault(self) -> str | None:
        if self.samples == 0:
            return "has no samples; remove it or record it again"
        if self.not_finite:
            return f"expected finite samples, got {self.not_finite} NaN or infinite ones; export it again"
        if self.peak > audio.LARGEST:
            return audio.too_large(self.peak)
        return None


class _Residual:
    """Energy of a mixture minus its stems, accumulated over blocks."""

    def __init__(self) -> None:
        self.mixture = 0.0
        self.residual = 0.0

    def add(self, blocks: Sequence[Audio | None]) -> None:
        """Add a block of every stem and, last, of the mixture, up to the end of the shortest file."""
        present = [block for block in blocks if block is not None]
        if len(present) < len(blocks):
            return
        shared = min(block.shape[1] for block in present)
        *stems, mixture = (audio.to_stereo(block[:, :shared]) for block in present)
        residual = mixture - np.sum(stems, axis=0, dtype=np.float64)
        self.mixture += float(np.sum(np.square(mixture, dtype=np.float64)))
        self.residual += float(np.sum(np.square(residual)))

    def level_db(self) -> float | None:
        if self.mixture == 0.0:
            return None
        return float(amplitude_to_db(np.sqrt(self.residual / self.mixture)))


def _without_format(name: str) -> str:
    return PurePosixPath(name).with_suffix("").as_posix().lower()


def _comparable(files: Sequence[FileReport]) -> bool:
    lengths = [file.seconds for file in files]
    return (
        not any(file.error for file in files)
        and len({file.sample_rate for file in files}) == 1
        and max(lengths) - min(lengths) <= COMPARABLE_SECONDS
    )

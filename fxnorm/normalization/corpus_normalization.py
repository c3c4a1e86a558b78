"""Normalise a corpus of stems: one read, one pass and one write per stem, with a record beside each result."""

import os
import shutil
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial

from fxnorm import files
from fxnorm.corpus import Multitrack
from fxnorm.errors import InputError
from fxnorm.normalization.chain import CHAIN_FILE
from fxnorm.normalization.plan import NormalizationPlan
from fxnorm.normalization.stem_normalization import StemJob, is_up_to_date, normalize_stem
from fxnorm.parallel.runner import Failure, Jobs, Progress, explain, run, silent_progress


@dataclass(frozen=True)
class NormalizationResult:
    """Result of a run.

    Attributes
    ----------
    normalized, up_to_date : int
        Number of stems that were written, and that were there already.
    failures : tuple of Failure
    """

    normalized: int
    up_to_date: int
    failures: tuple[Failure, ...]


def normalize_corpus(
    tracks: Sequence[Multitrack], plan: NormalizationPlan, *, jobs: Jobs = 1, progress: Progress = silent_progress
) -> NormalizationResult:
    """Normalise every stem of every track.

    A stem whose record has the signature of the same source and settings is up to date, so an interrupted run resumes
    where it stopped, and a changed setting repeats the stems it affects. An output folder also gets the mixture of each
    complete song, linked if the file system can, and `chain.json`, by which further stems are normalised.

    Parameters
    ----------
    tracks : sequence of Multitrack
    plan : NormalizationPlan
    jobs : int or Runner
        Number of worker processes, or a runner.
    progress : callable
        Called with (stems finished, number of stems, name of the last one).

    Returns
    -------
    NormalizationResult
        A failed stem does not stop the others, and leaves no partial file.

    Raises
    ------
    InputError
        If results would overwrite originals or files of other origin, or cannot be written, or another run is writing
        there; nothing is written.
    RunError
        If the disk is full, or no worker can be started; finished stems stay.
    """
    stem_jobs = [StemJob(plan, track, stem) for track in tracks for stem in track.stems]
    plan.normalizer()  # raises before anything is written if impulse responses are missing
    _check_output(stem_jobs, plan)
    with ExitStack() as stack:
        for lock_folder in sorted({job.lock_folder for job in stem_jobs}):
            folders = {job.target.parent for job in stem_jobs if job.lock_folder == lock_folder}
            stack.enter_context(files.lock_folder(lock_folder, sweeping={lock_folder, *folders}))
        if plan.layout.out is not None:
            plan.chain().save(plan.layout.out / CHAIN_FILE)
        return _normalize(tracks, stem_jobs, plan, jobs, progress)


def _normalize(
    tracks: Sequence[Multitrack], stem_jobs: Sequence[StemJob], plan: NormalizationPlan, jobs: Jobs, progress: Progress
) -> NormalizationResult:
    queue = [(job.track, job.stem) for job in stem_jobs if plan.force or not is_up_to_date(job)]
    up_to_date = len(stem_jobs) - len(queue)
    failures: list[Failure] = []
    normalized = 0
    for position, ((track, stem), error) in enumerate(run(partial(normalize_stem, plan), queue, jobs=jobs), start=1):
        if error is None:
            normalized += 1
        else:
            failures.append(Failure(track.id, stem, explain(error)))
        progress(up_to_date + position, len(stem_jobs), f"{track.id} {stem}")
    incomplete = {failure.track for failure in failures}
    for track in tracks:
        if track.id not in incomplete:
            try:
                _link_mixture(track, plan)
            except OSError as error:
                failures.append(Failure(track.id, "mixture", explain(error)))
    return NormalizationResult(normalized, up_to_date, tuple(failures))


def _check_output(queue: Sequence[StemJob], plan: NormalizationPlan) -> None:
    sources = {path.resolve() for job in queue for path in job.sources}
    for job in queue:
        in_source_folder = job.target.parent.resolve() == job.track.folder.resolve()
        if job.target.resolve() in sources or (in_source_folder and plan.layout.out is not None):
            raise InputError(f"{job.target}: would overwrite the original; choose another output folder")
        if job.target.exists() and not plan.force and not job.record.exists():
            raise InputError(f"{job.target}: was not made by fxnorm; choose another output folder, or --force")
    if plan.layout.out is not None:
        files.make_folder(plan.layout.out)


def _link_mixture(track: Multitrack, plan: NormalizationPlan) -> None:
    """Link the mixture of a normalised song, or copy it if the file system has no links."""
    if plan.layout.out is None or track.mixture is None:
        return
    source = track.mixture.resolve()
    target = plan.layout.out / track.location / track.mixture.name
    if target.exists() and not plan.force:
        states = [path.stat() for path in (source, target)]
        if len({(state.st_size, state.st_mtime_ns) for state in states}) == 1:
            return
    with files.replacing(target) as temporary:
        try:
            os.link(source, temporary)
        except OSError:  # another file system, or one without links
            shutil.copy2(source, temporary)

"""Benchmark of mixing systems: mix the songs, score the mixes, and compare the systems."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path

from fxnorm.errors import InputError
from fxnorm.evaluation.comparison import Comparison
from fxnorm.evaluation.results import Results
from fxnorm.evaluation.scoring import score_songs
from fxnorm.evaluation.songs import find_mixes, match_songs
from fxnorm.evaluation.system_mixes import MixSet, Model, describe_model, find_songs, mix_songs, open_models
from fxnorm.models import MixModel
from fxnorm.parallel import Failure, Progress, default_jobs

StageProgress = Callable[[str, int, int, str], None]  # stage, items done, items in all, last item

FINISHED = "Finished mixes"


def evaluate(
    models: Iterable[Model] = (),
    corpus: str | Path | None = None,
    *,
    dry_stems: str | Path | None = None,
    mixes: Mapping[str, str | Path] | None = None,
    targets: str | Path | None = None,
    out: str | Path | None = None,
    split: str | None = None,
    reference: str = "",
    align: bool = False,
    device: str = "auto",
    seed: int = 0,
    jobs: int | None = None,
    progress: StageProgress = lambda stage, completed, total, item: None,
) -> Results:
    """Compare models, baselines and finished mixes with human mixes.

    Parameters
    ----------
    models : iterable of str, Path, MixModel, or pair of a name and one of them
        Baselines (`sum`, `naive`, `normalized-sum`) and trained models. A model without a name gets its own.
    corpus : str or Path, optional
        Songs with wet stems and the human mixture of each: the models mix the wet stems, and the mixtures are targets.
    dry_stems : str or Path, optional
        Dry stems of the same songs; the models also mix these. The best of the trivial baselines (`sum`, `naive`) is
        the reference of this comparison.
    mixes : mapping of str to path, optional
        Folders of finished mixes by the name of their system.
    targets : str or Path, optional
        Folder of targets for `mixes`, without a corpus.
    out : str or Path, optional
        Folder that keeps the mixes of the models; needed if there are models. Mixes that are up to date are not made
        again.
    split : {"train", "valid", "test"}, optional
        Songs of the corpus to use; those of test if there are any, else all.
    reference : str, optional
        System to compare the others with, instead of the best baseline.
    align : bool
        Shift mixes that are early or late.
    device : {"auto", "cpu", "cuda", "mps"}
        For networks.
    seed : int
        Random seed of the models and of the order of audio examples.
    jobs : int, optional
        Worker processes for scoring; one per processor if None.
    progress : callable
        Called with (stage, items done, items in all, last item).

    Returns
    -------
    Results
        `results.save("report.html")` writes a report.

    Raises
    ------
    InputError
        If the inputs do not fit together; nothing is written.

    Examples
    --------
    >>> results = evaluate(["sum", "naive", "runs/tdcn"], "MUSDB18-HQ", dry_stems="dry", out="mixes")
    >>> results.save("report.html")
    """
    models, folders = list(models), {name: Path(folder) for name, folder in (mixes or {}).items()}
    _require_inputs(models, folders, corpus=corpus, dry_stems=dry_stems, targets=targets, out=out)
    named_models = open_models(models, device=device, seed=seed)
    _require_names(named_models, folders, reference)
    finished = {name: find_mixes(folder) for name, folder in folders.items()}
    missing: list[str] = []
    failures: list[Failure] = []
    if corpus is None:
        mix_sets = [MixSet(FINISHED, find_mixes(Path(str(targets))), {})]
    else:
        songs = find_songs(
            Path(corpus), None if dry_stems is None or not named_models else Path(dry_stems), split=split
        )
        missing += songs.missing
        mix_sets = mix_songs(songs, named_models, Path(out or "."), failures=failures, progress=progress)
    comparisons = []
    for mix_set in mix_sets:
        stage = partial(progress, f"score {mix_set.title.lower()}")
        comparisons.append(_score(mix_set, finished, missing, reference, align=align, jobs=jobs, progress=stage))
    settings = {
        "Songs": str(corpus or targets),
        "Split": split or "test, if there is one",
        "Seed": str(seed),
        "Aligned": "yes" if align else "no",
        **{f"Mixes of {name}": str(folder) for name, folder in folders.items()},
        **{f"Model {name}": describe_model(model) for name, model in named_models.items()},
    }
    return Results(tuple(comparisons), settings, tuple(missing), tuple(failures), align=align, seed=seed)


def _score(
    mix_set: MixSet,
    finished: Mapping[str, Mapping[str, Path]],
    missing: list[str],
    reference: str,
    *,
    align: bool,
    jobs: int | None,
    progress: Progress,
) -> Comparison:
    """Score the mixes of the models and the finished ones; extend the list of missing mixes."""
    songs, unmatched = match_songs(mix_set.targets, {**mix_set.mixes, **finished})
    missing += [f"{mix_set.title}: {line}" for line in unmatched]
    scores, failures = score_songs(songs, align=align, jobs=jobs or default_jobs(), progress=progress)
    return Comparison(
        mix_set.title,
        tuple(songs),
        tuple(scores),
        failures,
        oracles=mix_set.oracles,
        baselines=mix_set.baselines,
        requested_reference=reference,
    )


def _require_inputs(
    models: Sequence[Model],
    mixes: Mapping[str, Path],
    *,
    corpus: str | Path | None,
    dry_stems: str | Path | None,
    targets: str | Path | None,
    out: str | Path | None,
) -> None:
    if corpus is None:
        if models or dry_stems is not None:
            raise InputError("expected a folder of songs to mix, got none; name it first")
        if not mixes or targets is None:
            raise InputError("expected a corpus and models, or mixes and targets, got neither; name one of the two")
    elif targets is not None:
        raise InputError(f"{targets}: the targets are the mixtures in {corpus}; leave targets out")
    elif not models and not mixes:
        raise InputError("expected at least one model or folder of mixes, got none; add normalized-sum, say")
    if models and out is None:
        raise InputError("expected a folder for the mixes of the models, got none; set out")


def _require_names(models: Mapping[str, MixModel], folders: Mapping[str, Path], reference: str) -> None:
    if duplicates := sorted(models.keys() & folders.keys()):
        raise InputError(f"expected different names, got a model and mixes called {duplicates[0]!r}; rename one")
    if reference and reference not in (*models, *folders):
        raise InputError(f"reference: expected one of {', '.join((*models, *folders))}, got {reference!r}")

"""Open a mix model by the name of a baseline or the folder of a checkpoint."""

from collections.abc import Sequence
from pathlib import Path

from fxnorm.errors import InputError
from fxnorm.models import metadata, registry
from fxnorm.models.base import MixModel
from fxnorm.models.baselines import BASELINES, Baseline
from fxnorm.models.checkpoint import Checkpoint
from fxnorm.models.stem_model import StemModel
from fxnorm.normalization.chain import Chain
from fxnorm.normalization.impulse_responses import ImpulseResponse
from fxnorm.normalization.settings import ChainSettings
from fxnorm.normalization.statistics import FxStats


def open_model(
    model: str | Path,
    *,
    device: str = "auto",
    stats: FxStats | None = None,
    settings: ChainSettings | None = None,
    rooms: Sequence[ImpulseResponse] = (),
    seed: int = 0,
    loudness_lufs: float | None = None,
) -> MixModel:
    """Open a model.

    Parameters
    ----------
    model : str or Path
        Name of a mixer of tracks (`rules`) or of a baseline (`sum`, `normalized-sum`, `naive`), or the folder of a
        checkpoint or a run.
    device : {"auto", "cpu", "cuda", "mps"}
        Device of a network; auto takes a GPU if there is one.
    stats, settings : FxStats, ChainSettings, optional
        Normalisation of a baseline; the averages of MUSDB18 and the default preset if not given. A trained model
        accepts its own only.
    rooms : sequence of ImpulseResponse
        Short impulse responses, applied to vocals and other first: for anechoic recordings.
    seed : int
        Seed of rooms and reverb.
    loudness_lufs : float, optional
        Integrated loudness that a mixer of tracks masters to; -14 LUFS if not given.

    Returns
    -------
    MixModel

    Raises
    ------
    InputError
        If the model or device is unknown, the statistics or settings are not the model's, or impulse
        responses are missing.
    CheckpointError
        If the checkpoint is damaged.

    Examples
    --------
    >>> model = open_model("normalized-sum")
    """
    if str(model) in registry.MIXERS:
        if stats is not None or settings is not None or rooms:
            raise InputError(f"{model} takes the tracks as recorded; leave --stats, --preset and --room out")
        loudness = {} if loudness_lufs is None else {"loudness_lufs": loudness_lufs}
        mixer: MixModel = registry.find_mixer(str(model))(seed=seed, **loudness)
        return mixer
    if str(model) in BASELINES:
        return _open_baseline(BASELINES[str(model)], stats, settings, rooms, seed)
    folder = metadata.find(Path(model))
    if not folder.is_dir():
        raise InputError(
            f"unknown model {str(model)!r}: expected {', '.join((*registry.MIXERS, *BASELINES))} or the folder of a "
            "trained run; there is no such folder"
        )
    checkpoint = Checkpoint.load(folder, device=device)
    if checkpoint.chain is not None:
        _require_same(checkpoint.chain, stats, settings, folder)
    return StemModel.from_checkpoint(
        checkpoint, name=metadata.run_name(folder), identity=metadata.digest(folder), rooms=rooms, seed=seed
    )


def _open_baseline(
    baseline: Baseline,
    stats: FxStats | None,
    settings: ChainSettings | None,
    rooms: Sequence[ImpulseResponse],
    seed: int,
) -> StemModel:
    if baseline.normalizes:
        chain = Chain(stats or FxStats.shipped("musdb18"), settings or ChainSettings.preset())
        return StemModel(baseline, chain, identity=f"{baseline.name} {chain.signature}", rooms=rooms, seed=seed)
    if stats is not None or settings is not None or rooms:
        raise InputError(f"{baseline.name} leaves the stems as they are; take normalized-sum to have them normalised")
    return StemModel(baseline, None)


def _require_same(chain: Chain, stats: FxStats | None, settings: ChainSettings | None, folder: Path) -> None:
    if stats is not None and stats.signature != chain.stats.signature:
        raise InputError(
            f"{folder}: expected its own statistics ({chain.stats.title}), got {stats.title}; leave --stats out"
        )
    if settings is not None and settings != chain.settings:
        raise InputError(f"{folder}: expected its own settings of the chain, got others; leave --preset out")

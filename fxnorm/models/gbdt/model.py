"""Gradient-boosted trees that predict gains of stems in frequency bands.

A gain is the average over songs of its stem, band, and mid or side, plus the prediction of the trees for the frame. The
gains are smoothed over time and applied to the stems. The weights are JSON: average gains and XGBoost's trees by stem.
XGBoost is imported when trees are read.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
import numpy.typing as npt
from pydantic import PositiveFloat

from fxnorm.audio import SAMPLE_RATE, Audio
from fxnorm.corpus.stems import STEMS
from fxnorm.errors import InputError
from fxnorm.models.base import Progress
from fxnorm.models.gbdt.band_grid import MID_SIDE, BandGrid, Floats
from fxnorm.models.gbdt.context_features import ContextFeatures, smooth
from fxnorm.models.metadata import CheckpointError
from fxnorm.models.settings import ModelSettings

if TYPE_CHECKING:
    from xgboost import Booster


class BoostedSettings(ModelSettings):
    """Input and output of the trees.

    Attributes
    ----------
    grid : BandGrid
        Frames and bands of the gains.
    features : ContextFeatures
        Input of the trees.
    smoothing_s : float
        Standard deviation of the Gaussian window that smooths the gains, in seconds.
    """

    grid: BandGrid = BandGrid()
    features: ContextFeatures = ContextFeatures()
    smoothing_s: PositiveFloat = 0.2


PRESETS = {"default": BoostedSettings()}


@dataclass(frozen=True, eq=False)
class BoostedTrees:
    """Average gains and trees.

    Attributes
    ----------
    trees : dict of str to xgboost.Booster
        By stem; `2 * bands` outputs: mid, then side, in dB relative to the average.
    average_db : ndarray, shape (4, 2, bands), float32
        Average gains of the stems for mid and side.
    settings : BoostedSettings
    """

    name: ClassVar[str] = "boosted"
    presets: ClassVar[Mapping[str, BoostedSettings]] = PRESETS
    size_unit: ClassVar[str] = "trees"
    history_unit: ClassVar[str] = "trial"
    weights_suffix: ClassVar[str] = ".json"
    description: ClassVar[str] = (
        "The mix is the sum of the stems with gains per frequency band, chosen by boosted trees; they are not listed."
    )
    sample_rate: ClassVar[int] = SAMPLE_RATE

    trees: Mapping[str, "Booster"]
    average_db: Floats
    settings: BoostedSettings = PRESETS["default"]

    @property
    def size(self) -> int:
        """Number of trees."""
        outputs = len(MID_SIDE) * self.settings.grid.count
        return sum(trees.num_boosted_rounds() * outputs for trees in self.trees.values())

    def predict(self, stems: npt.ArrayLike, *, progress: Progress = lambda share: None) -> Audio:
        """Map a song of any length to its mix, in memory bounded but for stems and mix.

        Parameters
        ----------
        stems : array_like, shape (4, 2, samples)
            Normalised, at 44,100 Hz.
        progress : callable

        Returns
        -------
        ndarray, shape (2, samples), float32

        Raises
        ------
        InputError
            If the shape is another.
        """
        audio = np.asarray(stems, dtype=np.float32)
        if audio.ndim != 3 or audio.shape[:2] != (len(STEMS), 2) or audio.shape[2] == 0:
            raise InputError(
                f"{self.name}: expected stems of shape ({len(STEMS)}, 2, samples), got {audio.shape}; "
                f"stack {', '.join(STEMS)} in this order"
            )
        grid = self.settings.grid
        mix = grid.apply_gains(audio, self.predict_gains(grid.measure(audio)))
        progress(1.0)
        return mix

    def predict_gains(self, levels: Floats) -> Floats:
        """Predict gains.

        Parameters
        ----------
        levels : ndarray, shape (4, 2, frames, bands), float32
            Mean squares of mid and side, as `BandGrid.measure` gives them.

        Returns
        -------
        ndarray, shape (4, 2, frames, bands), float32
            Gains in dB, smoothed over time.
        """
        grid, extractor = self.settings.grid, self.settings.features
        gains_db = np.repeat(self.average_db[:, :, np.newaxis], levels.shape[2], axis=2)
        for stem_gains_db, (index, stem) in zip(gains_db, enumerate(STEMS), strict=True):
            features = extractor.extract(levels, index, grid.frame_rate)
            outputs = self.trees[stem].inplace_predict(features)  # (frames, 2 * bands)
            stem_gains_db += outputs.reshape(-1, len(MID_SIDE), grid.count).transpose(1, 0, 2)
        return smooth(gains_db, self.settings.smoothing_s * grid.frame_rate).astype(np.float32)

    @classmethod
    def describe_preset(cls, preset: str) -> dict[str, int]:
        """Return no figures: the trees grow in training."""
        return {}

    def to_bytes(self) -> bytes:
        """Average gains and trees as JSON."""
        average_db = {
            stem: {name: [float(str(db)) for db in row] for name, row in zip(MID_SIDE, rows, strict=True)}
            for stem, rows in zip(STEMS, self.average_db, strict=True)  # str: the shortest text that reads back equal
        }
        trees = {stem: json.loads(booster.save_raw("json")) for stem, booster in self.trees.items()}
        return json.dumps({"average_db": average_db, "trees": trees}).encode()

    @classmethod
    def from_bytes(cls, content: bytes, settings: ModelSettings, *, label: str, device: str = "cpu") -> Self:
        """Build from settings and JSON, on the CPU; see `TrainablePredictor.from_bytes`."""
        model = cls(*_parse(content, label), BoostedSettings.model_validate(settings))
        try:
            model.predict_gains(np.zeros((len(STEMS), len(MID_SIDE), 1, model.settings.grid.count), dtype=np.float32))
        except ValueError as error:  # XGBoost: another number of features; NumPy: another number of gains
            raise CheckpointError(f"{label}: expected trees for the settings in the metadata, got others") from error
        return model


def require_xgboost() -> Any:
    """Import XGBoost.

    Raises
    ------
    InputError
        If it is not installed.
    """
    try:
        import xgboost
    except ModuleNotFoundError as error:
        raise InputError(
            f"boosted needs {error.name}, which is not installed: pip install 'fxnorm[boosted]'"
        ) from error
    return xgboost


def _parse(content: bytes, label: str) -> "tuple[dict[str, Booster], Floats]":
    xgboost = require_xgboost()
    try:
        fields = json.loads(content)
        average_db = np.array([[fields["average_db"][stem][name] for name in MID_SIDE] for stem in STEMS], np.float32)
        trees = {
            stem: xgboost.Booster(model_file=bytearray(json.dumps(fields["trees"][stem]).encode())) for stem in STEMS
        }
    except (ValueError, KeyError, TypeError, xgboost.core.XGBoostError) as error:
        reason = str(error).strip().splitlines()[0]
        raise CheckpointError(
            f"{label}: expected trees of XGBoost for every stem and their average gains ({reason})"
        ) from error
    return trees, average_db

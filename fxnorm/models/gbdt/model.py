"""The boosted model: gradient-boosted trees that predict what a mix is made of, and no audio.

Per stem, band, mid and side it knows the gain that songs have on average, and its trees say slot by slot how far this
stem, among these others, is away from it. The gains are smoothed over time and applied to the stems.

On disk it is a checkpoint like that of a network: a card, and beside it the trees in XGBoost's JSON, by stem. The name
of that file holds its hash, and the card is written last. XGBoost is loaded when trees are, not before.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
import numpy.typing as npt
from pydantic import PositiveFloat

from fxnorm import __version__, files
from fxnorm.audio import Audio
from fxnorm.corpus.stems import STEMS
from fxnorm.errors import InputError
from fxnorm.models import BOOSTED, metadata
from fxnorm.models.gbdt.band_grid import Bands, Floats
from fxnorm.models.gbdt.context_features import Surroundings, smooth
from fxnorm.models.metadata import CARD, CheckpointError
from fxnorm.models.settings import ModelSettings, choose
from fxnorm.normalization.chain import Chain

if TYPE_CHECKING:
    from xgboost import Booster

SIDES = 2  # mid and side


class Settings(ModelSettings):
    """What the trees look at, and what is made of their answers.

    Attributes
    ----------
    bands : Bands
    surroundings : Surroundings
    smoothing_s : float
        Standard deviation of the Gaussian window over the gains in seconds.
    """

    bands: Bands = Bands()
    surroundings: Surroundings = Surroundings()
    smoothing_s: PositiveFloat = 0.2


PRESETS = {"default": Settings()}


@dataclass(frozen=True, eq=False)
class Boosted:
    """Average gains and trees, and all that has to be known to use them.

    Attributes
    ----------
    trees : dict of str to xgboost.Booster
        By stem; `2 * bands` outputs: mid, then side, in dB over the average.
    average_db : ndarray, shape (4, 2, bands), float32
        Average gains of stems for mid and side.
    settings : Settings
    chain : Chain or None
        How its stems were normalised.
    recipe : dict
        How it was trained.
    history : list of dict
        Figures of each trial.
    version : str
        Of the fxnorm that made it.
    """

    name: ClassVar[str] = BOOSTED

    trees: Mapping[str, "Booster"]
    average_db: Floats
    settings: Settings = PRESETS["default"]
    chain: Chain | None = None
    recipe: Mapping[str, Any] = field(default_factory=dict)
    history: Sequence[Mapping[str, Any]] = ()
    version: str = __version__

    @property
    def size(self) -> int:
        """Number of trees."""
        outputs = SIDES * self.settings.bands.count
        return sum(trees.num_boosted_rounds() * outputs for trees in self.trees.values())

    def mix(self, stems: npt.ArrayLike) -> Audio:
        """Mix a song of any length; beyond stems and mix memory is bounded.

        Parameters
        ----------
        stems : array_like, shape (4, 2, samples)
            Normalised by `chain`, at 44,100 Hz.

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
        bands = self.settings.bands
        return bands.mix(audio, self.predict(bands.measure(audio)))

    def predict(self, levels: Floats) -> Floats:
        """Choose gains.

        Parameters
        ----------
        levels : ndarray, shape (4, 2, slots, bands), float32
            Mean squares of mid and side, as `Bands.measure` gives them.

        Returns
        -------
        ndarray, shape (4, 2, slots, bands), float32
            Gains in dB, smooth over time.
        """
        bands, around = self.settings.bands, self.settings.surroundings
        gains_db = np.repeat(self.average_db[:, :, np.newaxis], levels.shape[2], axis=2)
        for row, (index, stem) in zip(gains_db, enumerate(STEMS), strict=True):
            features = around.describe(levels, index, bands.slot_rate)
            answers = self.trees[stem].inplace_predict(features)  # (slots, 2 * bands)
            row += answers.reshape(-1, SIDES, bands.count).transpose(1, 0, 2)
        return smooth(gains_db, self.settings.smoothing_s * bands.slot_rate).astype(np.float32)

    def save(self, folder: Path) -> None:
        """Write the trees, then the card, each whole.

        Raises
        ------
        CheckpointError
            If the folder cannot be written.
        """
        folder = Path(folder)
        content = json.dumps({stem: json.loads(trees.save_raw("json")) for stem, trees in self.trees.items()})
        trees = f"trees-{_digest(content)}.json"
        card = metadata.compose(
            self.name,
            trees,
            settings=self.settings.model_dump(mode="json"),
            chain=self.chain,
            recipe=self.recipe,
            history=self.history,
            version=self.version,
        )
        card["average_db"] = {
            stem: {side: [float(str(db)) for db in row] for side, row in zip(("mid", "side"), rows, strict=True)}
            for stem, rows in zip(STEMS, self.average_db, strict=True)  # str: the shortest that reads back the same
        }
        try:
            folder.mkdir(parents=True, exist_ok=True)
            files.write_text(folder / trees, content)
            metadata.DOCUMENT.write(folder / CARD, card)
            for old in folder.glob("trees-*.json"):
                if old.name != trees:
                    old.unlink()
        except OSError as error:
            raise CheckpointError(
                f"{folder}: cannot be written ({error.strerror}); check the folder and its permissions"
            ) from error

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote.

        Raises
        ------
        CheckpointError
            If a file is missing, damaged, of another format or version, or does not fit the card.
        InputError
            If XGBoost is not installed.
        """
        folder = Path(folder)
        card = metadata.read(folder)
        try:
            settings = choose(cls.name, PRESETS, "default", card["settings"])
            about = metadata.about(card, folder)
            path = folder / Path(card["weights"]).name
            average_db = np.array(
                [[card["average_db"][stem][side] for side in ("mid", "side")] for stem in STEMS], dtype=np.float32
            )
        except InputError as error:
            raise CheckpointError(f"{folder / CARD}: {error}") from error
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise CheckpointError(f"{folder / CARD}: incomplete ({error}); save the checkpoint again") from error
        made = cls(_read_trees(path), average_db, settings, **about)
        try:
            made.predict(np.zeros((len(STEMS), SIDES, 1, settings.bands.count), dtype=np.float32))
        except ValueError as error:  # from XGBoost for other features, from NumPy for another number of gains
            raise CheckpointError(f"{path}: expected trees for the settings of the card, got others") from error
        return made


def require_xgboost() -> Any:
    """The package.

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


def _read_trees(path: Path) -> "dict[str, Booster]":
    xgboost = require_xgboost()
    try:
        content = path.read_text(encoding="utf-8")
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be read ({error.strerror}); copy it beside its card") from error
    except UnicodeDecodeError:
        content = ""
    if path.stem != f"trees-{_digest(content)}":
        raise CheckpointError(f"{path}: damaged, its content does not have the hash in its name; copy it again")
    try:
        by_stem = json.loads(content)
        return {stem: xgboost.Booster(model_file=bytearray(json.dumps(by_stem[stem]).encode())) for stem in STEMS}
    except (ValueError, KeyError, TypeError, xgboost.core.XGBoostError) as error:
        reason = str(error).strip().splitlines()[0]
        raise CheckpointError(f"{path}: expected trees of XGBoost for every stem ({reason})") from error


def _digest(content: str) -> str:
    return hashlib.sha256(content.encode()).hexdigest()[:16]

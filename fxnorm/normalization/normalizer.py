"""The chain on one stem: every effect in its order, and a card of what each did."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from pydantic import Field, ValidationError, field_validator

from fxnorm import documents
from fxnorm.audio import RATE, Audio, as_audio, is_silent, peak, resample, to_stereo
from fxnorm.corpus.stems import require_stem
from fxnorm.errors import InputError
from fxnorm.kernels.silence import flush
from fxnorm.normalization import compression, effects, eq, loudness, panning, reverb
from fxnorm.normalization.effects import EFFECTS, MEASURED, EffectSettings, Memo, Step
from fxnorm.normalization.statistics import FxStats

DOCUMENT = documents.DocumentType("fxnorm-chain", 1, noun="a chain", remedy="normalise again with 'fxnorm normalize'")
PADDING = 65_536  # zeros on each side of the stem; the averages were measured with them


class Settings(EffectSettings):
    """Everything that decides what the chain does to a stem, the averages apart.

    Attributes
    ----------
    effects : tuple of str
        Which effects act, in the one order whatever order they are named in.
    strength : dict
        Per effect, 0 (nothing) to 1 (all the way); 1 where not named.
    reverb, eq, compression, panning, loudness
        Settings of each effect.
    """

    effects: tuple[str, ...] = MEASURED
    strength: dict[str, float] = Field(default_factory=dict)
    reverb: reverb.Settings
    eq: eq.Settings
    compression: compression.Settings
    panning: panning.Settings
    loudness: loudness.Settings

    @field_validator("effects")
    @classmethod
    def _in_order(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        for name in names:
            _require_effect(name)
        return tuple(name for name in EFFECTS if name in names)

    @field_validator("strength")
    @classmethod
    def _shares(cls, strength: dict[str, float]) -> dict[str, float]:
        for name, value in strength.items():
            _require_effect(name)
            if not 0.0 <= value <= 1.0:
                raise ValueError(f"strength of {name}: expected 0 to 1, got {value:g}")
        return strength

    @classmethod
    def preset(cls, name: str = "default", **changes: object) -> Self:
        """Settings of a preset, `default` or `published`, with some fields changed.

        Raises
        ------
        InputError
            If the preset, a field or a value is unknown.
        """
        try:
            chosen = {effect: module.PRESETS[name] for effect, module in effects.MODULES.items()}
        except KeyError:
            raise InputError(f"unknown preset {name!r}: expected default or published") from None
        try:
            return cls(**(chosen | changes))
        except ValueError as error:
            raise InputError(_first_line(error)) from None

    def strength_of(self, effect: str) -> float:
        """Share of an effect's way that is gone; 0 for one that is not asked for."""
        return self.strength.get(effect, 1.0) if effect in self.effects else 0.0

    @property
    def active(self) -> tuple[str, ...]:
        """The effects that do something, in order."""
        return tuple(effect for effect in self.effects if self.strength_of(effect) > 0.0)

    def deciding(self, stem: str) -> dict[str, object]:
        """What decides the fate of one stem: the active effects, with what is set per stem reduced to this one."""
        own: dict[str, object] = {}
        for effect in self.active:
            fields = getattr(self, effect).model_dump(mode="json")
            own[effect] = {"strength": self.strength_of(effect)} | {
                key: value[stem] if isinstance(value, dict) else value for key, value in fields.items()
            }
        return own


@dataclass(frozen=True, eq=False)
class Chain:
    """All that has to be known to normalise stems the same way again: averages and settings.

    A normalised corpus keeps it in a file, and a network that was trained on the corpus in its checkpoint.
    """

    stats: FxStats
    settings: Settings

    @property
    def signature(self) -> str:
        """Equal for chains that do the same."""
        content = [self.stats.signature, self.settings.model_dump(mode="json")]
        return documents.signature(content)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values; what the file holds."""
        return DOCUMENT.wrap({"stats": self.stats.to_dict(), "settings": self.settings.model_dump(mode="json")})

    @classmethod
    def from_dict(cls, content: Any, what: str = "chain") -> Self:
        """A chain from what `to_dict` gave; `what` is what an error calls it.

        Raises
        ------
        InputError
            If the content is something else or of another version.
        StatsError
            If its statistics are damaged.
        """
        DOCUMENT.check(content, what)
        try:
            settings = Settings(**content["settings"])
        except (KeyError, TypeError, ValueError) as error:
            reason = _first_line(error) if isinstance(error, ValueError) else error
            raise InputError(f"{what}: its settings are damaged ({reason}); normalise again") from error
        return cls(FxStats.from_dict(content.get("stats"), f"{what}: its statistics"), settings)

    def save(self, path: Path) -> None:
        """Write the file whole.

        Raises
        ------
        InputError
            If it cannot be written.
        """
        DOCUMENT.write(path, self.to_dict())

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read the file.

        Raises
        ------
        InputError
            If it is missing, or no chain.
        StatsError
            If its statistics are damaged.
        """
        return cls.from_dict(DOCUMENT.read(path), str(path))


class Normalizer:
    """Pushes stems to the averages of a data set.

    Parameters
    ----------
    stats : FxStats
        The averages.
    settings : Settings, optional
        The `default` preset if not given.
    responses : sequence of ndarray, shape (1 or 2, samples)
        Impulse responses at 44,100 Hz, needed if reverb is among the effects.
    rooms : sequence of ndarray, shape (1 or 2, samples)
        Short impulse responses at 44,100 Hz; if there are any, stems are put into a room before the chain.
    """

    def __init__(
        self,
        stats: FxStats,
        settings: Settings | None = None,
        *,
        responses: Sequence[Audio] = (),
        rooms: Sequence[Audio] = (),
    ) -> None:
        self.stats = stats
        self.settings = settings or Settings.preset()
        self.responses = responses
        self.rooms = rooms
        if "reverb" in self.settings.active and not responses:
            raise InputError("reverb: expected impulse responses, got none; hand some in or leave reverb out")

    def __call__(
        self, audio: npt.ArrayLike, rate: int, stem: str, *, rng: np.random.Generator | None = None
    ) -> tuple[Audio, list[Step]]:
        """Normalise one stem.

        Parameters
        ----------
        audio : array_like, shape (channels, samples)
            One or two channels, finite.
        rate : int
            Sampling rate in Hz; the work is done at 44,100 Hz and the result is at this rate again.
        stem : str
            vocals, bass, drums or other.
        rng : numpy.random.Generator, optional
            Source of what rooms and reverb draw.

        Returns
        -------
        audio : ndarray, shape (2, samples), float32
            As long as the input. A silent stem, and any stem where nothing is asked for, comes back sample for sample.
        steps : list of Step
            One per effect that was asked for.

        Raises
        ------
        InputError
            If the stem or the rate makes no sense.
        AudioError
            If the audio has more than two channels, no samples, or samples that are not finite.
        """
        require_stem(stem)
        if rate <= 0:
            raise InputError(f"expected a sampling rate above 0 Hz, got {rate}")
        given = to_stereo(as_audio(audio, what=stem))
        if is_silent(given):
            return given, [Step(effect, skipped="silent") for effect in self.settings.effects]
        if not self.settings.active and not self.rooms:
            return given, [Step(effect, skipped="strength 0") for effect in self.settings.effects]
        rng = rng or np.random.default_rng(0)
        worked = pad(resample(given, rate, RATE))
        first = []
        if self.rooms:
            worked, step = reverb.add_room(worked, self.rooms, stem=stem, rng=rng)
            first.append(step)
        worked, steps = self.run(worked, stem, rng=rng)
        out = resample(unpad(worked), RATE, rate, samples=given.shape[1])
        if rate != RATE and (largest := peak(out)) > 1.0 >= peak(worked):
            out = out / np.float32(largest)  # the overshoot of resampling alone
        return np.ascontiguousarray(out), first + steps

    def run(
        self,
        padded: Audio,
        stem: str,
        *,
        until: str | None = None,
        rng: np.random.Generator | None = None,
        memos: Mapping[str, Memo] | None = None,
    ) -> tuple[Audio, list[Step]]:
        """Run the chain on a stereo stem at 44,100 Hz that is padded already, up to but not including an effect.

        The stem's array is worked on in place: it holds nothing of use afterwards. `memos` holds what the effects know
        of this stem from earlier runs by the same settings.
        """
        memos = memos or {}
        steps = []
        for effect in self.settings.effects:
            if effect == until:
                break
            padded, step = self._apply(effect, padded, stem, rng, memos.get(effect))
            steps.append(step)
        return padded, steps

    def _apply(
        self, effect: str, padded: Audio, stem: str, rng: np.random.Generator | None, memo: Memo | None
    ) -> tuple[Audio, Step]:
        strength = self.settings.strength_of(effect)
        if strength == 0.0:
            return padded, Step(effect, skipped="strength 0")
        options: dict[str, object] = {"stem": stem, "settings": getattr(self.settings, effect), "strength": strength}
        if effect == "reverb":
            return reverb.match(
                padded,
                RATE,
                self.responses,
                rng=rng or np.random.default_rng(0),
                **options,  # type: ignore[arg-type]
            )
        target = self.stats.target(effect, stem)
        if target is None:
            return padded, Step(effect, skipped=f"the statistics have no average for {stem}")
        match = effects.MODULES[effect].match
        result: tuple[Audio, Step] = match(padded, RATE, target, overwrite=True, memo=memo, **options)
        return result


def pad(audio: Audio) -> Audio:
    """Put the zeros on each side that measuring and matching count on; samples too small to matter become zero too."""
    padded = np.pad(audio, ((0, 0), (PADDING, PADDING)))
    flush(padded)
    return padded


def unpad(audio: Audio) -> Audio:
    """Take the zeros off again."""
    return audio[:, PADDING:-PADDING]


def _require_effect(name: str) -> None:
    if name not in EFFECTS:
        raise ValueError(f"unknown effect {name!r}: expected some of {', '.join(EFFECTS)}")


def _first_line(error: ValueError) -> str:
    """The plain sentence in a settings error."""
    if not isinstance(error, ValidationError):
        return str(error)
    details = error.errors()
    place = ".".join(str(part) for part in details[0]["loc"])
    message = str(details[0]["msg"]).removeprefix("Value error, ")
    return message if details[0]["type"] == "value_error" else f"{place}: {message}"

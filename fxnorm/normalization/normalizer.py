"""The normaliser: choose a processor for every effect and apply it, or apply recorded processors again."""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from fxnorm.audio import SAMPLE_RATE, Audio, as_audio, is_silent, peak, resample, to_stereo
from fxnorm.corpus.stems import require_stem
from fxnorm.errors import InputError
from fxnorm.kernels.silence import flush
from fxnorm.normalization import reverb
from fxnorm.normalization.effect import AppliedEffect, Arrays, match
from fxnorm.normalization.effects import MATCHED_EFFECTS
from fxnorm.normalization.reverb import ImpulseResponse
from fxnorm.normalization.settings import ChainSettings
from fxnorm.normalization.statistics import FxStats

PADDING = 65_536  # zeros on each side of the stem; the averages were measured with them


class Normalizer:
    """Match stems to the averages of a data set.

    Parameters
    ----------
    stats : FxStats
        The averages.
    settings : ChainSettings, optional
        The default preset if not given.
    responses : sequence of ImpulseResponse
        Impulse responses of the reverb, required if the settings have one.
    rooms : sequence of ImpulseResponse
        Short impulse responses; if there are any, vocals and other are put into a room before the chain.

    Raises
    ------
    InputError
        If the settings have a reverb and there are no impulse responses.
    """

    def __init__(
        self,
        stats: FxStats,
        settings: ChainSettings | None = None,
        *,
        responses: Sequence[ImpulseResponse] = (),
        rooms: Sequence[ImpulseResponse] = (),
    ) -> None:
        self.stats = stats
        self.settings = settings or ChainSettings.preset()
        self.responses = responses
        self.rooms = rooms
        if self.settings.reverb is not None and not responses:
            raise InputError("reverb: expected impulse responses, got none; hand some in or leave reverb out")

    def __call__(
        self, audio: npt.ArrayLike, sample_rate: int, stem: str, *, rng: np.random.Generator | None = None
    ) -> tuple[Audio, list[AppliedEffect]]:
        """Normalise one stem.

        Parameters
        ----------
        audio : array_like, shape (channels, samples)
            One or two channels, finite.
        sample_rate : int
            In Hz. The chain works at 44,100 Hz; the result has the sample rate of the input.
        stem : str
            vocals, bass, drums or other.
        rng : numpy.random.Generator, optional
            Source of the draws of room and reverb.

        Returns
        -------
        audio : ndarray, shape (2, samples), float32
            As long as the input. A silent stem, and any stem to which no processor is applied, is returned sample for
            sample.
        applied : list of AppliedEffect
            Room and reverb, if there are any, then every effect of the settings. `replay` applies them again.

        Raises
        ------
        InputError
            If the stem or the sample rate is not valid.
        AudioError
            If the audio has more than two channels, no samples, or samples that are not finite.
        """
        require_stem(stem)
        stereo = _require_stereo(audio, sample_rate, label=stem)
        if is_silent(stereo):
            return stereo, [AppliedEffect(effect, skipped="silent") for effect in self.settings.effects]
        reverbs = self._draw(stem, rng if rng is not None else np.random.default_rng(0))
        if not self.settings.active and not reverbs:
            return stereo, [AppliedEffect(effect, skipped="strength 0") for effect in self.settings.effects]
        padded = pad(resample(stereo, sample_rate, SAMPLE_RATE))
        for step in reverbs:
            padded = step.process(padded, SAMPLE_RATE)
        padded, matched = self.run(padded, stem)
        applied = [*reverbs, *matched]
        if all(step.processor is None for step in applied):
            return stereo, applied
        return _restore(padded, sample_rate, stereo.shape[1]), applied

    def run(
        self,
        padded: Audio,
        stem: str,
        *,
        stop_before: str | None = None,
        decisions: Mapping[str, AppliedEffect] | None = None,
        analyses: Mapping[str, Arrays] | None = None,
    ) -> tuple[Audio, list[AppliedEffect]]:
        """Match a padded stereo stem at 44,100 Hz.

        Parameters
        ----------
        padded : ndarray, shape (2, samples), float32
            Overwritten.
        stem : str
            vocals, bass, drums or other.
        stop_before : str, optional
            Effect to stop before.
        decisions : mapping of str to AppliedEffect, optional
            Known decisions by effect, which are applied again.
        analyses : mapping of str to mapping, optional
            Stored analyses of this stem by effect.

        Returns
        -------
        audio : ndarray, shape (2, samples), float32
        applied : list of AppliedEffect
        """
        applied = []
        for effect in self.settings.effects:
            if effect == stop_before:
                break
            if decisions is not None and effect in decisions:
                step = decisions[effect]
                padded = step.process(padded, SAMPLE_RATE, overwrite=True)
            else:
                padded, step = self._match(effect, padded, stem, analyses.get(effect) if analyses is not None else None)
            applied.append(step)
        return padded, applied

    def _draw(self, stem: str, rng: np.random.Generator) -> list[AppliedEffect]:
        """Draw room and reverb, in the order in which they are applied."""
        applied = [reverb.draw_room(self.rooms, stem=stem, rng=rng)] if self.rooms else []
        if self.settings.reverb is not None:
            applied.append(reverb.draw_reverb(self.responses, stem=stem, rng=rng, settings=self.settings.reverb))
        return applied

    def _match(self, effect: str, padded: Audio, stem: str, arrays: Arrays | None) -> tuple[Audio, AppliedEffect]:
        strength = self.settings.strength_of(effect)
        if strength == 0.0:
            return padded, AppliedEffect(effect, skipped="strength 0")
        target = self.stats.target(effect, stem)
        if target is None:
            return padded, AppliedEffect(effect, skipped=f"the statistics have no average for {stem}")
        return match(
            MATCHED_EFFECTS[effect],
            padded,
            SAMPLE_RATE,
            target,
            stem=stem,
            settings=self.settings.matching[effect],
            strength=strength,
            overwrite=True,
            arrays=arrays,
        )


def replay(applied: Sequence[AppliedEffect], audio: npt.ArrayLike, sample_rate: int) -> Audio:
    """Apply recorded processors to a stem: the samples are those of the normaliser that recorded them.

    Parameters
    ----------
    applied : sequence of AppliedEffect
        As `Normalizer` returned them.
    audio : array_like, shape (channels, samples)
        One or two channels, finite.
    sample_rate : int
        In Hz.

    Returns
    -------
    ndarray, shape (2, samples), float32

    Raises
    ------
    InputError
        If the sample rate is not above 0.
    AudioError
        If the audio has more than two channels, no samples, or samples that are not finite.
    """
    stereo = _require_stereo(audio, sample_rate, label="audio")
    if all(step.processor is None for step in applied):
        return stereo

    padded = pad(resample(stereo, sample_rate, SAMPLE_RATE))
    for step in applied:
        padded = step.process(padded, SAMPLE_RATE, overwrite=True)
    return _restore(padded, sample_rate, stereo.shape[1])


def pad(audio: Audio) -> Audio:
    """Add the zeros on each side that the averages were measured with, and set negligible samples to zero."""
    padded = np.pad(audio, ((0, 0), (PADDING, PADDING)))
    flush(padded)
    return padded


def unpad(audio: Audio) -> Audio:
    """Remove the zeros again."""
    return audio[:, PADDING:-PADDING]


def _require_stereo(audio: npt.ArrayLike, sample_rate: int, *, label: str) -> Audio:
    if sample_rate <= 0:
        raise InputError(f"expected a sampling rate above 0 Hz, got {sample_rate}")
    return to_stereo(as_audio(audio, label=label))


def _restore(padded: Audio, sample_rate: int, samples: int) -> Audio:
    """Remove the padding and return to a sample rate and length, without overshoot of resampling."""
    out = resample(unpad(padded), SAMPLE_RATE, sample_rate, samples=samples)
    if sample_rate != SAMPLE_RATE and (largest := peak(out)) > 1.0 >= peak(padded):
        out = out / np.float32(largest)
    return np.ascontiguousarray(out)

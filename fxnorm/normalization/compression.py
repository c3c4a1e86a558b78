"""Compression: the peaks after the onsets, matched to the average peak by a compressor."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from fxnorm.audio import Audio, is_silent
from fxnorm.corpus.stems import require_stem
from fxnorm.normalization import onset_peaks
from fxnorm.normalization.compressor import Compressor, CompressorStrip, GainReduction
from fxnorm.normalization.compressor_search import CompressorSearch
from fxnorm.normalization.effect import Analysis, AppliedEffect, Arrays, Effect, EffectSettings
from fxnorm.normalization.onset_peaks import OnsetPeaks, reference_gain, segment_edges
from fxnorm.units import amplitude_to_db


class Ballistics(EffectSettings):
    """Time constants of the compressor of a stem, and the smallest ratio of the search."""

    attack_ms: float
    release_ms: float
    first_ratio: int


class CompressionSettings(EffectSettings):
    """Search for the compressor, and criterion of its success.

    Attributes
    ----------
    linked : bool
        Use one gain for both channels, driven by the louder one; otherwise one for each channel.
    reference : {"input", "output"}
        Scale on which peaks are compared with the target. "input": the scale of the input, on which compression lowers
        the peaks; it acts on stems whose peaks are above the target. "output": the output is scaled to -10 dBFS again,
        as in measuring, so that compression raises the mean peak; it acts on stems whose peaks are below the target.
    target_offset_std : float
        Offset of the target from the average peak in standard deviations. With "input" compression comes from above
        and ends one deviation above the average; with "output" it comes from below, and only a target above most stems
        makes them alike.
    ballistics : dict
        By stem.
    """

    linked: bool
    reference: Literal["input", "output"]
    target_offset_std: float
    ballistics: dict[str, Ballistics]


PRESETS = {
    "published": CompressionSettings(
        linked=False,
        reference="input",
        target_offset_std=1.0,
        ballistics={
            "vocals": Ballistics(attack_ms=7.5, release_ms=400.0, first_ratio=4),
            "bass": Ballistics(attack_ms=10.0, release_ms=500.0, first_ratio=5),
            "drums": Ballistics(attack_ms=10.0, release_ms=180.0, first_ratio=6),
            "other": Ballistics(attack_ms=15.0, release_ms=666.0, first_ratio=4),
        },
    ),
    "default": CompressionSettings(
        linked=True,
        reference="output",
        target_offset_std=1.5,
        # An attack of one sample: the feature consists of single largest samples, which a slower attack lets pass.
        ballistics={
            "vocals": Ballistics(attack_ms=0.02, release_ms=80.0, first_ratio=4),
            "bass": Ballistics(attack_ms=0.02, release_ms=100.0, first_ratio=5),
            "drums": Ballistics(attack_ms=0.02, release_ms=40.0, first_ratio=6),
            "other": Ballistics(attack_ms=0.02, release_ms=130.0, first_ratio=4),
        },
    ),
}


@dataclass(frozen=True)
class CompressionAnalysis(Analysis):
    """A stem and the segments between its onsets.

    Attributes
    ----------
    audio : ndarray, shape (channels, samples), float32
    sample_rate : int
        In Hz.
    groups : tuple of tuple of int
        Channels that share a compressor; empty if the stem is silent.
    edges : tuple of ndarray
        Segment edges of the channels of all groups. A group of equal channels has one set of edges.
    """

    audio: Audio
    sample_rate: int
    groups: tuple[tuple[int, ...], ...]
    edges: tuple[tuple[npt.NDArray[np.int64], ...], ...]

    def to_arrays(self) -> dict[str, npt.NDArray[Any]]:
        """Return the edges: one array, and the sizes of its parts by group."""
        parts = [channel_edges for group in self.edges for channel_edges in group]
        return {
            "edges": np.concatenate([np.empty(0, dtype=np.int64), *parts]).astype(np.int64),
            "sizes": np.array([part.size for part in parts], dtype=np.int64),
            "group_sizes": np.array([len(group) for group in self.edges], dtype=np.int64),
        }


class CompressionEffect(Effect[OnsetPeaks, CompressionSettings, CompressionAnalysis]):
    """Bring a stem to a peak of -10 dBFS and compress it until its onset peaks reach the target.

    The first pair of ratio (outer, upwards from the stem's first ratio to 20) and threshold (inner, from -10 down to
    -40 dBFS in steps of 0.5 dB) that reaches the target is chosen. If none does, it is the last pair ("input"), or the
    threshold that comes nearest at the last ratio ("output"). Onsets are found once. A stem that is beyond the target
    already is not expanded.
    """

    name = "compression"
    title = "Compressor"
    feature = OnsetPeaks
    settings = CompressionSettings
    presets = PRESETS
    processors = (Compressor,)

    def measure(self, audio: Audio, sample_rate: int) -> OnsetPeaks | None:
        """Measure the onset peaks of a stem at a peak of -10 dBFS, averaged over the channels that have an onset.

        Onsets are found in frames of 1,024 samples at any sample rate.
        """
        if is_silent(audio):
            return None
        gain = reference_gain(audio)
        return onset_peaks.measure(audio, gain, tuple(segment_edges(channel, gain) for channel in audio))

    def analyze(
        self, audio: Audio, sample_rate: int, *, settings: CompressionSettings, arrays: Arrays | None = None
    ) -> CompressionAnalysis:
        """Find the segments between onsets of the channels that are not silent."""
        audible = tuple(c for c in range(audio.shape[0]) if not is_silent(audio[c]))
        linked = (tuple(range(audio.shape[0])),) if audible else ()
        groups = linked if settings.linked else tuple((channel,) for channel in audible)
        if arrays is not None:
            return CompressionAnalysis(audio, sample_rate, groups, _split_edges(arrays))
        edges = []
        for group in groups:
            channels = audio[list(group)] if len(group) < len(audio) else audio
            gain = reference_gain(channels)
            edges.append(tuple(segment_edges(channel, gain) for channel in _distinct(channels)))
        return CompressionAnalysis(audio, sample_rate, groups, tuple(edges))

    def measure_and_analyze(
        self, audio: Audio, sample_rate: int, *, settings: CompressionSettings
    ) -> tuple[OnsetPeaks | None, CompressionAnalysis]:
        """Measure feature and analysis from the same onsets if the channels are linked."""
        analysis = self.analyze(audio, sample_rate, settings=settings)
        if not settings.linked or not analysis.groups:
            return self.measure(audio, sample_rate), analysis
        edges = analysis.edges[0]
        gain = reference_gain(audio)
        return onset_peaks.measure(audio, gain, edges if len(edges) == len(audio) else edges * len(audio)), analysis

    def choose(
        self,
        analysis: CompressionAnalysis,
        target: OnsetPeaks,
        *,
        stem: str,
        settings: CompressionSettings,
        strength: float = 1.0,
    ) -> AppliedEffect:
        """Choose input gain, ratio and threshold for every group of channels.

        Raises
        ------
        InputError
            If the stem is unknown.
        """
        ballistics = settings.ballistics[require_stem(stem)]
        if not analysis.groups:
            return AppliedEffect(self.name, skipped="silent")
        choices = [
            _choose_strip(analysis, number, target, ballistics, settings, strength)
            for number in range(len(analysis.groups))
        ]
        return choices[0] if len(choices) == 1 else _merge(choices)


COMPRESSION = CompressionEffect()


def _choose_strip(
    analysis: CompressionAnalysis,
    number: int,
    target: OnsetPeaks,
    ballistics: Ballistics,
    settings: CompressionSettings,
    strength: float,
) -> AppliedEffect:
    channels = analysis.groups[number]
    search = CompressorSearch(
        analysis.audio[channels[0] : channels[-1] + 1],
        analysis.sample_rate,
        analysis.edges[number],
        attack_ms=ballistics.attack_ms,
        release_ms=ballistics.release_ms,
        first_ratio=ballistics.first_ratio,
        reference=settings.reference,
    )
    if not search.has_onsets:
        return AppliedEffect("compression", skipped="no onset found")
    before = search.uncompressed_peaks
    target_db = target.peak_db + settings.target_offset_std * target.std_db
    is_needed = before.peak_db >= target_db if settings.reference == "input" else before.peak_db < target_db
    strip = CompressorStrip(channels=channels, input_gain_db=strength * float(amplitude_to_db(search.gain)))
    if not is_needed or strength == 0.0:
        reason = f"peaks are beyond {target_db:.2f} dBFS already"
        return AppliedEffect("compression", Compressor(strips=(strip,)), before=before.rounded(), skipped=reason)
    ratio, threshold_db, after = search.first(before.peak_db + strength * (target_db - before.peak_db))
    reduction = GainReduction(
        detector_gain=search.gain,
        threshold_db=threshold_db,
        ratio=ratio,
        attack_ms=ballistics.attack_ms,
        release_ms=ballistics.release_ms,
    )
    processor = Compressor(strips=(strip.model_copy(update={"reduction": reduction}),))
    return AppliedEffect("compression", processor, before=before.rounded(), after=after.rounded())


def _distinct(channels: Audio) -> Audio:
    """Return the first channel alone if both are equal."""
    return channels[:1] if len(channels) == 2 and np.array_equal(channels[0], channels[1]) else channels


def _split_edges(arrays: Mapping[str, npt.NDArray[Any]]) -> tuple[tuple[npt.NDArray[np.int64], ...], ...]:
    """Return the edges by group and channel from `CompressionAnalysis.to_arrays`."""
    parts = iter(np.split(arrays["edges"], np.cumsum(arrays["sizes"])[:-1]))
    return tuple(tuple(next(parts) for _ in range(size)) for size in arrays["group_sizes"])


def _merge(choices: Sequence[AppliedEffect]) -> AppliedEffect:
    """Combine the choices for the left and the right channel."""
    by_channel = dict(zip(("left", "right"), choices, strict=True))
    strips = tuple(
        strip for choice in choices if isinstance(choice.processor, Compressor) for strip in choice.processor.strips
    )
    skipped = [f"{channel}: {choice.skipped}" for channel, choice in by_channel.items() if choice.skipped]
    return AppliedEffect(
        "compression",
        Compressor(strips=strips) if strips else None,
        before={channel: choice.before for channel, choice in by_channel.items() if choice.before},
        after={channel: choice.after for channel, choice in by_channel.items() if choice.after},
        skipped="; ".join(skipped) or None,
    )

"""Panning: the mean similarity of the channels over frequency, matched to the average similarity."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar, Self

import numpy as np
import numpy.typing as npt
from pydantic import Field

from fxnorm.audio import Audio, is_silent
from fxnorm.corpus.stems import require_stem
from fxnorm.dsp.stft import smooth, transforms
from fxnorm.kernels.spectra import add_similarity
from fxnorm.normalization import panning_published, side_gains
from fxnorm.normalization.effect import Analysis, AppliedEffect, Arrays, Effect
from fxnorm.normalization.feature import CurveFeature, PlotStyle, band_mean
from fxnorm.normalization.grid import BINS, GRID_STEP, HOP, N_FFT, require_sample_rate
from fxnorm.normalization.panning_published import PublishedRepanning, Repanner
from fxnorm.normalization.side_gains import SideGain, SideGainMatching

SMOOTHING_BINS = 501


PanningSettings = PublishedRepanning | SideGainMatching

PRESETS: dict[str, PanningSettings] = {"published": PublishedRepanning(), "default": SideGainMatching()}


class SimilarityFeature(CurveFeature):
    """Mean similarity of the channels: 0 if a bin is in one channel only, 1 if both are equally strong or silent."""

    key: ClassVar[str] = "panning"
    unit: ClassVar[str] = "mean channel similarity, 0 to 1, over the 32 bins from the frequency upwards"
    measures: ClassVar[Mapping[str, str]] = {"panning": "similarity"}
    columns: ClassVar[tuple[str, ...]] = ("similarity",)
    plot_style: ClassVar[PlotStyle | None] = PlotStyle(
        "Average similarity of the channels (1: the same on both)", "similarity"
    )

    def distance(self, other: Self) -> dict[str, float]:
        """Return the mean absolute difference from 50 Hz to 16 kHz."""
        return {"panning": band_mean(self.values - other.values)}

    def cells(self) -> tuple[str, ...]:
        """Return the mean over all frequencies."""
        return (f"{np.mean(self.values):.3f}",)

    def plot_values(self) -> npt.NDArray[np.float64]:
        """Return the similarity, limited to 0 to 1."""
        return np.clip(self.values, 0.0, 1.0)


@dataclass(frozen=True)
class PanningAnalysis(Analysis):
    """Measurements of a stereo stem for either method.

    Attributes
    ----------
    skipped : str
        Reason why the stem is not matched; empty if it is.
    channel : str
        Stronger channel, for the published method.
    similarities : ndarray, shape (bands, gains)
        Mean similarity for every side gain, for the other method.
    """

    skipped: str
    channel: str
    similarities: npt.NDArray[np.float64]


class PanningEffect(Effect[SimilarityFeature, PanningSettings, PanningAnalysis]):
    """Bring the similarity of the channels to the target."""

    name = "panning"
    title = "Width: gain of the side signal"
    feature = SimilarityFeature
    settings = Annotated[PanningSettings, Field(discriminator="method")]
    presets = PRESETS
    processors = (SideGain, Repanner)

    def measure(self, audio: Audio, sample_rate: int) -> SimilarityFeature | None:
        """Measure the mean similarity of the channels in 32,769 bins, in double precision.

        Returns
        -------
        SimilarityFeature or None
            1 throughout for a mono stem; None for a silent one.

        Raises
        ------
        InputError
            If the sample rate is not 44,100 Hz.
        """
        return self._measure(audio, sample_rate, double=True)

    def analyze(
        self, audio: Audio, sample_rate: int, *, settings: PanningSettings, arrays: Arrays | None = None
    ) -> PanningAnalysis:
        """Measure the similarity for every side gain, or find the stronger channel."""
        require_sample_rate(sample_rate, self.name)
        if arrays is not None:
            return PanningAnalysis(str(arrays["skipped"]), str(arrays["channel"]), arrays["similarities"])
        if audio.shape[0] == 1:
            return PanningAnalysis("mono", "", np.empty((0, 0)))
        if is_silent(audio):
            return PanningAnalysis("silent", "", np.empty((0, 0)))
        if isinstance(settings, PublishedRepanning):
            return PanningAnalysis("", panning_published.find_channel(audio), np.empty((0, 0)))
        return PanningAnalysis("", "", side_gains.measure_narrowed(audio, settings.range_db))

    def measure_and_analyze(
        self, audio: Audio, sample_rate: int, *, settings: PanningSettings
    ) -> tuple[SimilarityFeature | None, PanningAnalysis]:
        """Measure feature and analysis from the same transforms, in single precision.

        Earlier effects have rounded the stem to float32, which moves the feature a hundred times as far as the
        rounding of the transforms.
        """
        require_sample_rate(sample_rate, self.name)
        if isinstance(settings, PublishedRepanning) or audio.shape[0] == 1 or is_silent(audio):
            feature = self._measure(audio, sample_rate, double=False)
            return feature, self.analyze(audio, sample_rate, settings=settings)
        narrowed = side_gains.NarrowedSimilarity(settings.range_db)
        similarity = _mean_similarity(audio, double=False, narrowed=narrowed)
        return SimilarityFeature(similarity), PanningAnalysis("", "", narrowed.mean())

    def choose(
        self,
        analysis: PanningAnalysis,
        target: SimilarityFeature,
        *,
        stem: str,
        settings: PanningSettings,
        strength: float = 1.0,
    ) -> AppliedEffect:
        """Choose the gains of the side signal, or the parameters of the published method.

        Raises
        ------
        InputError
            If the stem is unknown.
        """
        require_stem(stem)
        if analysis.skipped:
            return AppliedEffect(self.name, skipped=analysis.skipped)
        if isinstance(settings, PublishedRepanning):
            return AppliedEffect(
                self.name,
                Repanner.from_target(target.values, analysis.channel, stem=stem, settings=settings, strength=strength),
            )
        goals = side_gains.read_bands(np.clip(target.values, 0.0, 1.0) ** settings.exponent)
        similarity, gains_db = side_gains.find_side_gains(analysis.similarities, goals, settings.range_db)
        before = {"similarity_at_hz": side_gains.label_bands(similarity)}
        if not gains_db.any():
            return AppliedEffect(self.name, before=before, skipped="no band is wider than the target")
        processor = SideGain(gains_db=tuple((strength * gains_db).tolist()), taps=settings.taps)
        return AppliedEffect(
            self.name, processor, before=before, after={"wanted_similarity_at_hz": side_gains.label_bands(goals)}
        )

    def smooth(self, feature: SimilarityFeature, stem: str) -> SimilarityFeature:
        """Smooth the 32,769 bins and average them to the grid, shape (1025,)."""
        return SimilarityFeature(to_grid(smooth(feature.values, SMOOTHING_BINS)))

    def from_published(self, values: npt.NDArray[np.float64]) -> SimilarityFeature:
        """Average 32,769 bins, which are smoothed already, to the grid."""
        return SimilarityFeature(to_grid(values))

    def _measure(self, audio: Audio, sample_rate: int, *, double: bool) -> SimilarityFeature | None:
        require_sample_rate(sample_rate, self.name)
        if is_silent(audio):
            return None
        if audio.shape[0] == 1:
            return SimilarityFeature(np.ones(BINS))
        return SimilarityFeature(_mean_similarity(audio, double=double))


PANNING = PanningEffect()


def to_grid(curve: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    """Average each 32 bins from the grid frequency upwards; the last bin stays as it is."""
    curve = np.asarray(curve, dtype=np.float64)
    return np.append(curve[:-1].reshape(-1, GRID_STEP).mean(axis=1), curve[-1])


def _mean_similarity(
    audio: Audio, *, double: bool, narrowed: side_gains.NarrowedSimilarity | None = None
) -> npt.NDArray[np.float64]:
    """Average the similarity over the frames; `narrowed` gets those frames that lie on its longer hop."""
    ratio = side_gains.HOP // HOP
    similarity = np.zeros(BINS)
    count = 0
    for total, difference in transforms(audio, N_FFT, HOP, sum_and_difference=True, double=double):
        add_similarity(total, difference, similarity)
        if narrowed is not None:
            frames = slice(-count % ratio, None, ratio)
            narrowed.add(total[frames], difference[frames])
        count += len(total)
    return similarity / count

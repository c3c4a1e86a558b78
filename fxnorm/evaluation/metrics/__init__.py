"""Every metric there is: names, units, what is better, and all of them at once."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from fxnorm.audio import RATE, Audio
from fxnorm.errors import InputError
from fxnorm.evaluation.metrics import audio_features, dynamics, levels, mrstft, panning, spectral
from fxnorm.evaluation.metrics.mape import Curves
from fxnorm.units import db_to_amplitude

BY_FRAMES = (spectral, panning, dynamics)


@dataclass(frozen=True)
class Metric:
    """A figure that compares a mix with its target.

    Attributes
    ----------
    title : str
    unit : str
        Empty where it is a plain number.
    about : str
        What it is, in a sentence.
    lower_is_better : bool
        The best is 0; else, `levels.SDR_LIMIT_DB`.
    ignores_level : bool
        A gain of the whole mix changes nothing.
    ignores_swap : bool
        Swapping left and right of the mix changes nothing.
    decimals : int
        In tables.
    """

    title: str
    unit: str
    about: str
    lower_is_better: bool = True
    ignores_level: bool = False
    ignores_swap: bool = False
    decimals: int = 3

    @property
    def heading(self) -> str:
        """Title with the unit, for the head of a table."""
        return f"{self.title}, {self.unit}" if self.unit else self.title


def _share(title: str, about: str, *, swap: bool = False, level: bool = True) -> Metric:
    return Metric(title, "", f"Percentage error (1 is 100 %): {about}.", ignores_level=level, ignores_swap=swap)


METRICS: dict[str, Metric] = {
    "mrstft": Metric(
        "MR-STFT",
        "",
        "Multi-resolution STFT distance of sum and difference (512, 2,048, 8,192; auraloss).",
        ignores_swap=True,
    ),
    "mrstft_matched": Metric(
        "MR-STFT, matched",
        "",
        "The same after the mix was brought to the target's loudness.",
        ignores_level=True,
        ignores_swap=True,
    ),
    "mrstft_long": Metric("MR-STFT, long", "", "The same of both channels (8,192, 16,384, 32,768), in pieces of 30 s."),
    "spectral": _share("spectral", "mean of the five below"),
    "spectral_centroid": _share("centroid", "spectral centroid, running mean of 40 frames"),
    "spectral_bandwidth": _share("bandwidth", "spectral bandwidth"),
    "spectral_contrast": _share("contrast", "spectral contrast, mean of low, middle and high bands"),
    "spectral_rolloff": _share("roll-off", "frequency under which 85 % of the magnitude lies"),
    "spectral_flatness": _share("flatness", "spectral flatness, as 1 - dB"),
    "panning": _share("panning", "mean of the four below", swap=True),
    "panning_total": _share("panning, all", "root mean square of the signed similarity", swap=True),
    "panning_low": _share("panning, low", "the same under 250 Hz", swap=True),
    "panning_middle": _share("panning, middle", "the same from 250 Hz to 2.5 kHz", swap=True),
    "panning_high": _share("panning, high", "the same above", swap=True),
    "dynamic": _share("dynamic", "mean of the three below", swap=True),
    "dynamic_level": _share("level", "level of frames, as 1 - dB", swap=True),
    "dynamic_spread": _share("spread", "dynamic spread, as 1 - dB", swap=True),
    "dynamic_crest": _share("crest, frames", "peak dB over level dB of frames", swap=True),
    "loudness": _share("loudness", "mean of the two below", swap=True, level=False),
    "loudness_lufs": _share("LUFS", "integrated loudness", swap=True, level=False),
    "loudness_peak": _share("peak", "sample peak in dB of full scale", swap=True, level=False),
    "lu": Metric("loudness", "LU", "Difference of integrated loudness.", ignores_swap=True, decimals=2),
    "true_peak": Metric("true peak", "dB", "Difference of true peaks.", ignores_swap=True, decimals=2),
    "width": Metric(
        "width", "dB", "Difference of side over mid, of energies.", ignores_level=True, ignores_swap=True, decimals=2
    ),
    "imbalance": Metric("imbalance", "dB", "Difference of left over right.", ignores_level=True, decimals=2),
    "crest": Metric(
        "crest", "dB", "Difference of crest factors of the whole.", ignores_level=True, ignores_swap=True, decimals=2
    ),
    "af": Metric("AF", "", "Audio-feature loss of Diff-MST, after loudness was matched.", ignores_level=True),
    "bark": Metric(
        "Bark",
        "",
        "Squared difference of log Bark spectra of mid and side, loudness matched.",
        ignores_level=True,
        ignores_swap=True,
    ),
    "si_sdr": Metric(
        "SI-SDR",
        "dB",
        "Scale-invariant signal-to-distortion ratio.",
        lower_is_better=False,
        ignores_level=True,
        decimals=1,
    ),
}
HEADLINE = ("mrstft", "mrstft_matched", "spectral", "panning", "dynamic", "lu", "width", "af", "si_sdr")


@dataclass(frozen=True)
class Measured:
    """A mix, and what every family of metrics finds of it: of a target once, however many mixes it serves.

    Parameters
    ----------
    audio : ndarray, shape (2, samples), float32
        At 44,100 Hz.
    rate : int
        Sampling rate in Hz.

    Raises
    ------
    InputError
        If the mix is not stereo, is empty, or has another rate.
    """

    audio: Audio
    rate: int

    def __post_init__(self) -> None:
        if self.audio.ndim != 2 or len(self.audio) != 2 or self.audio.shape[1] == 0 or self.rate != RATE:
            raise InputError(
                f"expected stereo of some length at {RATE} Hz, got shape {self.audio.shape} at {self.rate} Hz"
            )

    @cached_property
    def levels(self) -> levels.Levels:
        """Figures of the whole: `levels.measure`."""
        return levels.measure(self.audio, self.rate)

    @cached_property
    def curves(self) -> tuple[Curves, ...]:
        """Features frame by frame, of `BY_FRAMES`."""
        return tuple(family.measure(self.audio, self.rate) for family in BY_FRAMES)

    @cached_property
    def features(self) -> audio_features.Features:
        """Those of `diffmst`."""
        return audio_features.measure(self.audio, self.rate)

    def compare(self, mix: "Measured") -> dict[str, float | None]:
        """Every metric of `METRICS`, this being the target.

        Raises
        ------
        InputError
            If the lengths differ.
        """
        if self.audio.shape != mix.audio.shape:
            lengths = f"{self.audio.shape[1]} and {mix.audio.shape[1]}"
            raise InputError(f"expected two mixes of one length, got {lengths} samples; see pairing.pair")
        found = levels.compare(self.levels, mix.levels)
        for family, own, other in zip(BY_FRAMES, self.curves, mix.curves, strict=True):
            found |= family.compare(own, other)
        target_lufs, mix_lufs = self.levels["lufs"], mix.levels["lufs"]
        gain = None if target_lufs is None or mix_lufs is None else float(db_to_amplitude(target_lufs - mix_lufs))
        found |= mrstft.compare(self.audio, mix.audio, self.rate, gain=gain)
        found |= dict.fromkeys(("af", "bark"))
        if gain is not None:
            found |= audio_features.compare(
                self.features, audio_features.measure(mix.audio * np.float32(gain), self.rate)
            )
        found["si_sdr"] = levels.si_sdr(self.audio, mix.audio)
        return {name: found[name] for name in METRICS}


def compare(target: Audio, mix: Audio, rate: int) -> dict[str, float | None]:
    """Compare a mix with its target.

    Parameters
    ----------
    target, mix : ndarray, shape (2, samples), float32
        Of one length, at 44,100 Hz, in step: see `pairing.pair`.
    rate : int
        Sampling rate in Hz.

    Returns
    -------
    dict of str to float or None
        By the names of `METRICS`; None where a metric has nothing to say, as of silence.

    Raises
    ------
    InputError
        If the shapes differ or are not stereo, or the rate is another.
    """
    return Measured(target, rate).compare(Measured(mix, rate))

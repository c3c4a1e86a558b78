"""Differentiable features of a mix, and targets for them.

A measure takes excerpts of one song and returns values of all together. Frames overlap by half, which is less than the
definitions ask for, and enough for an average.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from fxnorm.audio import SAMPLE_RATE, Audio, to_stereo
from fxnorm.console import torch as console_torch
from fxnorm.dsp import audio_features, ltas, mix_features
from fxnorm.errors import InputError
from fxnorm.units import THIRD_OCTAVES_HZ, bin_frequencies, db_to_power

TINY = 1e-12
PEAK_BLOCK_S = 0.05
PEAK_QUANTILE = 0.97
WHOLE_S = 10.0


@dataclass(frozen=True)
class Mix:
    """Excerpts of a song, and what several measures need of them.

    Attributes
    ----------
    audio : Tensor, shape (batch, 2, samples)
    sample_rate : int
        In Hz.
    """

    audio: Tensor
    sample_rate: int

    @cached_property
    def lufs(self) -> Tensor:
        """Loudness of all excerpts together, shape (); gated within each."""
        energies = 10.0 ** (console_torch.loudness(self.audio, self.sample_rate) / 10.0)
        return 10.0 * torch.log10(energies.mean())

    @cached_property
    def mid_side(self) -> Tensor:
        """Mid and side signal, shape (batch, 2, samples)."""
        left, right = self.audio.unbind(dim=1)
        return 0.5 * torch.stack((left + right, left - right), dim=1)

    @cached_property
    def energies(self) -> Tensor:
        """Energies of left, right, mid and side, shape (4,)."""
        return torch.cat((self.audio, self.mid_side), dim=1).square().sum(dim=(0, 2))

    @cached_property
    def rms(self) -> Tensor:
        """Level of left and right, shape (2,)."""
        mean = self.energies[:2] / (len(self.audio) * self.audio.shape[2])
        return mean.clamp(min=audio_features.TINY).sqrt()


Measure: TypeAlias = Callable[[Mix], Tensor]


@dataclass(frozen=True)
class Target:
    """What a feature should be.

    Attributes
    ----------
    name : str
    measure : callable
        Takes a `Mix` and returns a tensor of shape (values,).
    value : Tensor, shape (values,)
    tolerance : float
        Error that counts 1.
    dead_band : float
        Share of the tolerance within which an error counts nothing.
    weight : float
    at_most : bool
        Count values above the target only.
    """

    name: str
    measure: Measure
    value: Tensor
    tolerance: float = 1.0
    dead_band: float = 0.0
    weight: float = 1.0
    at_most: bool = False

    def error(self, found: Tensor) -> Tensor:
        """Return the error in tolerances, 0 or more."""
        error = (found - self.value.to(found)) / self.tolerance
        return (error if self.at_most else error.abs()).clamp(min=0.0)

    def loss(self, found: Tensor) -> Tensor:
        """Return the weighted mean of squared errors beyond the dead band."""
        return self.weight * (self.error(found) - self.dead_band).clamp(min=0.0).square().mean()


@dataclass
class Objective:
    """Sum of the losses of targets.

    Attributes
    ----------
    targets : sequence of Target
    sample_rate : int
        In Hz.
    shifts : dict of str to Tensor
        By how much excerpts exceed the whole song, by target; see `calibrate`.
    """

    targets: Sequence[Target]
    sample_rate: int
    shifts: dict[str, Tensor] = field(default_factory=dict)

    def __call__(self, mix: Tensor) -> Tensor:
        """Return the loss of excerpts, shape (batch, 2, samples)."""
        found = self.measure(mix)
        return torch.stack([target.loss(found[target.name]).float() for target in self.targets]).sum()

    def measure(self, mix: Tensor) -> dict[str, Tensor]:
        """Measure all features of excerpts, corrected to the whole song."""
        excerpts = Mix(mix, self.sample_rate)
        return {target.name: target.measure(excerpts) - self.shifts.get(target.name, 0.0) for target in self.targets}

    def calibrate(self, excerpts: Tensor, whole: Mapping[str, Tensor]) -> None:
        """Correct later measurements so that excerpts read as the whole song does."""
        with torch.no_grad():
            mix = Mix(excerpts, self.sample_rate)
            self.shifts = {
                target.name: target.measure(mix) - whole[target.name].to(excerpts) for target in self.targets
            }


def measure_whole(audio: Audio, sample_rate: int, targets: Sequence[Target]) -> dict[str, Tensor]:
    """Measure features of a whole song, shape (channels, samples), in excerpts of about 10 s."""
    stereo = to_stereo(audio)
    count = max(1, round(stereo.shape[1] / (WHOLE_S * sample_rate)))
    samples = stereo.shape[1] // count
    excerpts = np.ascontiguousarray(stereo[:, : count * samples].reshape(2, count, samples).swapaxes(0, 1))
    with torch.no_grad():
        mix = Mix(torch.from_numpy(excerpts), sample_rate)
        return {target.name: target.measure(mix) for target in targets}


def loudness(mix: Mix) -> Tensor:
    """Integrated loudness in LUFS, shape (1,)."""
    return mix.lufs[None]


def centroid(mix: Mix) -> Tensor:
    """Centroid in Hz as of `mix_features.centroid_hz`, without resampling: frames of the same duration, shape (1,)."""
    n_fft = 2 * round(0.5 * mix_features.CENTROID_FFT * mix.sample_rate / SAMPLE_RATE)
    magnitude = _magnitudes(mix.mid_side[:, 0], n_fft, torch.hann_window(n_fft, dtype=mix.audio.dtype))
    hz = torch.from_numpy(bin_frequencies(mix.sample_rate, n_fft)).to(magnitude)
    below = int((hz <= mix_features.CENTROID_TOP_HZ).sum())
    magnitude = magnitude[..., :below]
    energy = magnitude.detach().square().sum(dim=-1)
    heard = (energy > energy.max() * db_to_power(mix_features.CENTROID_GATE_DB)).to(magnitude)
    per_bin = torch.einsum("bfk,bf->k", magnitude, heard)
    return ((per_bin * hz[:below]).sum() / per_bin.sum().clamp(min=TINY))[None]


def mid_share(mix: Mix) -> Tensor:
    """Share of the mid signal as of `mix_features.mid_share`, shape (1,)."""
    _, _, mid, side = mix.energies
    return (mid / (mid + side).clamp(min=TINY))[None]


def imbalance(mix: Mix) -> Tensor:
    """Energy of right minus left over their sum, shape (1,)."""
    left, right, _, _ = mix.energies
    return ((right - left) / (left + right).clamp(min=TINY))[None]


def frequency_balance(mix: Mix) -> Tensor:
    """Shares of low, mid and high energy as of `mix_features.frequency_balance`, shape (3,)."""
    n_fft = mix_features.BALANCE_FFT
    window = torch.hann_window(n_fft, dtype=mix.audio.dtype)
    power = _magnitudes(mix.audio.flatten(0, 1), n_fft, window).square().sum(dim=(0, 1))
    edges = np.searchsorted(bin_frequencies(mix.sample_rate, n_fft), mix_features.BALANCE_HZ)
    parts = torch.stack([part.sum() for part in torch.tensor_split(power, [int(edge) for edge in edges])])
    return parts / parts.sum().clamp(min=TINY)


def peak_to_loudness(mix: Mix) -> Tensor:
    """Level in dB of the peaks of 50 ms that 3 % exceed, over the loudness, shape (1,): what a limiter has to take."""
    block = round(PEAK_BLOCK_S * mix.sample_rate)
    count = max(1, mix.audio.shape[2] // block)
    peaks = mix.audio[..., : count * block].abs().amax(dim=1).unflatten(1, (count, -1)).amax(dim=2).flatten()
    level_db = 20.0 * torch.log10(torch.quantile(peaks, PEAK_QUANTILE).clamp(min=1e-6))
    return (level_db - mix.lufs)[None]


def spectrum(mix: Mix) -> Tensor:
    """Long-term third-octave levels in dB relative to the whole, as of `ltas.third_octave_levels`, shape (28,)."""
    window = torch.hann_window(ltas.N_FFT, dtype=mix.audio.dtype).sqrt()
    power = _magnitudes(mix.audio.flatten(0, 1), ltas.N_FFT, window).square().sum(dim=(0, 1))
    bands = torch.from_numpy(_third_octaves(mix.sample_rate)).to(power) @ power
    return 10.0 * torch.log10(bands.clamp(min=TINY) / power.sum().clamp(min=TINY))


def af_measures(reference_lufs: float) -> dict[str, Measure]:
    """Return measures of the audio features of Diff-MST, of mixes that are brought to a loudness.

    Each gives what `dsp.audio_features.AudioFeatures.at_gain` gives for the gain that matches loudness.
    """

    def gain(mix: Mix) -> Tensor:
        return 10.0 ** ((reference_lufs - mix.lufs) / 20.0)

    return {
        "rms": lambda mix: gain(mix) * mix.rms,
        "crest": _crest,
        "width": _width,
        "imbalance": imbalance,
        "bark": lambda mix: torch.log(gain(mix) * _bark(mix) + audio_features.TINY),
    }


def af_values(features: audio_features.AudioFeatures) -> dict[str, Tensor]:
    """Return the audio features of a reference as values of targets."""
    return {name: torch.from_numpy(value.reshape(-1)).float() for name, value in features.at_gain(1.0).items()}


def require_loud(audio: Audio, sample_rate: int, *, label: str, seconds: float) -> float:
    """Return the loudness of a recording.

    Raises
    ------
    InputError
        If it is silent or shorter than a number of seconds.
    """
    from fxnorm.dsp import loudness as meter

    if audio.shape[1] < seconds * sample_rate:
        raise InputError(
            f"{label}: expected at least {seconds:g} s of music, got {audio.shape[1] / sample_rate:.1f} s; "
            "choose a longer excerpt"
        )
    lufs = meter.measure(audio, sample_rate)
    if lufs is None:
        raise InputError(f"{label}: expected music, got silence (no 400 ms above -70 LUFS); choose another file")
    return lufs


def _crest(mix: Mix) -> Tensor:
    return 20.0 * torch.log10((mix.audio.abs().amax(dim=(0, 2)) / mix.rms).clamp(min=audio_features.TINY))


def _width(mix: Mix) -> Tensor:
    _, _, mid, side = mix.energies
    return (side / mid.clamp(min=TINY))[None]


def _bark(mix: Mix) -> Tensor:
    """Bark spectra of L + R and L - R, shape (48,)."""
    n_fft = audio_features.N_FFT
    signals = 2.0 * mix.mid_side
    magnitudes = [_magnitudes(signals[:, channel], n_fft, None).mean(dim=(0, 1)) for channel in range(2)]
    bank = torch.from_numpy(audio_features.filter_bank(mix.sample_rate)).to(signals)
    return (torch.stack(magnitudes) @ bank.T).flatten()


def _magnitudes(signals: Tensor, n_fft: int, window: Tensor | None) -> Tensor:
    """Return magnitudes of the complete frames, which overlap by half, shape (signals, frames, bins)."""
    if signals.shape[1] < n_fft:
        signals = torch.nn.functional.pad(signals, (0, n_fft - signals.shape[1]))
    hop = n_fft // 2
    count = signals.shape[1] // hop
    blocks = signals[:, : count * hop].unflatten(1, (count, hop))
    frames = torch.cat((blocks[:, :-1], blocks[:, 1:]), dim=2)
    spectra = torch.fft.rfft(frames if window is None else frames * window)
    # finite gradient at zero
    return (spectra.real.square() + spectra.imag.square() + TINY * TINY).sqrt()


@cache
def _third_octaves(sample_rate: int) -> npt.NDArray[np.float32]:
    """Return which bins belong to which band, shape (28, bins)."""
    edges_hz = THIRD_OCTAVES_HZ[:, None] * 10.0 ** np.array([-0.05, 0.05])
    edges = np.searchsorted(bin_frequencies(sample_rate, ltas.N_FFT), edges_hz)
    bins = np.arange(ltas.N_FFT // 2 + 1)
    return ((bins >= edges[:, :1]) & (bins < edges[:, 1:])).astype(np.float32)

"""Laws of the processors in torch alone, for tensors on a GPU, where the kernels cannot go.

Filters are applied by frequency sampling: their exact response at the bins of a transform of at least twice the length,
so that what differs is only the part of the impulse response beyond that, which wraps around. Attack and release
are exact: see `smooth`.
"""

import math
from collections.abc import Callable
from typing import TypeAlias

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from fxnorm.console.filtering import HIGHEST
from fxnorm.console.processor import Processor
from fxnorm.console.processors.compressor import FLOOR, TO_DB, Compressor
from fxnorm.console.processors.eq import Eq
from fxnorm.console.processors.width import CROSSOVER_Q
from fxnorm.kernels.silence import TINY

Law: TypeAlias = Callable[[Processor, Tensor, Tensor, int, Tensor | None], Tensor]

SWEEPS = 50  # most often 3 to 12 are needed
TOLERANCE_DB = 1e-9
NARROWEST_KNEE_DB = 1e-6


def gain(processor: Processor, audio: Tensor, values: Tensor, sample_rate: int, key: Tensor | None) -> Tensor:
    """Apply `Gain`; all laws take what `torch.process` does, with values in range."""
    del processor, sample_rate, key
    return audio * 10.0 ** (values[:, :1, None] / 20.0)


def pan(processor: Processor, audio: Tensor, values: Tensor, sample_rate: int, key: Tensor | None) -> Tensor:
    """Apply `Pan`."""
    del processor, sample_rate, key
    angle = 0.25 * math.pi * (1.0 + values[:, 0])
    return audio * (math.sqrt(2.0) * torch.stack((angle.cos(), angle.sin()), dim=1))[..., None]


def width(processor: Processor, audio: Tensor, values: Tensor, sample_rate: int, key: Tensor | None) -> Tensor:
    """Apply `Width`."""
    del processor, key
    side = 0.5 * (audio[:, :1] - audio[:, 1:])
    filtered = side
    if values.shape[1] == 2:
        q = torch.full_like(values[:, 1], CROSSOVER_Q)
        filtered = _filter(side, [("high_pass", values[:, 1], torch.zeros_like(q), q)], sample_rate)
    change = filtered * values[:, :1, None] - side
    return audio + torch.cat((change, -change), dim=1)


def eq(processor: Processor, audio: Tensor, values: Tensor, sample_rate: int, key: Tensor | None) -> Tensor:
    """Apply `Eq`."""
    del key
    if not isinstance(processor, Eq) or not processor.bands:
        return audio
    by_band = values.unflatten(1, (len(processor.bands), 3))
    bands = [(band.kind, *by_band[:, index].unbind(1)) for index, band in enumerate(processor.bands)]
    return _filter(audio, bands, sample_rate)


def compressor(processor: Processor, audio: Tensor, values: Tensor, sample_rate: int, key: Tensor | None) -> Tensor:
    """Apply `Compressor`."""
    source = audio if key is None else key
    by_mean = isinstance(processor, Compressor) and processor.detector == "mean"
    magnitude = source.abs().mean(1) if by_mean else source.abs().amax(1)
    threshold_db, ratio, attack_ms, release_ms, knee_db, makeup_db, wet = (values[:, k : k + 1] for k in range(7))
    above_db = TO_DB * magnitude.clamp(min=FLOOR).log() - threshold_db
    knee_db = knee_db.clamp(min=NARROWEST_KNEE_DB)
    # (d + W/2)² / 2W within the knee, d above it
    within_db = torch.minimum((above_db + 0.5 * knee_db).clamp(min=0.0), knee_db)
    excess_db = within_db**2 / (2.0 * knee_db) + (above_db - 0.5 * knee_db).clamp(min=0.0)
    reduction_db = excess_db * (1.0 - 1.0 / ratio)
    attack, release = (torch.exp(-1000.0 / (sample_rate * ms.double())) for ms in (attack_ms, release_ms))
    smoothed_db = smooth(reduction_db.double(), attack, release).to(audio)
    wet_gain = torch.exp((makeup_db - smoothed_db) / TO_DB)
    return audio * (wet * wet_gain + (1.0 - wet))[:, None]


LAWS: dict[str, Law] = {"gain": gain, "pan": pan, "width": width, "eq": eq, "compressor": compressor}


def smooth(signal: Tensor, attack: Tensor, release: Tensor) -> Tensor:
    """Smooth signals with one pole while they rise and another while they fall, as `kernels.ballistics.smooth`.

    Parameters
    ----------
    signal : Tensor, shape (batch, samples), float64
    attack, release : Tensor, shape (batch, 1), float64
        Poles.

    Returns
    -------
    Tensor, shape (batch, samples)

    Notes
    -----
    Given which pole is used at each sample, the recursion is linear, and prefix sums solve it in parallel. The solution
    corrects the choice, y[n-1] < x[n], and so on until it stays. With the shorter time on attack, y[n] is the larger
    of what either pole gives (else the smaller), so this is policy iteration: the solutions only grow (fall) towards
    the exact one, and reach it in finite steps (R. A. Howard, "Dynamic programming and Markov processes", 1960).
    """
    with torch.no_grad():
        rises = signal > _delay(signal)
        smoothed = torch.full_like(signal, torch.inf)
        for _ in range(SWEEPS):
            pole = torch.where(rises, attack, release)
            last, smoothed = smoothed, _scan(pole, (1.0 - pole) * signal)
            rises = signal > _delay(smoothed)
            if bool(((smoothed - last).abs() <= TOLERANCE_DB).all()):
                break
    pole = torch.where(rises, attack, release)
    return _Recursion.apply(pole, (1.0 - pole) * signal)


class _Recursion(torch.autograd.Function):
    """y[n] = p[n] y[n-1] + x[n]. Gradients: l[n] = gradient[n] + p[n+1] l[n+1] of x, and l[n] y[n-1] of p."""

    @staticmethod
    def forward(ctx, pole: Tensor, signal: Tensor) -> Tensor:  # type: ignore[no-untyped-def]
        out = _scan(pole, signal)
        ctx.save_for_backward(pole, out)
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx, gradient: Tensor) -> tuple[Tensor, Tensor]:  # type: ignore[no-untyped-def]
        pole, out = ctx.saved_tensors
        carried = _scan(_delay(pole.flip(1)), gradient.flip(1)).flip(1)
        return carried * _delay(out), carried


def _scan(pole: Tensor, signal: Tensor) -> Tensor:
    """Solve y[n] = p[n] y[n-1] + x[n] from rest by recursive doubling (W. D. Hillis and G. L. Steele, 1986)."""
    step, samples = 1, signal.shape[1]
    while step < samples:
        signal = torch.cat((signal[:, :step], torch.addcmul(signal[:, step:], pole[:, step:], signal[:, :-step])), 1)
        # products of many poles are zeros before they become subnormal
        pole = torch.cat(
            (pole[:, :step], torch.nn.functional.threshold(pole[:, step:] * pole[:, :-step], TINY, 0.0)), 1
        )
        step *= 2
    return signal


def _delay(signal: Tensor) -> Tensor:
    """Delay by one sample."""
    return torch.nn.functional.pad(signal[:, :-1], (1, 0))


def _filter(audio: Tensor, bands: list[tuple[str, Tensor, Tensor, Tensor]], sample_rate: int) -> Tensor:
    """Filter with bands in series: kind, frequency in Hz, gain in dB and Q, shape (batch,) each."""
    samples = audio.shape[2]
    n_fft = 2 ** math.ceil(math.log2(max(2 * samples, 2)))
    spectrum = torch.fft.rfft(audio, n_fft)
    for band in bands:
        spectrum = spectrum * _response(*band, n_fft, sample_rate)[:, None]
    return torch.fft.irfft(spectrum, n_fft)[..., :samples]


def _response(kind: str, frequency_hz: Tensor, gain_db: Tensor, q: Tensor, n_fft: int, sample_rate: int) -> Tensor:
    """Return the response of a biquad, shape (batch, n_fft / 2 + 1).

    The cookbook's biquads are bilinear transforms of H(s), s = j tan(w/2) / tan(w0/2). Written with u = sin(w/2)
    cos(w0/2) and v = cos(w/2) sin(w0/2), a polynomial in s times v² is accurate in float32 as well; in 1/z it is not,
    since its terms cancel out at low frequencies.
    """
    half = torch.arange(n_fft // 2 + 1, dtype=q.dtype, device=q.device) * (math.pi / n_fft)
    corner = frequency_hz.clamp(max=HIGHEST * sample_rate)[:, None] * (math.pi / sample_rate)
    u, v = half.sin() * corner.cos(), half.cos() * corner.sin()
    squares, product = (-u * u, v * v), u * v
    amplitude = 10.0 ** (gain_db[:, None] / 40.0)
    q = q[:, None]

    def polynomial(second: Tensor | float, first: Tensor | float, zeroth: Tensor | float) -> Tensor:
        return torch.complex(second * squares[0] + zeroth * squares[1], first * product)

    below = polynomial(1.0, 1.0 / q, 1.0)
    if kind == "low_pass":
        return polynomial(0.0, 0.0 * q, 1.0) / below
    if kind == "high_pass":
        return polynomial(1.0, 0.0 * q, 0.0) / below
    if kind == "peak":
        return polynomial(1.0, amplitude / q, 1.0) / polynomial(1.0, 1.0 / (amplitude * q), 1.0)
    slope = amplitude.sqrt() / q
    low, high = polynomial(1.0, slope, amplitude), polynomial(amplitude, slope, 1.0)
    return amplitude * (low / high if kind == "low_shelf" else high / low)

"""Processors of a console on tensors, with gradients: the exact kernels, or the same laws in torch for a GPU."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from fxnorm.console import torch_laws
from fxnorm.console.parameter import Parameter
from fxnorm.console.processor import Gradients, Processor, Pullback, Samples
from fxnorm.dsp import loudness as loudness_meter
from fxnorm.errors import InputError

ROUNDING = 1e-5  # of the larger end of a range: what arithmetic in float32 may leave it by
SILENCE_LUFS = -120.691  # as `dsp.loudness.short_term` measures silence

T = TypeVar("T")


def process(
    processor: Processor,
    audio: Tensor,
    values: Tensor,
    sample_rate: int,
    *,
    key: Tensor | None = None,
    exact: bool | None = None,
) -> Tensor:
    """Process a batch of tracks, differentiable with respect to audio, values and side-chain.

    Parameters
    ----------
    processor : Processor
        Gives the structure: kinds of bands, choices, and which parameters are in use.
    audio : Tensor, shape (batch, channels, samples), float32 or float64
    values : Tensor, shape (batch, parameters)
        In the order of `processor.parameters`. Values that leave the range by rounding are moved to its end.
    sample_rate : int
        In Hz.
    key : Tensor, shape (batch, channels, samples), optional
        Side-chain.
    exact : bool, optional
        Whether to use the kernels on the CPU, with the tracks of a batch in parallel on `torch.get_num_threads()`
        threads, or else the same laws in torch (`torch_laws`) on the device of the audio. Default: the kernels,
        unless the audio is on a GPU. A processor without a law in torch always uses the kernels.

    Returns
    -------
    Tensor, shape (batch, channels, samples)
        Dtype and device of the audio; two channels if the processor needs stereo.

    Raises
    ------
    InputError
        If a shape or dtype is wrong, a value is out of range, or the processor has no gradient and one is wanted.
    """
    _check_batch(audio, "audio")
    declared = list(processor.parameters().values())
    if values.shape != (len(audio), len(declared)):
        raise InputError(
            f"expected values of shape ({len(audio)}, {len(declared)}), got {tuple(values.shape)}; "
            "pass one row per track and one column per parameter"
        )
    if key is not None:
        _check_batch(key, "key")
        if key.shape[::2] != audio.shape[::2]:
            raise InputError(
                f"expected a key of {len(audio)} tracks of {audio.shape[2]} samples, got {tuple(key.shape)}; "
                "pass one as long as the audio"
            )
    if processor.NEEDS_STEREO and audio.shape[1] == 1:
        audio = (audio * np.sqrt(0.5).item()).expand(-1, 2, -1)  # as `processor.spread`
    if exact is None:
        exact = not audio.is_cuda
    law = torch_laws.LAWS.get(processor.KIND)
    if exact or law is None:
        return _Process.apply(audio, values, key, processor, sample_rate)
    return law(processor, audio, _clamp(values, declared).to(audio), sample_rate, key)


def to_values(processor: Processor, logits: Tensor) -> Tensor:
    """Map logits to values of parameters; both have the shape (..., parameters)."""
    return values_from_logits(list(processor.parameters().values()), logits)


def to_logits(processor: Processor, values: Tensor, *, margin: float = 1e-6) -> Tensor:
    """Map values of parameters to logits; the ends of a range are moved inwards by a margin of 0..1."""
    return logits_from_values(list(processor.parameters().values()), values, margin=margin)


def values_from_logits(declared: Sequence[Parameter], logits: Tensor) -> Tensor:
    """Map logits to values of any parameters; both have the shape (..., parameters)."""
    low, span, log = _ranges(declared, logits)
    position = torch.sigmoid(logits)
    return torch.where(log, low * torch.exp(position * span), low + position * span)


def logits_from_values(declared: Sequence[Parameter], values: Tensor, *, margin: float = 1e-6) -> Tensor:
    """Map values of any parameters to logits; the ends of a range are moved inwards by a margin of 0..1."""
    low, span, log = _ranges(declared, values)
    ratio = torch.where(log, values / torch.where(log, low, 1.0), 1.0)
    position = torch.where(log, torch.log(ratio), values - low) / span
    return torch.logit(position.clamp(margin, 1.0 - margin))


def loudness(audio: Tensor, sample_rate: int) -> Tensor:
    """Measure integrated loudness after ITU-R BS.1770-4, differentiable; the gate's choice of blocks is constant.

    Parameters
    ----------
    audio : Tensor, shape (batch, channels, samples), float32 or float64
    sample_rate : int
        In Hz.

    Returns
    -------
    Tensor, shape (batch,)
        LUFS; -120.691 without a gradient where no block of 400 ms exceeds -70 LUFS.
    """
    _check_batch(audio, "audio")
    return _Loudness.apply(audio, sample_rate)


class _Process(torch.autograd.Function):
    """`Processor.vjp` of every track of a batch."""

    @staticmethod
    def forward(
        ctx: Any, audio: Tensor, values: Tensor, key: Tensor | None, processor: Processor, sample_rate: int
    ) -> Tensor:
        declared = list(processor.parameters().values())
        rows = _clamp(values.detach().cpu().double(), declared).tolist()
        tracks = _to_numpy(audio)
        keys = [None] * len(tracks) if key is None else list(_to_numpy(key))
        wants_gradient = any(ctx.needs_input_grad)
        out = np.empty_like(tracks)

        def work(index: int) -> Pullback | None:
            settled = processor.with_values(rows[index])
            if not wants_gradient:
                out[index] = settled.process(tracks[index], sample_rate, key=keys[index])
                return None
            out[index], pullback = settled.vjp(tracks[index], sample_rate, key=keys[index])
            return pullback

        ctx.pullbacks = _map(work, len(tracks))
        ctx.values_like = values.new_empty(0)
        return torch.from_numpy(out).to(audio.device)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        rows = _to_numpy(gradient)

        def work(index: int) -> Gradients:
            return ctx.pullbacks[index](rows[index])

        gradients: list[Gradients] = _map(work, len(rows))
        wants_audio, wants_values, wants_key = ctx.needs_input_grad[:3]
        to_audio = _stack([each.audio for each in gradients], gradient) if wants_audio else None
        to_values = _stack([each.values for each in gradients], ctx.values_like) if wants_values else None
        keys = [each.key for each in gradients if each.key is not None]
        to_key = _stack(keys, gradient) if wants_key and keys else None
        return to_audio, to_values, to_key, None, None


class _Loudness(torch.autograd.Function):
    """`dsp.loudness.measure_vjp` of every track of a batch."""

    @staticmethod
    def forward(ctx: Any, audio: Tensor, sample_rate: int) -> Tensor:
        tracks = _to_numpy(audio)
        measured = _map(lambda index: loudness_meter.measure_vjp(tracks[index], sample_rate), len(tracks))
        ctx.pullbacks = [pullback for _, pullback in measured]
        ctx.audio_like = audio.new_empty(0)
        return audio.new_tensor([SILENCE_LUFS if lufs is None else lufs for lufs, _ in measured])

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        rows = gradient.tolist()
        return _stack(_map(lambda index: ctx.pullbacks[index](rows[index]), len(rows)), ctx.audio_like), None


def _map(work: Callable[[int], T], count: int) -> list[T]:
    """Apply a function to 0..count - 1 on as many threads as torch uses; the kernels release the GIL."""
    workers = min(torch.get_num_threads(), count)
    if workers < 2:
        return [work(index) for index in range(count)]
    with ThreadPoolExecutor(workers) as pool:
        return list(pool.map(work, range(count)))


def _to_numpy(tensor: Tensor) -> Samples:
    return tensor.detach().cpu().contiguous().numpy()


def _stack(arrays: list[Samples], like: Tensor) -> Tensor:
    return torch.from_numpy(np.stack(arrays)).to(like)


def _clamp(values: Tensor, declared: list[Parameter]) -> Tensor:
    """Move values that leave the range by rounding to its end, and pass gradients through.

    Raises
    ------
    InputError
        If a value is out of range by more, or no number.
    """
    low = torch.tensor([item.low for item in declared], dtype=torch.float64)
    high = torch.tensor([item.high for item in declared], dtype=torch.float64)
    known = values.detach().cpu().double()
    clamped = known.clamp(low, high)
    slack = ROUNDING * torch.maximum(low.abs(), high.abs())
    for row, column in (~((known - clamped).abs() <= slack)).nonzero().tolist()[:1]:
        item = declared[column]
        raise InputError(
            f"expected {item.low:g} to {item.high:g} {item.unit}".rstrip()
            + f" for parameter {column} of track {row}, got {known[row, column]:g}; choose a value in this range"
        )
    return values + (clamped - known).to(values)


def _ranges(declared: Sequence[Parameter], like: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return low ends, spans (of the logarithm where the scale is logarithmic), and which scales are logarithmic."""
    spans = [np.log(p.high / p.low) if p.scale == "log" else p.high - p.low for p in declared]
    log = torch.tensor([p.scale == "log" for p in declared], dtype=torch.bool, device=like.device)
    return like.new_tensor([p.low for p in declared]), like.new_tensor(spans), log


def _check_batch(audio: Tensor, name: str) -> None:
    if audio.ndim != 3 or audio.shape[1] not in (1, 2) or audio.dtype not in (torch.float32, torch.float64):
        raise InputError(
            f"expected {name} of shape (batch, 1 or 2, samples) in float32 or float64, got {tuple(audio.shape)} in "
            f"{str(audio.dtype).removeprefix('torch.')}; reshape or convert it"
        )

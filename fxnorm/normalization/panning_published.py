"""The published method of panning: scale both channels in every frame and bin to the average similarity."""

from collections.abc import Iterator
from typing import ClassVar, Literal, Self

import numpy as np
import numpy.typing as npt
import scipy.fft
from pydantic import Field

from fxnorm.audio import SAMPLE_RATE, Audio
from fxnorm.dsp.stft import smooth
from fxnorm.dsp.windows import frames, sqrt_hann
from fxnorm.kernels import spectra
from fxnorm.normalization.effect import EffectSettings
from fxnorm.normalization.grid import require_sample_rate
from fxnorm.normalization.processor import Facts, Processor
from fxnorm.units import db_to_amplitude, hz_to_bin

N_FFT = 2048
HOP = 1024
CHANNEL_HZ = (50.0, 2500.0)
SMOOTHING_BINS = 501
QUIET_FRAME_DB = -10.0  # of the unscaled spectrum
# In the pauses of a nearly mono stem the channels differ only by the rounding of float32 transforms: such bins are left
# out. -60 dB unscaled is about -115 dBFS.
NOISE_DB = -60.0
_BATCH = 64  # frames per block: both channels and their spectra stay in cache

Channel = Literal["left", "right"]


class PublishedRepanning(EffectSettings):
    """The published method: pan the stem to one channel, then give every frame and bin the wanted similarity.

    Attributes
    ----------
    target_scale : float
        Factor on the target similarity.
    amount : float
        Amplitude of the stronger channel in the first pan.
    max_boost_db : float or None
        Largest gain of a bin.
    outside : {"prepan", "restore"}
        Treatment of quiet frames and of bins above the limit: only the first pan, or none.
    limit_hz : dict
        Frequency by stem above which nothing is re-panned.
    """

    method: Literal["published_repanning"] = "published_repanning"
    target_scale: float = 0.9
    amount: float = 0.7
    max_boost_db: float | None = None
    outside: Literal["prepan", "restore"] = "prepan"
    limit_hz: dict[str, float] = Field(
        default_factory=lambda: {"vocals": 16_000.0, "bass": 16_000.0, "drums": 6_000.0, "other": 16_000.0}
    )


class Repanner(Processor):
    """The published re-panning.

    Attributes
    ----------
    similarity : tuple of float
        Wanted similarity at the 1,025 grid frequencies.
    channel : {"left", "right"}
        Channel that the stem is panned to.
    amount, max_boost_db, outside, limit_hz, strength
        As for `repan`.
    """

    kind: ClassVar[str] = "repanner"
    title: ClassVar[str] = "Panning"
    similarity: tuple[float, ...]
    channel: Literal["left", "right"]
    amount: float
    max_boost_db: float | None
    outside: Literal["prepan", "restore"]
    limit_hz: float
    strength: float

    @classmethod
    def from_target(
        cls,
        similarity: npt.NDArray[np.float64],
        channel: str,
        *,
        stem: str,
        settings: PublishedRepanning,
        strength: float,
    ) -> Self:
        """Create the processor that brings a stem to an average similarity."""
        return cls(
            similarity=tuple((settings.target_scale * similarity).tolist()),
            channel=channel,
            amount=settings.amount,
            max_boost_db=settings.max_boost_db,
            outside=settings.outside,
            limit_hz=settings.limit_hz[stem],
            strength=strength,
        )

    def process(self, audio: Audio, sample_rate: int, *, overwrite: bool = False) -> Audio:
        """Re-pan every frame and bin."""
        require_sample_rate(sample_rate, self.kind)
        return repan(
            audio,
            np.array(self.similarity),
            self.channel,
            amount=self.amount,
            max_boost_db=self.max_boost_db,
            outside=self.outside,
            limit_hz=self.limit_hz,
            strength=self.strength,
        )

    def facts(self) -> Facts:
        """Return the channel and its share."""
        return [("Panned to", self.channel), ("Share of that channel", f"{100.0 * self.amount:.0f} %")]


def find_channel(audio: Audio) -> Channel:
    """Find the channel in which most bins between 50 and 2,500 Hz are stronger.

    Parameters
    ----------
    audio : ndarray, shape (2, samples), float32

    Returns
    -------
    {"left", "right"}
        A tie counts as right.
    """
    lean = np.zeros(N_FFT // 2 + 1)
    for left, right in _spectra(audio):
        spectra.add_lean(left, right, db_to_amplitude(NOISE_DB), lean)
    low, high = (hz_to_bin(hz, SAMPLE_RATE, N_FFT) for hz in CHANNEL_HZ)
    signs = np.sign(smooth(lean, SMOOTHING_BINS))[low:high]
    return "right" if signs.mean() >= 0.0 else "left"


def repan(
    audio: Audio,
    similarity: npt.NDArray[np.float64],
    channel: Channel,
    *,
    amount: float,
    max_boost_db: float | None,
    outside: Literal["prepan", "restore"],
    limit_hz: float,
    strength: float,
) -> Audio:
    """Pan a stem to a channel, then scale both channels so that every bin has the wanted similarity.

    Parameters
    ----------
    audio : ndarray, shape (2, samples), float32
    similarity : ndarray, shape (1025,)
        Wanted similarity at the bins of a spectrum of 2,048 points.
    channel : {"left", "right"}
        The stronger channel.
    amount : float
        Amplitude of the stronger channel in the linear pan that comes first; the other channel gets the rest.
    max_boost_db : float or None
        Largest gain of a bin.
    outside : {"prepan", "restore"}
        Treatment of quiet frames and of bins above the limit: only the first pan, or none.
    limit_hz : float
        Upper limit in Hz; bins above it are not re-panned.
    strength : float
        Exponent of every gain, 0 to 1.

    Returns
    -------
    ndarray, shape (2, samples), float32
    """
    far_share = np.clip(similarity, 0.0, 1.0)[: hz_to_bin(limit_hz, SAMPLE_RATE, N_FFT)] / 2.0
    max_boost = np.inf if max_boost_db is None else db_to_amplitude(max_boost_db)
    outside_near, outside_far = (amount**strength, (1.0 - amount) ** strength) if outside == "prepan" else (1.0, 1.0)

    window = sqrt_hann(N_FFT)
    out = np.zeros((2, HOP * (_frame_count(audio) + 1)), dtype=np.float32)
    position = 0
    for left, right in _spectra(audio):
        near, far = (right, left) if channel == "right" else (left, right)
        spectra.repan(
            near,
            far,
            amount,
            1.0 - amount,
            far_share,
            db_to_amplitude(QUIET_FRAME_DB),
            max_boost,
            strength,
            outside_near,
            outside_far,
        )
        for samples, bins in zip(out, (left, right), strict=True):
            windowed = scipy.fft.irfft(bins, N_FFT, axis=1) * window
            hops = samples[position : position + HOP * (len(windowed) + 1)].reshape(-1, HOP)
            hops[:-1] += windowed[:, :HOP]
            hops[1:] += windowed[:, HOP:]
        position += HOP * len(left)
    return np.ascontiguousarray(out[:, HOP : HOP + audio.shape[1]])


def _frame_count(audio: Audio) -> int:
    """Count the frames of two hops that cover the audio with a hop of zeros before it."""
    return -(-audio.shape[1] // HOP) + 1


def _spectra(audio: Audio) -> Iterator[tuple[npt.NDArray[np.complex64], npt.NDArray[np.complex64]]]:
    """Yield the spectra of both channels, shape (frames, bins), a batch of frames at a time."""
    count = _frame_count(audio)
    window = sqrt_hann(N_FFT)
    for first_frame in range(0, count, _BATCH):
        end_frame = min(first_frame + _BATCH, count)
        # frame i covers samples (i - 1)·HOP to (i + 1)·HOP
        start, stop = (first_frame - 1) * HOP, end_frame * HOP
        chunk = audio[:, max(start, 0) : stop]
        chunk = np.pad(chunk, ((0, 0), (max(-start, 0), stop - max(start, 0) - chunk.shape[1])))
        left, right = (scipy.fft.rfft(channel * window, axis=1) for channel in frames(chunk, N_FFT, HOP))
        yield left, right

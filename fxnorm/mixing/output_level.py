"""The last gain of a mix: to a loudness, and into full scale."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from fxnorm.audio import Audio, peak
from fxnorm.dsp import loudness
from fxnorm.errors import InputError
from fxnorm.units import amplitude_to_db, db_to_amplitude

CLIP_MODES = ("rescale", "clamp", "none")
LUFS = (-70.0, 0.0)


@dataclass(frozen=True)
class Finish:
    """What happens to a mix before it is written.

    Attributes
    ----------
    lufs : float or None
        Integrated loudness that it is brought to; as the model made it if None.
    clip_mode : {"rescale", "clamp", "none"}
        What leaves full scale: the whole mix turned down, those samples cut off, or left as they are.
    """

    lufs: float | None = None
    clip_mode: str = "rescale"

    def __post_init__(self) -> None:
        if self.clip_mode not in CLIP_MODES:
            raise InputError(f"expected the clip mode {', '.join(CLIP_MODES)}, got {self.clip_mode!r}")
        if self.lufs is not None and not LUFS[0] < self.lufs <= LUFS[1]:
            raise InputError(f"expected a loudness from -69 to 0 LUFS, got {self.lufs:g}")

    def __call__(self, mix: Audio, rate: int) -> tuple[Audio, dict[str, Any]]:
        """The finished mix, and what was done to it.

        Parameters
        ----------
        mix : ndarray, shape (2, samples), float32
        rate : int
            Sampling rate in Hz.

        Returns
        -------
        mix : ndarray, shape (2, samples), float32
        done : dict
            `gain_db` for the loudness, `scaled_db` or `clamped_samples` for the peak, as far as anything was done.
        """
        done: dict[str, Any] = {}
        gain_db = 0.0
        if self.lufs is not None:
            measured = loudness.measure(mix, rate)
            if measured is None:
                done["notice"] = f"too quiet or too short to be brought to {self.lufs:g} LUFS"
            else:
                gain_db = self.lufs - measured
                done["gain_db"] = round(gain_db, 2)
        over_db = float(amplitude_to_db(peak(mix))) + gain_db
        if over_db > 0.0 and self.clip_mode == "rescale":
            done["scaled_db"] = round(-over_db, 2)
            gain_db -= over_db
        if gain_db == 0.0 and (over_db <= 0.0 or self.clip_mode == "none"):
            return mix, done
        mix = mix * np.float32(db_to_amplitude(gain_db))
        if over_db > 0.0 and self.clip_mode != "none":
            if self.clip_mode == "clamp":
                done["clamped_samples"] = int(np.count_nonzero(mix > 1.0) + np.count_nonzero(mix < -1.0))
            np.clip(mix, -1.0, 1.0, out=mix)  # of a mix that was turned down, no more than rounding
        return mix, done

"""Level of a finished mix: a target loudness, and the handling of clipping."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from fxnorm.audio import peak
from fxnorm.choices import CLIP_MODES
from fxnorm.dsp import loudness
from fxnorm.errors import InputError
from fxnorm.models.base import MixResult
from fxnorm.units import amplitude_to_db, db_to_amplitude

LUFS_RANGE = (-70.0, 0.0)


@dataclass(frozen=True)
class OutputLevel:
    """Loudness and clipping of a mix.

    Attributes
    ----------
    lufs : float or None
        Integrated loudness in LUFS; unchanged if None.
    clip_mode : {"rescale", "clamp", "none"}
        Handling of samples over full scale: scale the mix down, hard-clip it, or leave it.
    """

    lufs: float | None = None
    clip_mode: str = CLIP_MODES[0]

    def __post_init__(self) -> None:
        if self.clip_mode not in CLIP_MODES:
            raise InputError(f"expected the clip mode {', '.join(CLIP_MODES)}, got {self.clip_mode!r}")
        if self.lufs is not None and not LUFS_RANGE[0] < self.lufs <= LUFS_RANGE[1]:
            raise InputError(f"expected a loudness from -69 to 0 LUFS, got {self.lufs:g}")

    def apply(self, result: MixResult) -> MixResult:
        """Set the level of a mix.

        Returns
        -------
        MixResult
            With new audio and notices, and with a `level` of `gain_db` for the loudness, `scaled_db` or
            `clamped_samples` for the peak, as far as applied; `unreached_lufs` if the loudness cannot be measured.
        """
        mix = result.audio
        level: dict[str, Any] = dict(result.level)
        notices: list[str] = []
        gain_db = 0.0
        if self.lufs is not None:
            lufs = loudness.measure(mix, result.sample_rate)
            if lufs is None:
                level["unreached_lufs"] = self.lufs
                notices.append(f"too quiet or too short to be brought to {self.lufs:g} LUFS")
            else:
                gain_db = self.lufs - lufs
                level["gain_db"] = round(gain_db, 2)
        over_db = float(amplitude_to_db(peak(mix))) + gain_db
        if over_db > 0.0 and self.clip_mode == "rescale":
            level["scaled_db"] = round(-over_db, 2)
            notices.append(f"the mix left full scale and was turned down by {over_db:.2f} dB")
            gain_db -= over_db
        if gain_db != 0.0 or (over_db > 0.0 and self.clip_mode != "none"):
            mix = mix * np.float32(db_to_amplitude(gain_db))
        if over_db > 0.0 and self.clip_mode != "none":
            if self.clip_mode == "clamp":
                clamped = int(np.count_nonzero(mix > 1.0) + np.count_nonzero(mix < -1.0))
                level["clamped_samples"] = clamped
                notices.append(f"the mix left full scale: {clamped:,} samples were cut off")
            np.clip(mix, -1.0, 1.0, out=mix)  # for a mix that was scaled down, rounding only
        elif round(over_db, 2) > 0.0:
            notices.append(f"the mix leaves full scale by {over_db:.2f} dB, as asked for")
        return replace(result, audio=mix, level=level, notices=(*result.notices, *notices))

"""Level of a finished mix: a target loudness, and the handling of clipping."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from fxnorm.audio import Audio, peak
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
        level: dict[str, Any] = {}
        gain_db = 0.0
        if self.lufs is not None:
            lufs = loudness.measure(mix, result.sample_rate)
            if lufs is None:
                level["unreached_lufs"] = self.lufs
            else:
                gain_db = self.lufs - lufs
                level["gain_db"] = round(gain_db, 2)
        over_db = float(amplitude_to_db(peak(mix))) + gain_db
        if over_db > 0.0 and self.clip_mode == "rescale":
            level["scaled_db"] = round(-over_db, 2)
            gain_db -= over_db
        if gain_db != 0.0 or (over_db > 0.0 and self.clip_mode != "none"):
            mix = mix * np.float32(db_to_amplitude(gain_db))
        if over_db > 0.0 and self.clip_mode != "none":
            if self.clip_mode == "clamp":
                level["clamped_samples"] = int(np.count_nonzero(mix > 1.0) + np.count_nonzero(mix < -1.0))
            np.clip(mix, -1.0, 1.0, out=mix)  # for a mix that was scaled down, rounding only
        return replace(result, audio=mix, level=level, notices=(*result.notices, *self._notices(mix, level)))

    def _notices(self, audio: Audio, level: dict[str, Any]) -> Iterator[str]:
        if "unreached_lufs" in level:
            yield f"too quiet or too short to be brought to {level['unreached_lufs']:g} LUFS"
        if "scaled_db" in level:
            yield f"the mix left full scale and was turned down by {-level['scaled_db']:.2f} dB"
        if "clamped_samples" in level:
            yield f"the mix left full scale: {level['clamped_samples']:,} samples were cut off"
        peak_db = round(float(amplitude_to_db(peak(audio))), 2)
        if self.clip_mode == "none" and peak_db > 0.0:
            yield f"the mix leaves full scale by {peak_db:.2f} dB, as asked for"

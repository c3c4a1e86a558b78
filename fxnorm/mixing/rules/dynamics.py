"""Compressor of a track: the ratio and the times of its role, and the threshold that its own dynamics call for."""

from dataclasses import replace

import numpy as np

from fxnorm.audio import Audio
from fxnorm.console import Compressor
from fxnorm.mixing.mastering import set_threshold
from fxnorm.mixing.rules.measurement import Measurement
from fxnorm.mixing.rules.table import RoleRule

SPAN_DB = 6.0  # a track whose dynamics exceed those wanted by this much gets the whole reduction
MOST_DB = 8.0  # excess over the threshold that is then reduced
LEAST_DB = 0.5  # a smaller reduction is left out
KNEE_DB = 6.0


def choose_compressor(
    audio: Audio, sample_rate: int, measurement: Measurement, rule: RoleRule
) -> tuple[Compressor | None, str]:
    """Choose the compressor that a track needs.

    Parameters
    ----------
    audio : ndarray, shape (1 or 2, samples), float32
        The track at the working level, after its equaliser.
    sample_rate : int
        In Hz.
    measurement : Measurement
    rule : RoleRule
        Of its role.

    Returns
    -------
    compressor : Compressor or None
    reason : str
    """
    if rule.is_percussive:
        measured, noun = measurement.crest_db, "peaks above the loudness"
    else:
        measured, noun = measurement.range_lu, "range of the loudness"
    unit = "dB" if rule.is_percussive else "LU"
    facts = f"{noun}: {measured:.1f} {unit}, wanted {rule.dynamics_db:g} {unit}"
    need = float(np.clip((measured - rule.dynamics_db) / SPAN_DB, 0.0, 1.0))
    own = rule.compressor
    reduction_db = need * MOST_DB * (1.0 - 1.0 / own.ratio)
    if reduction_db < LEAST_DB:
        return None, f"no compressor: {facts}"
    compressor = Compressor(ratio=own.ratio, attack_ms=own.attack_ms, release_ms=own.release_ms, knee_db=KNEE_DB)
    compressor = set_threshold(compressor, audio, sample_rate, reduction_db=reduction_db)
    makeup_db = round(min(0.5 * reduction_db, own.makeup_db), 1)
    reason = f"{facts}: {reduction_db:.1f} dB of reduction at the loudest 5 %"
    if compressor.threshold_db < own.threshold_db:
        compressor = replace(compressor, threshold_db=own.threshold_db)
        reason = f"{reason}, or less: the threshold stays at {own.threshold_db:g} dB"
    return replace(compressor, makeup_db=makeup_db), reason

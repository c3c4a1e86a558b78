"""Equaliser of a track: the bands of its role, as far as its spectrum leaves the slope of a balanced track."""

import numpy as np

from fxnorm.console import Eq, EqBand
from fxnorm.mixing.rules.measurement import FLOOR_DB, Levels, Measurement, bands_between, octave_means
from fxnorm.mixing.rules.table import BandRule, RoleRule
from fxnorm.units import THIRD_OCTAVES_HZ

SPAN_DB = 6.0  # a track that deviates by half of it gets all of a band or none; on the slope it gets half
LEAST_DB = 0.4  # smaller gains are left out
PEAK_Q = 1.0
RUMBLE_DB = -45.0  # a high-pass removes what lies below it, if that is louder
AUDIBLE_DB = -60.0  # bands under this level, relative to the loudest, say nothing


def choose_eq(measurement: Measurement, rule: RoleRule) -> tuple[Eq, list[str]]:
    """Choose the bands that a track needs.

    Parameters
    ----------
    measurement : Measurement
    rule : RoleRule
        Of its role.

    Returns
    -------
    eq : Eq
        Perhaps without bands.
    reasons : list of str
        A line for each band of the rule, used or not.
    """
    bands: list[EqBand] = []
    reasons: list[str] = []
    if rule.high_pass_hz:
        rumble_db = measurement.share_below_db(rule.high_pass_hz / 1.4)
        if rumble_db > RUMBLE_DB:
            bands.append(EqBand("high_pass", rule.high_pass_hz))
            reasons.append(f"high-pass at {rule.high_pass_hz:.0f} Hz: {rumble_db:.0f} dB of the track lie below it")
    deviations = deviations_db(measurement.levels_db, rule.tilt_db, rule.span_hz)
    for band_rule in rule.bands:
        band, reason = _choose_band(band_rule, deviations)
        reasons.append(reason)
        if band is not None:
            bands.append(band)
    return Eq(tuple(bands)), reasons


def deviations_db(levels_db: Levels, tilt_db: float, span_hz: tuple[float, float]) -> Levels:
    """Return third-octave levels above a slope fitted to those in the span; NaN where nothing is."""
    smoothed = octave_means(levels_db)
    flat = smoothed - tilt_db * np.log2(THIRD_OCTAVES_HZ / 1000.0)
    audible = (smoothed > smoothed.max() + AUDIBLE_DB) & (levels_db > FLOOR_DB)
    in_span = audible & bands_between(*span_hz)
    reference = np.median(flat[in_span]) if in_span.any() else 0.0
    return np.where(audible, flat - reference, np.nan)


def _choose_band(rule: BandRule, deviations: Levels) -> tuple[EqBand | None, str]:
    low_hz, high_hz = rule.range_hz
    inside = bands_between(low_hz, high_hz) & np.isfinite(deviations)
    verb = "boost" if rule.most_db > 0.0 else "cut"
    where = f"{_hz(low_hz)} to {_hz(high_hz)}"
    if not inside.any():
        return None, f"no {verb} from {where}: nothing is there"
    if rule.kind == "peak":
        candidates = np.flatnonzero(inside)
        pick = candidates[np.argmin(np.sign(rule.most_db) * deviations[candidates])]
        frequency_hz, deviation_db = float(THIRD_OCTAVES_HZ[pick]), float(deviations[pick])
        frequency_hz = min(max(frequency_hz, low_hz), high_hz)
    else:
        frequency_hz, deviation_db = float(np.sqrt(low_hz * high_hz)), float(deviations[inside].mean())
    # a boost is needed where the track is below the slope, a cut where it is above
    need = float(np.clip(0.5 - np.sign(rule.most_db) * deviation_db / SPAN_DB, 0.0, 1.0))
    gain_db = round(rule.most_db * need, 1)
    side = "above" if deviation_db > 0.0 else "below"
    measured = f"{abs(deviation_db):.1f} dB {side} the slope of its role"
    if abs(gain_db) < LEAST_DB:
        return None, f"no {verb} from {where}: {measured}"
    frequency_hz = float(f"{frequency_hz:.3g}")
    band = EqBand(rule.kind, frequency_hz, gain_db, PEAK_Q if rule.kind == "peak" else 0.7071)
    return band, f"{band.describe()}: {measured}, {need:.0%} of {rule.most_db:+g} dB"


def _hz(frequency_hz: float) -> str:
    return f"{frequency_hz / 1000.0:g} kHz" if frequency_hz >= 1000.0 else f"{frequency_hz:g} Hz"

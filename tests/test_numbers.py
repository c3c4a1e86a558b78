"""Constants of the method that no other test depends on, repeated here so that no change goes unnoticed."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fxnorm import audio, recipe
from fxnorm.corpus import inspection, reports
from fxnorm.models.gbdt import model
from fxnorm.models.gbdt.band_grid import BandGrid
from fxnorm.models.gbdt.context_features import FLOOR, ContextFeatures
from fxnorm.normalization import compression, compressor_search, eq, panning, side_gains
from fxnorm.training import corpus as training_corpus
from fxnorm.training import oracle_gains

BALLISTICS = {
    "vocals": {"attack_ms": 0.02, "release_ms": 80.0, "first_ratio": 4},
    "bass": {"attack_ms": 0.02, "release_ms": 100.0, "first_ratio": 5},
    "drums": {"attack_ms": 0.02, "release_ms": 40.0, "first_ratio": 6},
    "other": {"attack_ms": 0.02, "release_ms": 130.0, "first_ratio": 4},
}
DEFAULTS: dict[str, tuple[Any, dict[str, Any]]] = {
    "eq": (eq.PRESETS["default"], {"linked": True, "smoothing_octaves": 1 / 6, "range_db": 40.0, "taps": 3001}),
    "compression": (
        compression.PRESETS["default"],
        {"linked": True, "reference": "output", "target_offset_std": 1.5, "ballistics": BALLISTICS},
    ),
    "panning": (
        panning.PRESETS["default"],
        {"method": "side_gain", "exponent": 0.2, "range_db": 24.0, "taps": 2001},
    ),
    "bands": (
        BandGrid(),
        {
            "n_fft": 4096,
            "frame_windows": 4,
            "centres_hz": (62.5, 125.0, 250.0, 500.0, 1000.0, 2000.0, 4000.0, 8000.0, 16_000.0),
        },
    ),
    "boosted": (
        model.PRESETS["default"],
        {
            "grid": BandGrid().model_dump(),
            "features": {"short_s": 0.2, "long_s": 2.0},
            "smoothing_s": 0.2,
        },
    ),
    "features": (ContextFeatures(), {"short_s": 0.2, "long_s": 2.0}),
}


@pytest.mark.parametrize("name", DEFAULTS)
def test_defaults_are_what_they_were(name: str) -> None:
    settings, wanted = DEFAULTS[name]
    assert settings.model_dump() == wanted


def test_a_recipe_that_says_nothing_has_these_numbers() -> None:
    content = recipe.Recipe(corpus=Path("corpus")).to_dict()
    assert content["data"] == {
        "segment_s": 10.0,
        "batch_size": 4,
        "batches_per_epoch": 1600,
        "workers": 2,
        "channel_swap": 0.5,
        "remix": 0.0,
        "jitter_db": 0.0,
        "stem_dropout": 0.0,
        "loudest_of": 1,
    }
    assert content["optimizer"] == {
        "name": "adamw",
        "lr": 1e-3,
        "weight_decay": 1e-2,
        "max_grad_norm": 1.0,
        "accumulate_grad_batches": 1,
        "warmup": 500,
        "ema_decay": 0.999,
    }
    assert content["validation"] == {"segments": 48, "patience": 20, "keep": 3}
    assert content["loss"] == {"name": "La", "settings": {}, "gather": True}
    assert content["schedule"] == [[200, 1.0]]
    assert (content["seed"], content["save_every"], content["precision"]) == (0, 400, "32")


def test_boosted_trees_that_nobody_sets_have_these_numbers() -> None:
    content = recipe.BoostedRecipe(corpus=Path("corpus"), model="boosted").to_dict()
    wanted = {
        "n_estimators": 100,
        "max_depth": 3,
        "learning_rate": 0.05,
        "subsample": 0.5,
        "colsample_bytree": 0.3,
        "min_child_weight": 1.0,
        "reg_lambda": 1.0,
        "search": 0,
    }
    assert {key: content[key] for key in wanted} == wanted


def test_thresholds_go_down_by_half_a_decibel_to_minus_forty() -> None:
    np.testing.assert_allclose(compressor_search.THRESHOLDS_DB, np.linspace(-10.0, -40.0, 61))
    assert compressor_search.LAST_RATIO == 20


def test_widths_are_measured_in_thirds_of_an_octave_from_50_hz_every_3_db() -> None:
    nominal = [50, 63, 80, 100, 125, 160, 200, 250, 315, 400, 500, 630, 800]
    nominal += [1000, 1250, 1600, 2000, 2500, 3150, 4000, 5000, 6300, 8000, 10_000, 12_500, 16_000]
    np.testing.assert_allclose(side_gains.BAND_CENTRES_HZ, nominal, rtol=0.011)
    assert side_gains.measure_narrowed(np.ones((2, 100), np.float32), 24.0).shape == (26, 9)


def test_gains_are_fitted_with_these_priors() -> None:
    assert oracle_gains.RIDGES == (0.01, 0.02, 1e-6)
    assert oracle_gains.WINDOW_S == 0.2
    assert oracle_gains.RANGE_DB == (-40.0, 30.0)


def test_levels_under_minus_100_db_are_inaudible_to_trees() -> None:
    assert FLOOR == 1e-10


def test_one_song_in_ten_is_set_aside() -> None:
    assert training_corpus.HOLDOUT_INTERVAL == 10


@pytest.mark.parametrize(("peak_db", "silent"), [(-49.9, False), (-50.1, True)])
def test_a_peak_of_minus_50_db_is_silence(peak_db: float, silent: bool) -> None:
    assert audio.is_silent(np.array([[0.0, -(10.0 ** (peak_db / 20.0))]], dtype=np.float32)) is silent


def test_songs_are_inspected_by_these_limits() -> None:
    assert inspection.CLIPPED_RUN == 3
    assert 32_767 / 32_768 >= inspection.FULL_SCALE > 32_766 / 32_768
    assert inspection.COMPARABLE_SECONDS == 1.0
    assert reports.RESIDUAL_DB == -40.0


def test_losses_have_this_floor() -> None:
    pytest.importorskip("torch")
    from fxnorm import losses

    assert losses.StereoLoss("La").eps == losses.StereoLoss("Lb").eps == 1e-2

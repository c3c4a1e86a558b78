"""State of ReaEQ: its bytes are those that REAPER writes, its bands null with the equaliser."""

import base64

import numpy as np
import pytest

from fxnorm.console import Eq, EqBand
from fxnorm.errors import InputError
from fxnorm.sessions import reaeq
from tests.sessions.reaper_twin import reaeq as play
from tests.sessions.scenes import bursts, residual_db

# The state of a new ReaEQ with its five bands, as REAPER saves it.
SAVED = (
    "cWVlcu5e7f4CAAAAAQAAAAAAAAACAAAAAAAAAAIAAAABAAAAAAAAAAIAAAAAAAAAzQAAAAEAAAAAABAA",
    "IQAAAAUAAAAAAAAAAQAAAAAAAAAAAFlAAAAAAAAA8D+amZmZmZnpPwEIAAAAAQAAAAAAAAAAwHJAAAAAAAAA8D8AAAAAAAAAQAEIAAAAAQAAAAAAAAAAQI9AAAAAAAAA"
    "8D8AAAAAAAAAQAEBAAAAAQAAAAAAAAAAiLNAAAAAAAAA8D+amZmZmZnpPwEEAAAAAAAAAAAAAAAAAFlAAAAAAAAA8D8AAAAAAAAAQAEBAAAAAQAAAAAAAAAAAPA/"
    "AAAAGIQCAACWAQAAAgAAAA==",
    "AAAQAAAA",
)
BANDS = (
    EqBand("high_pass", 40.0, q=0.7071),
    EqBand("high_pass", 300.0, q=3.0),
    EqBand("low_shelf", 120.0, 12.0),
    EqBand("low_shelf", 60.0, -9.0),
    EqBand("peak", 60.0, 6.0, 0.3),
    EqBand("peak", 1000.0, -12.0, 10.0),
    EqBand("peak", 12_000.0, 4.0, 1.0),
    EqBand("peak", 20_000.0, 6.0, 2.0),
    EqBand("high_shelf", 9000.0, 12.0),
    EqBand("high_shelf", 3000.0, -4.0),
    EqBand("low_pass", 16_000.0, q=0.9),
    EqBand("low_pass", 500.0, q=5.0),
)


@pytest.mark.parametrize("sample_rate", [44_100, 48_000, 96_000])
@pytest.mark.parametrize("band", BANDS, ids=lambda band: band.describe())
def test_bands_null(band: EqBand, sample_rate: int) -> None:
    audio = bursts(1.0, seed=1)
    eq = Eq((band,))
    assert reaeq.can_encode(eq, sample_rate)
    state = b"".join(base64.b64decode(line) for line in reaeq.encode(eq, sample_rate))
    assert residual_db(eq.process(audio.astype(np.float64), sample_rate), play(state, audio, sample_rate)) < -100.0


def test_bytes_are_those_of_reaper() -> None:
    bands = (EqBand("peak", 300.0), EqBand("peak", 1000.0))
    ours = [base64.b64decode(line) for line in reaeq.encode(Eq(bands), 44_100)]
    header, program = ours[0], ours[-1]
    state = b"".join(ours[1:-1])
    saved = [base64.b64decode(line) for line in SAVED]
    assert header[:48] == saved[0][:48]
    assert header[52:] == saved[0][52:]
    assert program == saved[2]
    assert len(state) == len(saved[1]) - 3 * 33
    assert state[:4] == saved[1][:4]
    assert state[8:32] == saved[1][8 + 33 : 32 + 33], "type, enabled, frequency and gain of a band"
    assert state[8 + 2 * 33 : 24 + 2 * 33] == saved[1][8 + 5 * 33 : 24 + 5 * 33], "after the bands"


def test_bands_return() -> None:
    eq = Eq(BANDS)
    decoded = reaeq.decode(reaeq.encode(eq, 48_000), 48_000)
    assert [band.kind for band in decoded.bands] == [band.kind for band in BANDS]
    np.testing.assert_allclose(decoded.values(), eq.values(), atol=1e-5)


@pytest.mark.parametrize("band", [EqBand("low_shelf", 100.0, 3.0, 1.2), EqBand("peak", 100.0, 3.0, 0.1)])
def test_other_bands_are_left_to_an_effect(band: EqBand) -> None:
    assert not reaeq.can_encode(Eq((band,)), 44_100)


def test_a_shelf_of_unknown_slope_is_refused() -> None:
    with pytest.raises(InputError, match=r"expected shelves of 1 octave, got 0\.8"):
        reaeq.decode(SAVED, 44_100)

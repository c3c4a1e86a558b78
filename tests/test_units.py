"""Unit conversions: known values and round trips."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fxnorm.units import amplitude_to_db, bin_frequencies, db_to_amplitude, hz_to_bin


@pytest.mark.parametrize(("db", "amplitude"), [(0.0, 1.0), (20.0, 10.0), (-40.0, 0.01), (-6.020599913, 0.5)])
def test_known_levels(db: float, amplitude: float) -> None:
    assert db_to_amplitude(db) == pytest.approx(amplitude, rel=1e-9)
    assert amplitude_to_db(amplitude) == pytest.approx(db, abs=1e-8)


@given(st.floats(-200.0, 200.0))
def test_decibels_there_and_back(db: float) -> None:
    assert amplitude_to_db(db_to_amplitude(db)) == pytest.approx(db, abs=1e-9)


@given(st.floats(-100.0, 100.0), st.floats(-100.0, 100.0))
def test_decibels_add_where_amplitudes_multiply(first: float, second: float) -> None:
    assert db_to_amplitude(first + second) == pytest.approx(db_to_amplitude(first) * db_to_amplitude(second))


def test_silence_reads_the_floor() -> None:
    assert amplitude_to_db(0.0) == -240.0
    assert amplitude_to_db(0.0, floor_db=-120.0) == pytest.approx(-120.0)
    np.testing.assert_allclose(amplitude_to_db([0.0, 1e-9, 1.0], floor_db=-120.0), [-120.0, -120.0, 0.0], atol=1e-9)


def test_levels_of_arrays_are_double_precision() -> None:
    assert amplitude_to_db(np.float32([0.1, 1.0])).dtype == np.float64
    np.testing.assert_allclose(db_to_amplitude(np.array([0.0, -20.0])), [1.0, 0.1])


@given(st.sampled_from([22_050, 44_100, 48_000]), st.sampled_from([64, 2_048, 65_536]), st.data())
def test_the_frequency_of_a_bin_leads_back_to_it(rate: int, n_fft: int, data: st.DataObject) -> None:
    frequencies = bin_frequencies(rate, n_fft)
    index = data.draw(st.integers(0, n_fft // 2))
    assert hz_to_bin(frequencies[index], rate, n_fft) == index


@pytest.mark.parametrize("n_fft", [64, 65, 2_048])
def test_bin_frequencies_are_those_of_a_real_spectrum(n_fft: int) -> None:
    np.testing.assert_allclose(bin_frequencies(44_100, n_fft), np.fft.rfftfreq(n_fft, 1 / 44_100), rtol=1e-12)

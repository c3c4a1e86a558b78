"""Reading pickles as data, without running them."""

import io
import os
import pickle
from pathlib import Path

import numpy as np
import pytest

from fxnorm.errors import StatsError
from fxnorm.normalization import published_features

CONTENT = {
    "eq": {"vocals": np.arange(5, dtype=np.float32), "drums": np.array([[1.0, 2.0], [3.0, 4.0]])},
    "loudness": {"vocals": np.array([-30.5]), "bass": [1, 2.5, "text", None, True, (1, 2)]},
    "big_endian": np.arange(3, dtype=">i4"),
    "fortran": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
}


def save(path: Path, value: object, protocol: int = 4) -> Path:
    """Save an object as numpy.save does, with any pickle protocol."""
    stream = io.BytesIO()
    header = {"descr": "|O", "fortran_order": False, "shape": ()}
    np.lib.format.write_array_header_1_0(stream, header)
    pickle.dump(np.array(value, dtype=object), stream, protocol=protocol)
    path.write_bytes(stream.getvalue())
    return path


def assert_same(actual: object, expected: object) -> None:
    assert type(actual) is type(expected)
    if isinstance(actual, dict):
        assert actual.keys() == expected.keys()
        for key in actual:
            assert_same(actual[key], expected[key])
    elif isinstance(actual, np.ndarray):
        assert actual.dtype == expected.dtype
        np.testing.assert_array_equal(actual, expected)
    else:
        assert actual == expected


@pytest.mark.parametrize("protocol", [2, 3, 4])
def test_a_dict_of_arrays_is_read(tmp_path, protocol):
    assert_same(published_features.read(save(tmp_path / "features.npy", CONTENT, protocol)), CONTENT)


def test_what_numpy_saves_is_read(tmp_path):
    np.save(tmp_path / "features.npy", np.array(CONTENT, dtype=object), allow_pickle=True)
    assert_same(published_features.read(tmp_path / "features.npy"), CONTENT)


class Malicious:
    """Unpickled, it would leave a file."""

    def __init__(self, call, argument):
        self.call, self.argument = call, argument

    def __reduce__(self):
        return self.call, (self.argument,)


@pytest.mark.parametrize("call", [os.system, eval, exec, os.remove])
def test_a_malicious_file_is_refused_and_nothing_is_run(tmp_path, call):
    victim = tmp_path / "victim"
    victim.write_text("here")
    argument = str(victim) if call is os.remove else f"touch {tmp_path / 'ran'}"
    path = save(tmp_path / "bad.npy", {"eq": Malicious(call, argument)})
    with pytest.raises(StatsError, match="expected a NumPy file with a pickled dict of arrays and nothing else"):
        published_features.read(path)
    assert victim.exists()
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    "content",
    [b"", b"text", b"\x93NUMPY\x01\x00", b"\x80\x04K\x01.", b"\x93NUMPY\x09\x09" + b"x" * 200],
    ids=["empty", "text", "no header", "bare pickle", "unknown version"],
)
def test_other_files_are_refused(tmp_path, content):
    path = tmp_path / "other.npy"
    path.write_bytes(content)
    with pytest.raises(StatsError, match=r"other\.npy: expected a NumPy file"):
        published_features.read(path)


def test_a_plain_array_and_a_missing_file_are_refused(tmp_path):
    np.save(tmp_path / "plain.npy", np.arange(4))
    with pytest.raises(StatsError, match="an array of int64"):
        published_features.read(tmp_path / "plain.npy")
    with pytest.raises(StatsError, match="cannot be read"):
        published_features.read(tmp_path / "missing.npy")


def test_every_truncation_is_refused(tmp_path):
    whole = save(tmp_path / "features.npy", CONTENT).read_bytes()
    path = tmp_path / "cut.npy"
    for length in range(0, len(whole) - 1, 37):
        path.write_bytes(whole[:length])
        with pytest.raises(StatsError):
            published_features.read(path)


def test_every_flipped_byte_is_read_or_refused(tmp_path):
    whole = bytearray(save(tmp_path / "features.npy", CONTENT).read_bytes())
    path = tmp_path / "flipped.npy"
    rng = np.random.default_rng(0)
    refused = 0
    for position in rng.integers(0, len(whole), 300):
        flipped = whole.copy()
        flipped[position] ^= 1 << rng.integers(0, 8)
        path.write_bytes(flipped)
        try:
            published_features.read(path)
        except StatsError:
            refused += 1
    assert refused > 50

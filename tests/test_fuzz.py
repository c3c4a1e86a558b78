"""Random audio and damaged files: finite output, or an error of one line."""

import contextlib
import io
import json
import sys
import tempfile
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from fxnorm import audio, audio_files
from fxnorm.cli import main
from fxnorm.corpus.stems import STEMS
from fxnorm.normalization.normalizer import Normalizer
from fxnorm.normalization.settings import ChainSettings
from fxnorm.normalization.statistics import FxStats
from tests.signals import plucks

TRIES = settings().max_examples  # 100, or as the profile sets
MUSDB = FxStats.shipped()
CHAINS = {preset: Normalizer(MUSDB, ChainSettings.preset(preset)) for preset in ("default", "published")}

CONTENTS = {
    "noise": lambda n, rng: rng.standard_normal((2, n)),
    "mono": lambda n, rng: rng.standard_normal((1, n)),
    "clicks": lambda n, rng: (rng.random((2, n)) < 3.0 / n) * rng.standard_normal((2, n)),
    "opposite": lambda n, rng: rng.standard_normal(n) * [[1.0], [-1.0]],
    "one side": lambda n, rng: rng.standard_normal((2, n)) * [[0.0], [1.0]],
    "almost one side": lambda n, rng: rng.standard_normal((2, n)) * [[1e-5], [1.0]],
    "offset": lambda n, rng: 1.0 + 1e-3 * rng.standard_normal((2, n)),
    "constant": lambda n, rng: np.ones((2, n)),
    "highest frequency": lambda n, rng: np.resize([[1.0, -1.0], [-1.0, 1.0]], (2, n)),
    "sines": lambda n, rng: np.sin(np.outer(rng.uniform(0.001, 3.0, 2), np.arange(n))),
    "square": lambda n, rng: np.sign(np.sin(np.outer(rng.uniform(0.001, 0.5, 2), np.arange(n)))),
    "bursts": lambda n, rng: rng.standard_normal((2, n)) * (np.sin(np.arange(n) * rng.uniform(1e-4, 1e-2)) > 0.7),
    "growing": lambda n, rng: rng.standard_normal((2, n)) * np.geomspace(1e-6, 1.0, n),
    "last sample": lambda n, rng: np.eye(1, n, n - 1) * [[1.0], [1.0]],
    "plucks": lambda n, rng: np.resize(plucks(2.0, seed=int(rng.integers(9))), (2, n)),
}


@settings(max_examples=TRIES // 2, deadline=None)
@given(
    content=st.sampled_from(sorted(CONTENTS)),
    samples=st.one_of(st.integers(1, 5_000), st.integers(1, 150_000)),
    level_db=st.one_of(st.floats(-120.0, 60.0), st.floats(-400.0, 192.0)),
    rate=st.one_of(st.sampled_from([audio.SAMPLE_RATE, 48_000]), st.integers(*audio_files.SAMPLE_RATE_RANGE)),
    stem=st.sampled_from(STEMS),
    preset=st.sampled_from(sorted(CHAINS)),
    seed=st.integers(0, 99),
)
@example("highest frequency", 100_000, 60.0, 44_101, "drums", "published", 0)
@example("last sample", 1, 0.0, audio_files.SAMPLE_RATE_RANGE[0], "vocals", "default", 0)
@example("sines", 50_000, 192.0, audio.SAMPLE_RATE, "vocals", "default", 0)
@example("noise", 2, -49.9, audio_files.SAMPLE_RATE_RANGE[1], "bass", "default", 0)
def test_any_audio_through_the_chain(content, samples, level_db, rate, stem, preset, seed):
    given_audio = CONTENTS[content](samples, np.random.default_rng(seed))
    peak = max(float(np.abs(given_audio).max()), 1e-9)
    given_audio = (given_audio / peak * 10.0 ** (level_db / 20.0)).astype(np.float32)
    out, steps = CHAINS[preset](given_audio, rate, stem)
    assert (out.shape, out.dtype) == ((2, samples), np.float32)
    assert np.isfinite(out).all()
    if audio.is_silent(given_audio):
        np.testing.assert_array_equal(out, audio.to_stereo(given_audio))
    else:
        assert audio.peak(out) <= 1.0
    json.dumps([step.to_dict() for step in steps], allow_nan=False)
    again, same_steps = CHAINS[preset](given_audio, rate, stem)
    np.testing.assert_array_equal(again, out)
    assert same_steps == steps


FORMATS = (
    ("wav", "FLOAT"), ("wav", "PCM_16"), ("wav", "PCM_24"), ("wav", "DOUBLE"), ("flac", "PCM_16"), ("flac", "PCM_24"),
    ("aiff", "PCM_16"), ("w64", "FLOAT"), ("ogg", "VORBIS"), ("mp3", "MPEG_LAYER_III"),
)  # fmt: skip
NUMBERS = (0, 1, 2**15, 2**16, 2**31 - 1, 2**31, 2**32 - 1)


@cache
def encoded(suffix, subtype):
    """Encode a short stem."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, f"x.{suffix}")
        audio_files.write(path, 0.5 * plucks(0.4, seed=3), audio.SAMPLE_RATE, subtype=subtype)
        return path.read_bytes()


offsets = st.one_of(st.integers(0, 120), st.integers(0, 40_000))  # mostly in the header, or anywhere
damages = st.one_of(
    st.tuples(st.just("cut"), offsets),
    st.tuples(st.just("flip"), offsets, st.integers(1, 255)),
    st.tuples(st.just("number"), offsets, st.sampled_from(NUMBERS), st.sampled_from(["little", "big"])),
    st.tuples(st.just("insert"), offsets, st.binary(min_size=1, max_size=50)),
    st.tuples(st.just("erase"), offsets, st.integers(1, 3_000)),
    st.tuples(st.just("instead"), st.one_of(st.binary(max_size=60), st.text(max_size=60).map(str.encode))),
)


def damage(content, how, offset, *more):
    if how == "instead":
        return offset
    offset %= max(1, len(content))
    if how == "cut":
        return content[:offset]
    if how == "insert":
        return content[:offset] + more[0] + content[offset:]
    new = {
        "flip": lambda: bytes([content[offset] ^ more[0]]) if content else b"",
        "number": lambda: more[0].to_bytes(4, more[1]),
        "erase": lambda: bytes(more[0]),
    }[how]()
    return content[:offset] + new + content[offset + len(new) :]


@pytest.fixture(scope="module")
def little_memory():
    """Limit the memory, so that allocating the length in a damaged header fails."""
    import resource  # of POSIX

    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    in_use = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (in_use + (1 << 30), hard))
    yield
    resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


def command(*words):
    """Run a command line in this process: exit code, output and error output together."""
    output = io.StringIO()
    with (
        pytest.MonkeyPatch.context() as patched,
        contextlib.redirect_stdout(output),
        contextlib.redirect_stderr(output),
    ):
        patched.setattr(sys, "argv", ["fxnorm", *map(str, words)])
        try:
            main()
            code = 0
        except SystemExit as stop:
            code = stop.code or 0
    return code, output.getvalue()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="limits memory as Linux does")
@settings(max_examples=TRIES, deadline=None)
@given(
    form=st.sampled_from(FORMATS),
    damages=st.lists(damages, min_size=1, max_size=3),
    suffix=st.one_of(st.none(), st.sampled_from(["wav", "flac", "mp3"])),
)
@example(("wav", "FLOAT"), [("instead", b"RIFF")], None)
@example(("flac", "PCM_16"), [("flip", 21, 0x0F)], None)  # samples in all: 60 billion
@example(("wav", "PCM_16"), [("number", 24, 1, "little")], None)  # 1 Hz
def test_any_damage_is_one_line(little_memory, form, damages, suffix):
    content = encoded(*form)
    for step in damages:
        content = damage(content, *step)
    with tempfile.TemporaryDirectory() as name:
        folder, out = Path(name, "songs", "song"), Path(name, "out")
        folder.mkdir(parents=True)
        (folder / f"bass.{suffix or form[0]}").write_bytes(content)
        sound_code, report = command("corpus", "check", folder.parent, "-j", 1)
        code, complaint = command("normalize", folder.parent, "-o", out, "-j", 1)
        for output in (report, complaint):
            assert "Traceback" not in output
            assert "unforeseen" not in output
            assert "not enough memory" not in output
        assert sound_code == code  # check and normalize accept the same files
        results = list(out.rglob("*.wav"))
        if code == 0:
            (result,) = results
            samples, _ = audio_files.read(result)
            assert audio.is_silent(samples) or audio.peak(samples) <= 1.0
        else:
            assert code == 1
            assert results == []
            assert "fxnorm: failed: song bass: " in complaint
            assert f"song: bass.{suffix or form[0]}: " in report

"""HTML pages without external files."""

import base64
import io

import jinja2
import numpy as np
import pytest
import soundfile

from fxnorm import audio, audio_files, pages, plots
from tests.signals import noise, sine


def decode(uri):
    kind, _, content = uri.partition(",")
    assert kind == "data:audio/mpeg;base64"
    return soundfile.read(io.BytesIO(base64.b64decode(content)), always_2d=True, dtype="float32")


@pytest.mark.parametrize("rate", [22_050, 44_100, 96_000])
@pytest.mark.parametrize("channels", [1, 2])
def test_a_player_holds_the_same_sound(rate, channels):
    tone = sine(1000.0, 1.0, peak_db=-6.0, rate=rate, channels=channels)
    heard, heard_rate = decode(pages.audio_uri(tone, rate))
    assert (heard_rate, heard.shape[1]) == (audio.SAMPLE_RATE, channels)
    assert len(heard) == pytest.approx(audio.SAMPLE_RATE, abs=2 * 1152)
    inside = heard[audio.SAMPLE_RATE // 4 : audio.SAMPLE_RATE // 2, 0]
    assert np.argmax(np.abs(np.fft.rfft(inside))) * audio.SAMPLE_RATE / inside.size == pytest.approx(1000.0, abs=5.0)
    assert np.abs(inside).max() == pytest.approx(0.5, rel=0.1)


def test_what_leaves_full_scale_is_brought_back():
    heard, _ = decode(pages.audio_uri(sine(1000.0, 1.0, peak_db=12.0), audio.SAMPLE_RATE))
    spectrum = np.abs(np.fft.rfft(heard[10_000:20_000, 0] * np.hanning(10_000)))
    third = spectrum[round(3000 * 10_000 / audio.SAMPLE_RATE) + np.arange(-3, 4)].max()
    assert third < 0.01 * spectrum.max()  # clipping would leave a third harmonic at a quarter


def test_text_is_escaped_and_nothing_may_be_missing():
    with pytest.raises(jinja2.UndefinedError):
        pages.render("mix.html")
    record = {
        "song": "<script>alert(1)</script>",
        "fxnorm": "0",
        "chain": None,
        "model": {"name": "sum", "identity": "sum", "description": "The mix is the sum of the stems."},
        "notices": ["a < b"],
        "output": {"file": "mix.wav"},
    }
    page = pages.render(
        "mix.html", record=record, mix=None, excerpt="", facts=[("Peak", "1"), ("None", None)], stems=[], strips=[]
    )
    assert "<script>alert" not in page
    assert "a &lt; b" in page
    assert "<dt>None</dt>" not in page
    assert page.count("<style>") == 1
    assert "--ground" in page


def test_curves_take_the_colour_of_the_page_and_are_the_same_twice():
    gains = {"left": {"100": -3.0, "1000": 6.0}, "right": {"100": 0.0, "1000": 1.0}}
    svg = plots.draw_gains(gains, "#30638e")
    assert svg == plots.draw_gains(gains, "#30638e")
    assert svg.startswith("<svg")
    assert "currentColor" in svg
    assert "#30638e" in svg
    assert "left" in svg
    assert plots.INK not in svg
    assert "viewBox" in svg
    assert "left" not in plots.draw_gains({"left": gains["left"]}, "#30638e")


def test_mp3_of_noise_is_small():
    assert len(audio_files.encode_mp3(noise(2.0), audio.SAMPLE_RATE)) < 2 * 30_000

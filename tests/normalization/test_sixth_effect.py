"""An effect added to the list reaches statistics, cards, pages, tables and the domain gap."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
import pytest

from fxnorm import audio, audio_files, corpus
from fxnorm.audio import SAMPLE_RATE, is_silent
from fxnorm.cli import cli
from fxnorm.dsp.stft import mean_magnitude
from fxnorm.evaluation import domain_gap
from fxnorm.models import open_model
from fxnorm.normalization.chain import Chain
from fxnorm.normalization.corpus_normalization import normalize_corpus
from fxnorm.normalization.corpus_statistics import compute_stats
from fxnorm.normalization.effect import Analysis, AppliedEffect, Arrays, Effect, EffectSettings
from fxnorm.normalization.effects import MATCHED_EFFECTS
from fxnorm.normalization.eq import ZeroPhaseEq
from fxnorm.normalization.feature import CurveFeature, PlotStyle, band_mean
from fxnorm.normalization.grid import GRID_STEP, HOP, N_FFT, grid_frequencies
from fxnorm.normalization.normalizer import replay
from fxnorm.normalization.output_layout import OutputLayout
from fxnorm.normalization.plan import NormalizationPlan
from fxnorm.normalization.record import load_record
from fxnorm.normalization.settings import ChainSettings
from fxnorm.normalization.statistics import FxStats
from tests.signals import plucks


class TiltFeature(CurveFeature):
    """Level over frequency against the mean level, in dB."""

    key: ClassVar[str] = "tilt_db"
    unit: ClassVar[str] = "dB against the mean"
    measures: ClassVar[Mapping[str, str]] = {"tilt": "dB"}
    columns: ClassVar[tuple[str, ...]] = ("tilt dB",)
    plot_style: ClassVar[PlotStyle | None] = PlotStyle("Average tilt", "tilt, dB")

    @property
    def tilt_db(self) -> float:
        """Upper minus lower half of the octaves from 100 Hz to 10 kHz."""
        hz = grid_frequencies()
        high, low = self.values[(hz >= 1000.0) & (hz < 10_000.0)], self.values[(hz >= 100.0) & (hz < 1000.0)]
        return float(high.mean() - low.mean())

    def distance(self, other: Self) -> dict[str, float]:
        return {"tilt": band_mean(self.values - other.values)}

    def cells(self) -> tuple[str, ...]:
        return (f"{self.tilt_db:.1f}",)


@dataclass(frozen=True)
class TiltAnalysis(Analysis):
    curve_db: np.ndarray


class TiltSettings(EffectSettings):
    taps: int = 501


class Shelf(ZeroPhaseEq):
    kind: ClassVar[str] = "tilt_shelf"
    title: ClassVar[str] = "Tilt of the spectrum"

    def facts(self):
        return [("Tilt", f"{max(self.gains_db[0]):.1f} dB")]


class Tilt(Effect[TiltFeature, TiltSettings, TiltAnalysis]):
    name = "tilt"
    title = "Tilt"
    feature = TiltFeature
    settings = TiltSettings
    presets: ClassVar[dict[str, TiltSettings]] = {"default": TiltSettings(), "published": TiltSettings()}
    processors = (Shelf,)

    def measure(self, audio: audio.Audio, sample_rate: int) -> TiltFeature | None:
        if is_silent(audio):
            return None
        level_db = 20.0 * np.log10(mean_magnitude(audio, N_FFT, HOP).mean(axis=0)[::GRID_STEP] + 1e-9)
        return TiltFeature(level_db - level_db.mean())

    def analyze(
        self, audio: audio.Audio, sample_rate: int, *, settings: TiltSettings, arrays: Arrays | None = None
    ) -> TiltAnalysis:
        if arrays is not None:
            return TiltAnalysis(arrays["curve_db"])
        feature = self.measure(audio, sample_rate)
        return TiltAnalysis(np.empty(0) if feature is None else feature.values)

    def choose(
        self,
        analysis: TiltAnalysis,
        target: TiltFeature,
        *,
        stem: str,
        settings: TiltSettings,
        strength: float = 1.0,
    ) -> AppliedEffect:
        if analysis.curve_db.size == 0:
            return AppliedEffect(self.name, skipped="silent")
        needed_db = strength * (target.tilt_db - TiltFeature(analysis.curve_db).tilt_db)
        curve = tuple((needed_db * (grid_frequencies() >= 1000.0)).tolist())
        return AppliedEffect(self.name, Shelf(gains_db=(curve,), channels=(0, 1), taps=settings.taps))


@pytest.fixture
def songs(monkeypatch, tmp_path):
    monkeypatch.setitem(MATCHED_EFFECTS, "tilt", Tilt())
    for number in range(2):
        folder = tmp_path / "corpus" / f"song {number}"
        folder.mkdir(parents=True)
        for seed, stem in enumerate(("vocals", "drums")):
            audio_files.write(folder / f"{stem}.wav", plucks(1.5, seed=10 * number + seed), SAMPLE_RATE)
    return corpus.scan(tmp_path / "corpus")


@pytest.fixture
def stats(songs, tmp_path):
    averages, failures = compute_stats(songs, title="two songs")
    assert failures == ()
    averages.save(tmp_path / "stats.json")
    return averages


def printed(capsys, *words: Any) -> str:
    cli.main([str(word) for word in words], standalone_mode=False)
    return capsys.readouterr().out


def test_statistics_hold_print_compare_merge_and_plot_it(stats, tmp_path, capsys):
    path = tmp_path / "stats.json"
    assert FxStats.load(path).target("tilt", "drums") == stats.target("tilt", "drums")
    assert FxStats.load(path).signature == stats.signature
    assert stats.counts["tilt"] == {"vocals": 2, "drums": 2}
    assert "dB against the mean" in path.read_text()
    assert "tilt dB" in printed(capsys, "stats", "show", path)
    assert "tilt, dB" in printed(capsys, "stats", "compare", path, path)
    printed(capsys, "stats", "merge", path, path, "-o", tmp_path / "merged.json")
    assert FxStats.load(tmp_path / "merged.json").counts["tilt"]["drums"] == 4
    printed(capsys, "stats", "plot", path, "-o", tmp_path / "stats.svg")
    assert (tmp_path / "stats.svg").read_text().count('<g id="axes_') == 3


def test_a_corpus_is_normalised_with_it(songs, stats, tmp_path):
    plan = NormalizationPlan(stats, ChainSettings.preset(), OutputLayout(tmp_path / "out"))
    assert normalize_corpus(songs, plan).normalized == 4
    card = tmp_path / "out" / "song 0" / "drums.json"
    steps = json.loads(card.read_text())["steps"]
    assert [step["effect"] for step in steps] == ["eq", "compression", "panning", "loudness", "tilt"]
    source, sample_rate = audio_files.read(*songs[0].stems["drums"])
    expected, _ = audio_files.read(card.with_suffix(".wav"))
    np.testing.assert_array_equal(replay(load_record(card), source, sample_rate), expected)
    assert Chain.load(tmp_path / "out" / "chain.json").settings == plan.settings


def test_the_domain_gap_measures_it(songs, stats):
    normalizer = Chain(stats, ChainSettings.preset()).normalizer()
    gaps, failures = domain_gap.measure_pairs([(songs[0], songs[1])], normalizer)
    assert failures == []
    assert all(gap.before["tilt"] > 0.0 for gap in gaps)


def test_mixes_show_it_on_card_and_page(songs, stats, tmp_path, capsys):
    assert open_model("normalized-sum", stats=stats).chain.settings.effects[-1] == "tilt"
    out = tmp_path / "mix.wav"
    (stem,) = songs[0].stems["drums"]
    printed(capsys, "mix", "--drums", stem, "-o", out, "--stats", tmp_path / "stats.json", "-q")
    steps = json.loads(out.with_suffix(".json").read_text())["stems"]["drums"]["effects"]
    assert steps[-1]["processor"]["kind"] == "tilt_shelf"
    assert "Tilt of the spectrum" in out.with_suffix(".html").read_text()

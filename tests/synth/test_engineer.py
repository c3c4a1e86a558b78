"""The engineer: draws within the priors, settings that replay the mix, and foreign processors."""

import json
from dataclasses import replace

import numpy as np
import pytest

from fxnorm.audio import SAMPLE_RATE
from fxnorm.console import Compressor, Console, Eq, Gain, Pan, Reverb, Width
from fxnorm.console.render import render
from fxnorm.corpus.stems import STEMS
from fxnorm.errors import InputError
from fxnorm.synth import Engineer, priors
from fxnorm.synth.chains import EngineerStyle, draw_chain
from fxnorm.synth.priors import STEM_PRIORS, StereoPrior


@pytest.fixture(scope="module")
def dry() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(1)
    pulse = np.repeat(rng.random(6) > 0.3, SAMPLE_RATE // 3)
    return {stem: (0.1 * pulse * rng.standard_normal((2, pulse.size))).astype(np.float32) for stem in STEMS}


class Tremolo:
    """A foreign processor with only a process method."""

    def process(self, x):
        return x * (1.0 + 0.5 * np.sin(2 * np.pi * 4.0 * np.arange(len(x)) / SAMPLE_RATE))[:, np.newaxis]


class InPlace:
    """A foreign processor that writes into its input."""

    def process(self, x):
        x *= 0.5
        return x


class Shortener:
    """A foreign processor that drops a sample."""

    def process(self, x):
        return x[1:]


def test_the_console_renders_the_mix_bit_for_bit(dry):
    mix = Engineer.draw(np.random.default_rng(3)).mix(dry)
    console = Console.from_dict(json.loads(json.dumps(mix.console.to_dict())))
    assert console == mix.console
    rendered = render(console, dry, SAMPLE_RATE)
    for stem in STEMS:
        assert np.array_equal(rendered.tracks[stem], mix.wet[stem])
    assert np.array_equal(rendered.mix, mix.mixture)
    assert console.master.fader_db == 0.0
    assert not console.master.processors


def test_the_mixture_is_the_sum_and_just_under_full_scale(dry):
    mix = Engineer.draw(np.random.default_rng(3)).mix(dry)
    np.testing.assert_allclose(mix.mixture, sum(mix.wet[stem] for stem in STEMS), atol=1e-6)
    peak_db = 20 * np.log10(max(np.abs(mix.mixture).max(), *(np.abs(wet).max() for wet in mix.wet.values())))
    assert priors.MIX_PEAK_DB - 0.05 < peak_db <= priors.MIX_PEAK_DB


def test_draws_stay_within_the_priors():
    for seed in range(40):
        engineer = Engineer.draw(np.random.default_rng(seed))
        for stem, chain in engineer.chains.items():
            prior = STEM_PRIORS[stem]
            assert prior.level_db[0] <= engineer.levels_db[stem] <= prior.level_db[1]
            eq = next(processor for processor in chain if isinstance(processor, Eq))
            assert eq.bands[0].kind == "high_pass"
            low, high = prior.eq[0].frequency_hz
            assert low <= eq.bands[0].frequency_hz <= high
            for processor in chain:
                if isinstance(processor, Compressor):
                    assert prior.compressor.ratio[0] <= processor.ratio <= prior.peak_compressor.ratio[1]
                if isinstance(processor, Reverb):
                    assert prior.reverb.decay_s[0] <= processor.decay_s <= prior.reverb.decay_s[1]
                if isinstance(processor, Pan):
                    assert prior.stereo.pan[0] <= processor.pan <= prior.stereo.pan[1]
        assert Width(0.0) in engineer.chains["bass"]


def test_the_same_draw_gives_the_same_engineer_and_others_differ():
    engineers = [Engineer.draw(np.random.default_rng(seed)) for seed in (1, 1, 2)]
    assert engineers[0] == engineers[1] != engineers[2]


def test_a_foreign_processor_joins_the_chain(dry):
    plain, extended = (
        Engineer.draw(np.random.default_rng(3), extra=extra).mix(dry) for extra in (None, {"drums": [Tremolo()]})
    )
    names = {track.name: [processor.title for processor in track.processors] for track in extended.console.tracks}
    assert [stem for stem in STEMS if any(name.endswith("Tremolo") for name in names[stem])] == ["drums"]
    level = [np.abs(mix.wet["drums"]).max() for mix in (plain, extended)]
    assert not np.allclose(plain.wet["drums"] / level[0], extended.wet["drums"] / level[1], atol=1e-3)


def test_a_foreign_processor_may_write_into_its_input(dry):
    before = dry["bass"].copy()
    Engineer.draw(np.random.default_rng(3), extra={"bass": [InPlace()]}).mix(dry)
    assert np.array_equal(dry["bass"], before)


def test_a_pymixconsole_processor_joins_the_chain(dry):
    processors = pytest.importorskip("pymixconsole.processors")
    gain, compressor = processors.Gain(), processors.Compressor()
    compressor.parameters.threshold.value = -30.0
    mix = Engineer.draw(np.random.default_rng(3), extra={"other": [gain, compressor]}).mix(dry)
    settings = [processor.to_dict() for processor in mix.console.track("other").processors]
    foreign = [values for values in settings if "pymixconsole" in values["processor"]]
    assert [values["processor"].rpartition(".")[2] for values in foreign] == ["Gain", "Compressor"]
    assert foreign[1]["threshold"] == -30.0
    assert np.isfinite(mix.wet["other"]).all()


def test_a_console_with_a_foreign_processor_is_written_and_not_read_back(dry, tmp_path):
    mix = Engineer.draw(np.random.default_rng(3), extra={"drums": [Tremolo()]}).mix(dry)
    assert np.array_equal(mix.console.render(dry, SAMPLE_RATE), mix.mixture)
    mix.console.save(tmp_path / "song.console.json")
    with pytest.raises(InputError, match=r"tracks\[2\].*expected a processor among .*Tremolo") as refused:
        Console.load(tmp_path / "song.console.json")
    assert "\n" not in str(refused.value)


def test_draws_beyond_a_range_are_moved_into_it():
    rng = np.random.default_rng(0)
    widest = EngineerStyle(2.5, 1.5, 3.0, 1.2)
    prior = replace(STEM_PRIORS["other"], stereo=StereoPrior((0.0, 0.0), (1.7, 1.7)))
    assert Width(2.0) in draw_chain(rng, prior, widest)


def test_a_silent_stem_stays_silent(dry):
    silent = {**dry, "vocals": np.zeros_like(dry["vocals"])}
    mix = Engineer.draw(np.random.default_rng(3)).mix(silent)
    assert not mix.wet["vocals"].any()
    silence = Engineer.draw(np.random.default_rng(3)).mix({stem: np.zeros_like(dry["vocals"]) for stem in STEMS})
    assert not silence.mixture.any()
    assert all(track.fader_db == 0.0 and not track.processors for track in silence.console.tracks)


def test_wrong_extra_processors_are_refused(dry):
    with pytest.raises(InputError, match="got 'guitar'"):
        Engineer.draw(np.random.default_rng(1), extra={"guitar": [Gain(0.0)]})
    with pytest.raises(InputError, match="process"):
        Engineer.draw(np.random.default_rng(1), extra={"bass": ["not a processor"]})
    with pytest.raises(InputError, match="Shortener"):
        Engineer.draw(np.random.default_rng(1), extra={"bass": [Shortener()]}).mix(dry)

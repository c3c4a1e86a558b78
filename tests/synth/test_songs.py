"""Whole songs: levels, dynamics, width, spectra, and reproducibility."""

import json

import numpy as np
import pytest

from fxnorm.audio import SAMPLE_RATE
from fxnorm.corpus.stems import STEMS
from fxnorm.errors import InputError
from fxnorm.synth import SyntheticSong, make_song, song_name

SECONDS = 8.0
INSTRUMENTAL = 5  # index of a song of corpus 0 without vocals


@pytest.fixture(scope="module")
def songs() -> list[SyntheticSong]:
    return [make_song(0, index, seconds=SECONDS) for index in (0, 1, 3, INSTRUMENTAL)]


def level_db(audio: np.ndarray) -> float:
    return float(20 * np.log10(np.sqrt(np.mean(audio.astype(np.float64) ** 2)) + 1e-12))


def octaves_db(audio: np.ndarray) -> np.ndarray:
    power, frequency_hz = np.abs(np.fft.rfft(audio.mean(axis=0))) ** 2, np.fft.rfftfreq(audio.shape[1], 1 / SAMPLE_RATE)
    lows = (60, 120, 240, 480, 960, 1920, 3840, 7680)
    octaves = np.array([power[(frequency_hz >= low) & (frequency_hz < 2 * low)].sum() for low in lows])
    return 10 * np.log10(octaves / octaves.sum() + 1e-12)


def test_shapes_types_and_levels(songs):
    for song in songs:
        assert list(song.dry) == list(song.wet) == list(STEMS)
        for audio in (*song.dry.values(), *song.wet.values(), song.mixture):
            assert audio.shape == (2, round(SECONDS * SAMPLE_RATE))
            assert audio.dtype == np.float32
            assert audio.flags.c_contiguous
            assert np.isfinite(audio).all()
            assert np.abs(audio).max() < 10 ** (-0.9 / 20)
            assert np.abs(audio.mean(axis=1)).max() < 1e-3


def test_the_mixture_is_the_sum_of_the_wet_stems(songs):
    for song in songs:
        np.testing.assert_allclose(song.mixture, sum(song.wet.values()), atol=1e-6)
        assert -2.5 < 20 * np.log10(np.abs(song.mixture).max()) < -0.9


def test_an_instrumental_has_no_voice_and_everything_else_sounds(songs):
    for song in songs:
        for stem in STEMS:
            if stem == "vocals" and song.index == INSTRUMENTAL:
                assert song.score["voice"] is None
                assert not song.dry[stem].any()
                assert not song.wet[stem].any()
            else:
                assert -45.0 < level_db(song.dry[stem]) < -12.0
                assert -40.0 < level_db(song.wet[stem]) < -12.0


def test_wet_is_not_dry(songs):
    for song in songs:
        for stem in STEMS:
            dry, wet = song.dry[stem], song.wet[stem]
            if dry.any():
                assert np.abs(octaves_db(wet) - octaves_db(dry)).max() > 1.0
        side = [np.diff(stems["other"], axis=0) for stems in (song.dry, song.wet)]
        share_db = [level_db(side[i]) - level_db(stems["other"]) for i, stems in enumerate((song.dry, song.wet))]
        assert share_db[1] > share_db[0]


def test_the_bass_is_evened_out(songs):
    for song in songs:
        levels_db = []
        for stems in (song.dry, song.wet):
            frames = stems["bass"][0, : song.samples // 8820 * 8820].reshape(-1, 8820).astype(np.float64)
            levels_db.append(10 * np.log10(np.mean(frames**2, axis=1) + 1e-12))
        playing = levels_db[0] > levels_db[0].max() - 20
        assert levels_db[1][playing].std() < levels_db[0][playing].std()


def test_voice_and_bass_are_recorded_in_mono_and_the_bass_stays_there(songs):
    for song in songs:
        for stem in ("vocals", "bass"):
            assert np.array_equal(song.dry[stem][0], song.dry[stem][1])
        assert np.corrcoef(song.wet["bass"])[0, 1] > 0.98


def test_wet_and_dry_are_the_same_performance(songs):
    for song in songs:
        for stem in ("vocals", "bass", "drums"):
            if song.dry[stem].any():
                spectra = [np.fft.rfft(audio[stem].mean(axis=0), 2**20) for audio in (song.dry, song.wet)]
                correlation = np.fft.irfft(spectra[1] * spectra[0].conj())
                lag = (int(np.abs(correlation).argmax()) + 2**19) % 2**20 - 2**19
                assert abs(lag) < 0.001 * SAMPLE_RATE


def test_the_voice_rests_and_has_little_at_the_ends_of_the_spectrum(songs):
    for song in songs:
        voice = song.dry["vocals"][0]
        if not voice.any():
            continue
        frames_db = 10 * np.log10(np.mean(voice[: voice.size // 2048 * 2048].reshape(-1, 2048) ** 2, axis=1) + 1e-12)
        assert np.mean(frames_db < frames_db.max() - 40) > 0.1
        power, frequency_hz = np.abs(np.fft.rfft(voice)) ** 2, np.fft.rfftfreq(voice.size, 1 / SAMPLE_RATE)
        assert power[frequency_hz < 60].sum() < 1e-3 * power.sum()
        assert power[frequency_hz > 12_000].sum() < 2e-3 * power.sum()


def test_the_tempo_can_be_heard_in_the_drums(songs):
    hop = 256
    for song in songs:
        drums = song.dry["drums"].mean(axis=0)
        energy = np.add.reduceat(drums**2, np.arange(0, drums.size, hop))
        onsets = np.maximum(0.0, np.diff(np.sqrt(energy)))
        onsets -= onsets.mean()
        beat = 60.0 / song.score["tempo_bpm"] * SAMPLE_RATE / hop
        # A bar repeats better than the space between any two beats.
        bar = beat * song.score["beats_per_bar"]
        correlation = np.correlate(onsets, onsets, "full")[onsets.size - 1 :]
        lags = (round(bar), round(bar + 0.37 * beat))
        peaks = [correlation[lag - 2 : lag + 3].max() / correlation[0] for lag in lags]
        assert peaks[0] > 0.25
        assert peaks[0] > 2.0 * peaks[1]


def test_nothing_sounds_before_the_first_note_and_noise_is_low(songs):
    for song in songs:
        voice = song.dry["vocals"][0, : SAMPLE_RATE // 20]
        if song.index != INSTRUMENTAL and song.score["sections"][0]["kind"] == "intro":
            assert level_db(voice) < -80.0


def test_a_song_is_made_of_its_seed_and_index_alone(songs):
    again, different = make_song(0, 1, seconds=SECONDS), make_song(1, 1, seconds=SECONDS)
    assert again.name == songs[1].name == song_name(0, 1)
    assert again.score == songs[1].score
    assert again.console == songs[1].console
    for stem in STEMS:
        np.testing.assert_array_equal(again.dry[stem], songs[1].dry[stem])
        np.testing.assert_array_equal(again.wet[stem], songs[1].wet[stem])
        assert not np.array_equal(different.dry[stem], songs[1].dry[stem])


def test_a_longer_song_begins_like_the_shorter_one(songs):
    longer = make_song(0, 3, seconds=12.0)
    begins = round(5.0 * SAMPLE_RATE)
    for stem in STEMS:
        short, long = (song.dry[stem][0, :begins] for song in (songs[2], longer))
        assert np.corrcoef(short, long)[0, 1] > 0.99


def test_the_records_of_a_song_survive_json(songs):
    for song in songs:
        for record in (song.score, song.console.to_dict()):
            assert json.loads(json.dumps(record)) == record


def test_extra_processors_reach_the_mix(songs):
    class Inverter:
        def process(self, x):
            return -x

    inverted = make_song(0, 3, seconds=SECONDS, extra={"bass": [Inverter()]})
    assert np.corrcoef(inverted.wet["bass"][0], songs[2].wet["bass"][0])[0, 1] < -0.999


def test_impossible_songs_are_refused():
    with pytest.raises(InputError, match="seed"):
        make_song(-1, 0)
    with pytest.raises(InputError, match="seconds"):
        make_song(0, 0, seconds=0.5)
    with pytest.raises(InputError, match="seconds"):
        make_song(0, 0, seconds=float("nan"))

"""Corpus passes: layouts, cards, resuming, failures, statistics."""

import json
import os
import shutil

import numpy as np
import pytest

from fxnorm import audio, audio_files, corpus
from fxnorm.corpus.stems import STEMS
from fxnorm.errors import InputError, StatsError
from fxnorm.normalization.corpus_normalization import normalize_corpus
from fxnorm.normalization.corpus_statistics import compute_stats
from fxnorm.normalization.impulse_responses import ImpulseResponses
from fxnorm.normalization.output_layout import OutputLayout
from fxnorm.normalization.plan import NormalizationPlan
from fxnorm.normalization.reverb import ReverbSettings
from fxnorm.normalization.settings import ChainSettings
from fxnorm.normalization.statistics import FxStats
from fxnorm.parallel.runner import run
from tests.signals import plucks

MUSDB = FxStats.shipped()


def write_song(folder, *, seed=0, seconds=1.5, stems=STEMS, rate=audio.SAMPLE_RATE):
    folder.mkdir(parents=True)
    mixture = 0.0
    for number, stem in enumerate(stems):
        samples = 0.4 * plucks(seconds, seed=10 * seed + number)
        audio_files.write(folder / f"{stem}.wav", samples, rate, subtype="PCM_16")
        mixture = mixture + samples
    audio_files.write(folder / "mixture.wav", mixture, rate)


@pytest.fixture
def songs(tmp_path):
    root = tmp_path / "corpus"
    write_song(root / "train" / "Song A", seed=1)
    write_song(root / "test" / "Ünïcode 'quoted' & 歌", seed=2)
    return root


def plan(out, preset="default", **changes):
    settings = changes.pop("settings", None) or ChainSettings.preset(preset)
    return NormalizationPlan(MUSDB, settings, changes.pop("layout", None) or OutputLayout(out), **changes)


def contents(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_every_stem_gets_a_file_and_a_card_and_the_mixture_follows(songs, tmp_path):
    out = tmp_path / "out"
    states = []
    tracks = corpus.scan(songs)
    result = normalize_corpus(tracks, plan(out), progress=lambda *state: states.append(state))
    assert (result.normalized, result.up_to_date, result.failures) == (8, 0, ())
    assert [state[:2] for state in states] == [(n, 8) for n in range(1, 9)]
    for track in tracks:
        folder = out / track.location
        assert sorted(path.name for path in folder.iterdir()) == sorted(
            [f"{stem}.{suffix}" for stem in STEMS for suffix in ("wav", "json")] + ["mixture.wav"]
        )
        assert (folder / "mixture.wav").read_bytes() == track.mixture.read_bytes()
        for stem in STEMS:
            info = audio_files.probe(folder / f"{stem}.wav")
            assert (info.samples, info.channels, info.subtype) == (round(1.5 * audio.SAMPLE_RATE), 2, "FLOAT")
            card = json.loads((folder / f"{stem}.json").read_text())
            assert [step["effect"] for step in card["steps"]] == ["eq", "compression", "panning", "loudness"]
            assert card["stats"]["signature"] == MUSDB.signature
    assert corpus.scan(out)[0].mixture  # ready for training


def test_a_second_run_keeps_everything(songs, tmp_path):
    tracks = corpus.scan(songs)
    normalize_corpus(tracks, plan(tmp_path / "out"))
    before = contents(tmp_path / "out")
    times = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("*.wav")}
    result = normalize_corpus(tracks, plan(tmp_path / "out"))
    assert (result.normalized, result.up_to_date) == (0, 8)
    assert contents(tmp_path / "out") == before
    assert {path: path.stat().st_mtime_ns for path in times} == times


def test_what_is_missing_or_damaged_is_redone_and_nothing_else(songs, tmp_path):
    out = tmp_path / "out"
    tracks = corpus.scan(songs)
    normalize_corpus(tracks, plan(out))
    before = contents(out)
    song = out / "train" / "Song A"
    (song / "bass.wav").unlink()
    (song / "drums.json").write_text("{")
    (song / "vocals.wav").write_bytes(b"short")
    result = normalize_corpus(tracks, plan(out))
    assert (result.normalized, result.up_to_date) == (3, 5)
    assert contents(out) == before


def test_a_changed_setting_redoes_what_it_touches(songs, tmp_path):
    out = tmp_path / "out"
    tracks = corpus.scan(songs)
    normalize_corpus(tracks, plan(out))
    settings = ChainSettings.preset()
    ballistics = settings.matching["compression"].ballistics
    slower = ballistics | {"vocals": ballistics["vocals"].model_copy(update={"release_ms": 999.0})}
    changed = settings.changed("compression", ballistics=slower)
    result = normalize_corpus(tracks, plan(out, settings=changed))
    assert (result.normalized, result.up_to_date) == (2, 6)  # the vocals of both songs
    assert normalize_corpus(tracks, plan(out, settings=changed, force=True)).normalized == 8
    assert normalize_corpus(tracks, plan(out, layout=OutputLayout(out, subtype="PCM_24"))).normalized == 8
    os.utime(songs / "train" / "Song A" / "other.wav")
    assert normalize_corpus(tracks, plan(out, layout=OutputLayout(out, subtype="PCM_24"))).normalized == 1


def test_processes_give_the_same_bytes(songs, tmp_path):
    tracks = corpus.scan(songs)
    normalize_corpus(tracks, plan(tmp_path / "one"), jobs=1)
    normalize_corpus(tracks, plan(tmp_path / "two"), jobs=2)
    assert contents(tmp_path / "one") == contents(tmp_path / "two")


def test_results_beside_the_originals(songs):
    tracks = corpus.scan(songs)
    result = normalize_corpus(tracks, plan(None, layout=OutputLayout(None, "normalized", "flac")))
    assert result.normalized == 8
    song = songs / "train" / "Song A"
    assert audio_files.probe(song / "vocals_normalized.flac").subtype == "PCM_24"
    assert [track.id for track in corpus.scan(songs)] == [track.id for track in tracks]
    assert len(corpus.scan(songs, suffix="normalized")) == 2


def test_a_bad_stem_is_named_and_stops_no_other(songs, tmp_path):
    (songs / "train" / "Song A" / "bass.wav").write_text("not audio")
    out = tmp_path / "out"
    for jobs in (1, 2):
        result = normalize_corpus(corpus.scan(songs), plan(out, force=True), jobs=jobs)
        assert result.normalized == 7
        (failure,) = result.failures
        assert (failure.track, failure.stem) == ("train/Song A", "bass")
        assert "expected an audio file" in failure.reason
        assert "\n" not in failure.reason
    song = out / "train" / "Song A"
    assert not (song / "bass.wav").exists()
    assert not (song / "bass.json").exists()
    assert not (song / "mixture.wav").exists()  # the song is not complete
    assert not [path for path in out.rglob("*") if path.name.startswith(".")]


def test_an_original_is_never_overwritten(songs):
    before = contents(songs)
    with pytest.raises(InputError, match="would overwrite the original"):
        normalize_corpus(corpus.scan(songs), plan(songs))
    assert contents(songs) == before


def test_the_corpus_itself_is_no_output_whatever_the_format(songs):
    before = contents(songs)
    with pytest.raises(InputError, match="would overwrite the original"):
        normalize_corpus(corpus.scan(songs), plan(songs, layout=OutputLayout(songs, format="flac")))
    assert contents(songs) == before


def test_what_others_made_is_not_overwritten(songs, tmp_path):
    write_song(tmp_path / "dry" / "train" / "Song A", seed=5)
    before = contents(tmp_path / "dry")
    with pytest.raises(InputError, match="was not made by fxnorm"):
        normalize_corpus(corpus.scan(songs), plan(tmp_path / "dry"))
    assert contents(tmp_path / "dry") == before
    assert normalize_corpus(corpus.scan(songs), plan(tmp_path / "dry", force=True)).normalized == 8


def test_another_format_takes_the_place_of_the_first(songs, tmp_path):
    out = tmp_path / "out"
    normalize_corpus(corpus.scan(songs), plan(out))
    normalize_corpus(corpus.scan(songs), plan(out, layout=OutputLayout(out, format="flac")))
    assert {path.suffix for path in out.rglob("vocals.*")} == {".flac", ".json"}


def test_a_new_mixture_takes_the_place_of_the_old(songs, tmp_path):
    out, mixture = tmp_path / "out", songs / "train" / "Song A" / "mixture.wav"
    store = tmp_path / "store.wav"
    mixture.rename(store)
    mixture.symlink_to(os.path.relpath(store, mixture.parent))
    normalize_corpus(corpus.scan(songs), plan(out))
    assert (out / "train" / "Song A" / "mixture.wav").read_bytes() == store.read_bytes()
    store.unlink()
    audio_files.write(store, -0.5 * plucks(1.5, seed=77), audio.SAMPLE_RATE)
    normalize_corpus(corpus.scan(songs), plan(out))
    assert (out / "train" / "Song A" / "mixture.wav").read_bytes() == store.read_bytes()


def test_integer_files_are_brought_under_full_scale(tmp_path):
    (tmp_path / "corpus" / "song").mkdir(parents=True)
    audio_files.write(tmp_path / "corpus" / "song" / "other.wav", 3.0 * plucks(1.5), audio.SAMPLE_RATE)
    settings = ChainSettings.preset(effects=("eq",), strength={"eq": 0.01})
    layout = OutputLayout(tmp_path / "out", subtype="PCM_16")
    normalize_corpus(corpus.scan(tmp_path / "corpus"), plan(None, settings=settings, layout=layout))
    card = json.loads((tmp_path / "out" / "song" / "other.json").read_text())
    assert card["output"]["scaled_db"] < -1.0
    samples, _ = audio_files.read(tmp_path / "out" / "song" / "other.wav")
    assert np.count_nonzero(np.abs(samples) > 0.9999) < 5


def test_names_that_are_no_text(tmp_path):
    folder = os.fsdecode(os.fsencode(tmp_path / "corpus") + b"/caf\xe9")
    write_song(type(tmp_path)(folder))
    result = normalize_corpus(corpus.scan(tmp_path / "corpus"), plan(tmp_path / "out"))
    assert (result.normalized, result.failures) == (4, ())


def test_an_output_that_cannot_be_is_refused(songs, tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(InputError, match="cannot be written to"):
        normalize_corpus(corpus.scan(songs), plan(tmp_path / "file"))
    for layout in ({"format": "mp3"}, {"subtype": "PCM_13"}):
        with pytest.raises(InputError, match="expected"):
            OutputLayout(tmp_path / "out", **layout)


def test_songs_of_other_shapes(tmp_path):
    root = tmp_path / "corpus"
    write_song(root / "few", stems=("vocals", "drums"))
    write_song(root / "fast", seed=3, rate=48_000)
    folder = root / "odd"
    folder.mkdir()
    audio_files.write(folder / "vocals.wav", plucks(1.0, channels=1), 22_050)
    audio_files.write(folder / "bass.wav", np.zeros((2, 4000), np.float32), audio.SAMPLE_RATE)
    audio_files.write(folder / "drums.wav", plucks(0.02 + 0.4)[:, :882], audio.SAMPLE_RATE)
    audio_files.write(folder / "other.wav", np.eye(1, 30_000, 15_000, dtype=np.float32), audio.SAMPLE_RATE)
    result = normalize_corpus(corpus.scan(root), plan(tmp_path / "out"))
    assert result.failures == ()
    for path in (tmp_path / "out").rglob("*.wav"):
        if path.stem != "mixture":
            before = audio_files.probe(root / path.relative_to(tmp_path / "out"))
            after = audio_files.probe(path)
            assert (after.samples, after.sample_rate) == (before.samples, before.sample_rate)


def test_reverb_draws_by_seed_track_and_stem(songs, tmp_path):
    settings = ChainSettings.preset(effects=("loudness",), reverb=ReverbSettings())
    tracks = corpus.scan(songs)
    rooms = ImpulseResponses(count=2, decay_s=(0.3, 0.5))

    def draws(seed):
        out = tmp_path / f"out{seed}"
        shutil.rmtree(out, ignore_errors=True)
        normalize_corpus(tracks, plan(out, settings=settings, responses=rooms, seed=seed))
        cards = [json.loads(path.read_text()) for path in sorted(out.glob("*/*/*.json"))]
        return [str(card["steps"][0]) for card in cards if card["stem"] in ("vocals", "other")]

    assert draws(0) == draws(0)
    assert len({*draws(0), *draws(1)}) == 8


def test_dry_stems_can_be_put_into_a_room_first(songs, tmp_path):
    tracks = corpus.scan(songs)
    rooms = ImpulseResponses(count=2, decay_s=(0.3, 0.5))
    normalize_corpus(tracks, plan(tmp_path / "out", rooms=rooms))
    card = json.loads((tmp_path / "out" / "train" / "Song A" / "vocals.json").read_text())
    assert [step["effect"] for step in card["steps"]][:2] == ["room", "eq"]
    assert normalize_corpus(tracks, plan(tmp_path / "out", rooms=rooms)).up_to_date == 8
    assert normalize_corpus(tracks, plan(tmp_path / "out")).normalized == 4  # bass and drums never had a room


def test_responses_come_from_a_folder(tmp_path):
    audio_files.write(tmp_path / "room.wav", plucks(0.5), 48_000)
    (response,) = ImpulseResponses(tmp_path).load()
    assert response.identity.startswith("room.wav ")
    assert response.audio.shape[1] == pytest.approx(0.5 * audio.SAMPLE_RATE * audio.SAMPLE_RATE / 48_000, abs=2)
    with pytest.raises(InputError, match="expected a folder of impulse responses"):
        ImpulseResponses(tmp_path / "none").load()


def test_statistics_of_a_corpus(songs):
    tracks = corpus.scan(songs)
    stats, failures = compute_stats(tracks, title="two songs")
    assert failures == ()
    assert stats.counts["loudness"] == dict.fromkeys(STEMS, 2)
    assert stats.settings["matching"]["compression"]["linked"] is True
    parallel, _ = compute_stats(tracks, title="two songs", jobs=2)
    assert parallel.signature == stats.signature
    # stems matched to their own averages keep them
    raw, _ = compute_stats(tracks, title="raw", measured_on="raw")
    assert raw.settings is None
    np.testing.assert_allclose(raw.target("eq", "bass").values, stats.target("eq", "bass").values)
    assert raw.target("loudness", "bass") != stats.target("loudness", "bass")


def test_measuring_goes_on_where_it_was_interrupted(songs, tmp_path, monkeypatch):
    tracks = corpus.scan(songs)
    whole, _ = compute_stats(tracks, title="t")
    read, paths_read = audio_files.read, []

    def counted(path):
        paths_read.append(path)
        if len(paths_read) == 13:
            raise KeyboardInterrupt
        return read(path)

    monkeypatch.setattr(audio_files, "read", counted)
    with pytest.raises(KeyboardInterrupt):
        compute_stats(tracks, title="t", workspace=tmp_path / "work")
    resumed, _ = compute_stats(tracks, title="t", workspace=tmp_path / "work")
    assert resumed.signature == whole.signature
    assert len(paths_read) == 4 * 8 + 1  # each stem once per pass, and the interrupted one again
    again, _ = compute_stats(tracks, title="t", workspace=tmp_path / "work")
    assert (again.signature, len(paths_read)) == (whole.signature, 33)
    # a damaged record, other settings and another file are measured again
    next((tmp_path / "work").glob("*.npz")).write_bytes(b"damaged")
    assert compute_stats(tracks, title="t", workspace=tmp_path / "work")[0].signature == whole.signature
    assert len(paths_read) > 33
    gentle = ChainSettings.preset(strength={"eq": 0.5})
    remeasured, _ = compute_stats(tracks, title="t", settings=gentle, workspace=tmp_path / "work")
    assert remeasured.signature == compute_stats(tracks, title="t", settings=gentle)[0].signature != whole.signature


def test_a_workspace_that_holds_something_else_is_left_alone(songs, tmp_path):
    (tmp_path / "thesis.txt").write_text("all of it")
    with pytest.raises(InputError, match="holds something else"):
        compute_stats(corpus.scan(songs), title="t", workspace=tmp_path)
    assert (tmp_path / "thesis.txt").read_text() == "all of it"


def test_statistics_leave_out_what_cannot_be_read(songs):
    (songs / "train" / "Song A" / "bass.wav").write_text("not audio")
    audio_files.write(songs / "train" / "Song A" / "drums.wav", np.zeros((2, 9000), np.float32), audio.SAMPLE_RATE)
    states = []
    stats, failures = compute_stats(corpus.scan(songs), title="t", progress=lambda *state: states.append(state[:2]))
    assert [(failure.track, failure.stem) for failure in failures] == [("train/Song A", "bass")]
    assert stats.counts["eq"] == {"vocals": 2, "bass": 1, "drums": 1, "other": 2}
    assert states[-1][0] <= states[-1][1] == 32


def test_a_corpus_of_silence_has_no_statistics(tmp_path):
    folder = tmp_path / "song"
    folder.mkdir()
    audio_files.write(folder / "bass.wav", np.zeros((2, 9000), np.float32), audio.SAMPLE_RATE)
    with pytest.raises(StatsError, match="expected stems that sound"):
        compute_stats(corpus.scan(tmp_path), title="silence")


def halve(number):
    return number // 2 if number % 2 == 0 else 1 // 0


@pytest.mark.parametrize("jobs", [1, 2])
def test_results_come_in_order_and_errors_in_their_place(jobs):
    results = list(run(halve, range(20), jobs=jobs))
    assert [item for item, _ in results] == list(range(20))
    assert [result for _, result in results[::2]] == list(range(10))
    assert all(isinstance(result, ZeroDivisionError) for _, result in results[1::2])

"""Pieces: what is drawn depends on its place in the run alone, and stems and mix belong together."""

import json
import shutil

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from fxnorm import audio, audio_files
from fxnorm.corpus.stems import STEMS
from fxnorm.errors import InputError
from fxnorm.training.dataset import (
    Part,
    Piece,
    Position,
    TrainingPieces,
    Turns,
    ValidationPieces,
    read_piece,
)
from fxnorm.training.songs import open_corpus
from tests.signals import noise
from tests.training.corpora import make, write_corpus, write_song


def opened(recipe):
    return open_corpus(recipe.corpus, wet=recipe.wet, mixing=recipe.task == "mix")


def pieces(root, **data):
    recipe = make(root, data=data)
    return TrainingPieces(opened(recipe).train, recipe.data, recipe.seed)


def whole(path):
    return audio_files.read(path)[0]


def test_a_stretch_of_a_file_is_that_stretch(tmp_path):
    path = tmp_path / "x.flac"
    audio_files.write(path, noise(0.5), audio.RATE, subtype="PCM_24")
    full = whole(path)
    np.testing.assert_array_equal(audio_files.read_segment(path, 1000, 500), full[:, 1000:1500])
    beyond = audio_files.read_segment(path, full.shape[1] - 100, 300)
    np.testing.assert_array_equal(beyond[:, :100], full[:, -100:])
    assert beyond.shape == (2, 300)
    assert not beyond[:, 100:].any()
    assert not audio_files.read_segment(path, 10**9, 10).any()


def test_a_plain_piece_is_aligned_with_its_mixture(root):
    drawn = pieces(root, swap=0.0)
    for index in range(4):
        stems, mix = drawn[0, index]
        wet = stems * torch.tensor([[2.0, 2.0, 2.0, 2.0], [1.0, 1.2, 1.4, 1.6]]).T[:, :, None]
        torch.testing.assert_close(wet.sum(dim=0), mix, atol=1e-5, rtol=0)


def test_pieces_do_not_depend_on_the_workers(root):
    def epoch(workers):
        turns = Turns(Position(3, 0), batch=2, batches=4)
        drawn = pieces(root, remix=0.5, jitter_db=3.0, drop=0.2)
        return list(DataLoader(drawn, sampler=turns, batch_size=2, num_workers=workers))

    plain, parallel = epoch(0), epoch(2)
    assert len(plain) == len(parallel) == 4
    for (stems, mix), (other_stems, other_mix) in zip(plain, parallel, strict=True):
        assert torch.equal(stems, other_stems)
        assert torch.equal(mix, other_mix)


def test_seed_epoch_and_index_each_change_the_piece(root):
    drawn = pieces(root)
    stems = [drawn[key][0] for key in ((0, 0), (0, 1), (1, 0))]
    drawn.seed = 1
    stems.append(drawn[0, 0][0])
    assert all(not torch.equal(a, b) for i, a in enumerate(stems) for b in stems[:i])


def test_turns_go_on_where_the_run_stands_and_share_a_batch():
    whole_epoch = list(Turns(Position(2, 0), batch=4, batches=3))
    assert whole_epoch == [(2, index) for index in range(12)]
    assert list(Turns(Position(2, 2), batch=4, batches=3)) == whole_epoch[8:]
    shares = [list(Turns(Position(2, 0), batch=4, batches=3, rank=rank, world=2)) for rank in (0, 1)]
    assert sorted(shares[0] + shares[1]) == whole_epoch
    assert shares[0][:2] == whole_epoch[:2]


def test_a_remixed_target_is_the_sum_of_the_wet_stems(root):
    drawn = pieces(root, remix=1.0, jitter_db=6.0)
    piece = drawn.draw(np.random.default_rng(5))
    assert piece.remixed
    assert len({part.song for part in piece.parts}) > 1
    samples = drawn.samples
    stems, mix = read_piece(piece, drawn.songs, samples)
    expected = np.zeros_like(mix)
    for stem, row, part in zip(STEMS, stems, piece.parts, strict=True):
        song = drawn.songs[part.song]
        here = slice(part.start, part.start + samples)
        np.testing.assert_array_equal(row if not piece.swapped else row[::-1], whole(*song.stems[stem])[:, here])
        assert song.wet is not None
        expected += whole(*song.wet[stem])[:, here] * np.float32(10.0 ** (part.gain_db / 20.0))
    np.testing.assert_allclose(mix if not piece.swapped else mix[::-1], expected, atol=1e-6)
    assert max(abs(part.gain_db) for part in piece.parts) > 1.0


def test_a_swap_turns_stems_and_mix_round(root):
    songs = pieces(root).songs
    parts = (Part(0, 100),) * 4
    stems, mix = read_piece(Piece(parts), songs, 1000)
    swapped_stems, swapped_mix = read_piece(Piece(parts, swapped=True), songs, 1000)
    np.testing.assert_array_equal(swapped_stems, stems[:, ::-1])
    np.testing.assert_array_equal(swapped_mix, mix[::-1])
    assert not np.array_equal(mix, mix[::-1])


def test_a_dropped_stem_is_missing_from_the_mix_too(root):
    songs = pieces(root).songs
    full = tuple(Part(0, 0) for _ in STEMS)
    without = (*full[:3], Part(0, 0, dropped=True))
    _, mix = read_piece(Piece(full), songs, 1000)
    stems, less = read_piece(Piece(without), songs, 1000)
    assert not stems[3].any()
    np.testing.assert_allclose(mix - less, whole(*songs[0].wet["other"])[:, :1000], atol=1e-6)


def test_one_stem_always_stays(root):
    drawn = pieces(root, drop=0.99)
    for seed in range(20):
        assert not all(part.dropped for part in drawn.draw(np.random.default_rng(seed)).parts)


def test_songs_count_by_their_length(tmp_path):
    for name, seconds, seed in (("short", 0.5, 1), ("long", 2.0, 2)):
        write_song(tmp_path, name, seed=seed, seconds=seconds)
    recipe = make(tmp_path, wet=None, task="reconstruct")
    corpus = opened(recipe)
    drawn = TrainingPieces((*corpus.train, *corpus.valid), recipe.data, 0)
    names = [drawn.songs[drawn.draw(np.random.default_rng(seed)).parts[0].song].name for seed in range(200)]
    assert 0.7 < names.count("long") / 200 < 0.9


def test_short_songs_and_missing_stems_are_filled_with_silence(tmp_path):
    write_song(tmp_path, "a", seed=1, seconds=0.1, stems=("vocals", "drums"))
    stems, mix = pieces(tmp_path)[0, 0]
    assert stems.shape == (4, 2, 11025)
    assert not stems[1].any()
    assert not stems[3].any()
    assert not stems[:, :, 4410:].any()
    assert stems[0].any()
    assert mix.any()


def test_silent_pieces_are_drawn_again(tmp_path):
    write_song(tmp_path, "a", seed=1, seconds=4.0)
    for path in tmp_path.rglob("*.wav"):
        sound = whole(path)
        sound[:, : sound.shape[1] // 2] = 0.0
        audio_files.write(path, sound, audio.RATE)
    drawn = pieces(tmp_path, seconds=0.1)
    silent = sum(not drawn[0, index][1].any() for index in range(40))
    assert silent <= 5


def test_the_loudest_of_several_is_louder(root):
    plain, loud = (pieces(root, loudest=count) for count in (1, 6))
    energy = [np.mean([float(drawn[0, i][1].square().mean()) for i in range(6)]) for drawn in (plain, loud)]
    assert energy[1] > energy[0]


def test_validation_pieces_are_fixed_and_spread(tmp_path):
    corpus = opened(make(write_corpus(tmp_path, songs=2)))
    songs = corpus.train
    fixed = ValidationPieces(songs, seconds=0.25, count=5)
    assert [piece.parts[0].song for piece in fixed.pieces] == [0, 1, 0, 1, 0]
    starts = [piece.parts[0].start for piece in fixed.pieces if piece.parts[0].song == 0]
    assert starts == sorted(set(starts))
    assert all(start + fixed.samples <= songs[0].samples for start in starts)
    assert torch.equal(fixed[2][0], ValidationPieces(songs, seconds=0.25, count=5)[2][0])
    assert len(list(DataLoader(fixed, batch_size=2))) == 3


def test_splits_are_kept_and_one_is_made_where_there_is_none(tmp_path, root):
    corpus = opened(make(root))
    assert [song.name for song in corpus.valid] == ["valid/song 3"]
    assert len(corpus.train) == 3
    for index in range(3):
        write_song(tmp_path, str(index), seed=index, seconds=0.3)
    made = opened(make(tmp_path))
    assert {song.name for song in made.train} | {song.name for song in made.valid} == {"0", "1", "2"}
    assert len(made.valid) == 1


def change_card(path, **changes):
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


@pytest.mark.parametrize(
    ("break_it", "message"),
    [
        (lambda a: change_card(a / "bass.json", stats={"signature": "f" * 16}), "expected a stem normalised to"),
        (lambda a: change_card(a / "bass.json", chain={"eq": {"strength": 0.5}}), "with the settings of chain.json"),
        (lambda a: (a / "../../chain.json").unlink(), "'fxnorm normalize' writes it"),
        (lambda a: (a / "../../chain.json").write_text("[]"), "expected a chain"),
        (lambda a: (a / "bass.json").unlink(), "expected the card of a normalised stem"),
        (lambda a: (a / "bass.json").write_text("{}"), "not the card of a normalised stem"),
        (lambda a: (a / "mixture.wav").unlink(), "expected a mixture to learn from"),
        (lambda a: audio_files.write(a / "bass.wav", noise(0.2, rate=48000), 48000), "expected 44100 Hz, got 48000"),
    ],
)
def test_a_corpus_that_does_not_fit_is_refused(tmp_path, break_it, message):
    write_corpus(tmp_path, songs=2, seconds=0.3)
    break_it(tmp_path / "normalized" / "train" / "song 1")
    with pytest.raises(InputError) as caught:
        opened(make(tmp_path, wet=None))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_wet_stems_have_to_be_of_the_same_songs(tmp_path):
    write_corpus(tmp_path, songs=2, seconds=0.3)
    shutil.rmtree(tmp_path / "wet" / "train" / "song 1")
    with pytest.raises(InputError, match="among the wet stems"):
        opened(make(tmp_path))

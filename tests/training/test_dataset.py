"""Examples depend on seed, epoch and index only; their stems and mix are aligned."""

import json
import pickle
import shutil

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from fxnorm import audio, audio_files
from fxnorm.corpus.stems import STEMS
from fxnorm.errors import InputError
from fxnorm.training.corpus import open_corpus
from fxnorm.training.datamodule import leave_signals_to_parent
from fxnorm.training.dataset import (
    Crop,
    Example,
    Position,
    ResumableSampler,
    TrainingDataset,
    ValidationDataset,
    read_example,
)
from tests.signals import noise
from tests.training.corpora import make, write_corpus, write_song


def opened(recipe):
    return open_corpus(recipe.corpus, wet=recipe.wet, mixing=recipe.task == "mix")


def make_dataset(root, **data):
    recipe = make(root, data=data)
    return TrainingDataset(opened(recipe).train, recipe.data, recipe.seed)


def read_file(path):
    return audio_files.read(path)[0]


def test_a_segment_of_a_file_is_that_segment(tmp_path):
    path = tmp_path / "x.flac"
    audio_files.write(path, noise(0.5), audio.SAMPLE_RATE, subtype="PCM_24")
    full = read_file(path)
    np.testing.assert_array_equal(audio_files.read_segment(path, 1000, 500), full[:, 1000:1500])
    beyond = audio_files.read_segment(path, full.shape[1] - 100, 300)
    np.testing.assert_array_equal(beyond[:, :100], full[:, -100:])
    assert beyond.shape == (2, 300)
    assert not beyond[:, 100:].any()
    assert not audio_files.read_segment(path, 10**9, 10).any()


def test_a_plain_example_is_aligned_with_its_mixture(root):
    dataset = make_dataset(root, channel_swap=0.0)
    for index in range(4):
        stems, mix = dataset[0, index]
        wet = stems * torch.tensor([[2.0, 2.0, 2.0, 2.0], [1.0, 1.2, 1.4, 1.6]]).T[:, :, None]
        torch.testing.assert_close(wet.sum(dim=0), mix, atol=1e-5, rtol=0)


def test_examples_do_not_depend_on_the_workers(root):
    def epoch(workers):
        sampler = ResumableSampler(Position(3, 0), batch_size=2, batches=4)
        dataset = make_dataset(root, remix=0.5, jitter_db=3.0, stem_dropout=0.2)
        return list(DataLoader(dataset, sampler=sampler, batch_size=2, num_workers=workers))

    plain, parallel = epoch(0), epoch(2)
    assert len(plain) == len(parallel) == 4
    for (stems, mix), (other_stems, other_mix) in zip(plain, parallel, strict=True):
        assert torch.equal(stems, other_stems)
        assert torch.equal(mix, other_mix)


def test_loader_processes_can_be_spawned(root):
    """Windows and macOS cannot fork: datasets and functions of a loader process are pickled."""
    dataset = make_dataset(root)
    unpickled, initialize = pickle.loads(pickle.dumps((dataset, leave_signals_to_parent)))
    assert initialize is leave_signals_to_parent
    for tensor, expected in zip(unpickled[1, 2], dataset[1, 2], strict=True):
        assert torch.equal(tensor, expected)


def test_seed_epoch_and_index_each_change_the_example(root):
    dataset = make_dataset(root)
    stems = [dataset[key][0] for key in ((0, 0), (0, 1), (1, 0))]
    dataset.seed = 1
    stems.append(dataset[0, 0][0])
    assert all(not torch.equal(a, b) for i, a in enumerate(stems) for b in stems[:i])


def test_the_sampler_resumes_at_the_position_and_shares_a_batch():
    whole_epoch = list(ResumableSampler(Position(2, 0), batch_size=4, batches=3))
    assert whole_epoch == [(2, index) for index in range(12)]
    assert list(ResumableSampler(Position(2, 2), batch_size=4, batches=3)) == whole_epoch[8:]
    shares = [
        list(ResumableSampler(Position(2, 0), batch_size=4, batches=3, rank=rank, world_size=2)) for rank in (0, 1)
    ]
    assert sorted(shares[0] + shares[1]) == whole_epoch
    assert shares[0][:2] == whole_epoch[:2]


def test_a_remixed_target_is_the_sum_of_the_wet_stems(root):
    dataset = make_dataset(root, remix=1.0, jitter_db=6.0)
    example = dataset.draw(np.random.default_rng(5))
    assert example.remixed
    assert len({crop.song for crop in example.crops}) > 1
    samples = dataset.samples
    stems, mix = read_example(example, dataset.songs, samples)
    expected = np.zeros_like(mix)
    for stem, row, crop in zip(STEMS, stems, example.crops, strict=True):
        song = dataset.songs[crop.song]
        span = slice(crop.start, crop.start + samples)
        np.testing.assert_array_equal(
            row if not example.channels_swapped else row[::-1], read_file(song.stems[stem][0].path)[:, span]
        )
        assert song.wet is not None
        expected += read_file(song.wet[stem][0].path)[:, span] * np.float32(10.0 ** (crop.gain_db / 20.0))
    np.testing.assert_allclose(mix if not example.channels_swapped else mix[::-1], expected, atol=1e-6)
    assert max(abs(crop.gain_db) for crop in example.crops) > 1.0


def test_a_swap_turns_stems_and_mix_round(root):
    songs = make_dataset(root).songs
    crops = (Crop(0, 100),) * 4
    stems, mix = read_example(Example(crops), songs, 1000)
    swapped_stems, swapped_mix = read_example(Example(crops, channels_swapped=True), songs, 1000)
    np.testing.assert_array_equal(swapped_stems, stems[:, ::-1])
    np.testing.assert_array_equal(swapped_mix, mix[::-1])
    assert not np.array_equal(mix, mix[::-1])


def test_a_dropped_stem_is_missing_from_the_mix_too(root):
    songs = make_dataset(root).songs
    full = tuple(Crop(0, 0) for _ in STEMS)
    without = (*full[:3], Crop(0, 0, dropped=True))
    _, mix = read_example(Example(full), songs, 1000)
    stems, less = read_example(Example(without), songs, 1000)
    assert not stems[3].any()
    np.testing.assert_allclose(mix - less, read_file(songs[0].wet["other"][0].path)[:, :1000], atol=1e-6)


def test_one_stem_always_stays(root):
    dataset = make_dataset(root, stem_dropout=0.99)
    for seed in range(20):
        assert not all(crop.dropped for crop in dataset.draw(np.random.default_rng(seed)).crops)


def test_songs_count_by_their_length(tmp_path):
    for name, seconds, seed in (("short", 0.5, 1), ("long", 2.0, 2)):
        write_song(tmp_path, name, seed=seed, seconds=seconds)
    recipe = make(tmp_path, wet=None, task="reconstruct")
    corpus = opened(recipe)
    dataset = TrainingDataset((*corpus.train, *corpus.valid), recipe.data, 0)
    names = [dataset.songs[dataset.draw(np.random.default_rng(seed)).crops[0].song].name for seed in range(200)]
    assert 0.7 < names.count("long") / 200 < 0.9


def test_short_songs_and_missing_stems_are_filled_with_silence(tmp_path):
    write_song(tmp_path, "a", seed=1, seconds=0.1, stems=("vocals", "drums"))
    stems, mix = make_dataset(tmp_path)[0, 0]
    assert stems.shape == (4, 2, 11025)
    assert not stems[1].any()
    assert not stems[3].any()
    assert not stems[:, :, 4410:].any()
    assert stems[0].any()
    assert mix.any()


def test_silent_examples_are_drawn_again(tmp_path):
    write_song(tmp_path, "a", seed=1, seconds=4.0)
    for path in tmp_path.rglob("*.wav"):
        sound = read_file(path)
        sound[:, : sound.shape[1] // 2] = 0.0
        audio_files.write(path, sound, audio.SAMPLE_RATE)
    dataset = make_dataset(tmp_path, segment_s=0.1)
    silent = sum(not dataset[0, index][1].any() for index in range(40))
    assert silent <= 5


def test_the_loudest_of_several_is_louder(root):
    plain, loud = (make_dataset(root, loudest_of=count) for count in (1, 6))
    energy = [np.mean([float(dataset[0, i][1].square().mean()) for i in range(6)]) for dataset in (plain, loud)]
    assert energy[1] > energy[0]


def test_validation_segments_are_fixed_and_spread(tmp_path):
    corpus = opened(make(write_corpus(tmp_path, songs=2)))
    songs = corpus.train
    dataset = ValidationDataset(songs, segment_s=0.25, count=5)
    assert [example.crops[0].song for example in dataset.examples] == [0, 1, 0, 1, 0]
    starts = [example.crops[0].start for example in dataset.examples if example.crops[0].song == 0]
    assert starts == sorted(set(starts))
    assert all(start + dataset.samples <= songs[0].samples for start in starts)
    assert torch.equal(dataset[2][0], ValidationDataset(songs, segment_s=0.25, count=5)[2][0])
    assert len(list(DataLoader(dataset, batch_size=2))) == 3


def test_splits_are_kept_and_one_is_made_where_there_is_none(tmp_path, root):
    corpus = opened(make(root))
    assert [song.name for song in corpus.valid] == ["valid/song 3"]
    assert len(corpus.train) == 3
    for index in range(3):
        write_song(tmp_path, str(index), seed=index, seconds=0.3)
    data = opened(make(tmp_path))
    assert {song.name for song in data.train} | {song.name for song in data.valid} == {"0", "1", "2"}
    assert len(data.valid) == 1


def change_record(path, **changes):
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


@pytest.mark.parametrize(
    ("break_it", "message"),
    [
        (lambda a: change_record(a / "bass.json", stats={"signature": "f" * 16}), "expected a stem normalised to"),
        (lambda a: change_record(a / "bass.json", chain={"eq": {"strength": 0.5}}), "with the settings of chain.json"),
        (lambda a: (a / "../../chain.json").unlink(), "normalise again with 'fxnorm normalize'"),
        (lambda a: (a / "../../chain.json").write_text("[]"), "expected a chain"),
        (
            lambda a: (a / "bass.json").unlink(),
            "bass.json: cannot be read (No such file or directory); check the path, or normalise the corpus again",
        ),
        (lambda a: (a / "bass.json").write_text("{}"), "expected the record of a stem"),
        (lambda a: (a / "mixture.wav").unlink(), "expected a mixture to learn from"),
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

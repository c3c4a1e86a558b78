"""What a system may lack: processor masks, hard links, symbolic links; and locks as every system has them."""

import os
from pathlib import Path

import pytest

from fxnorm import audio, audio_files, corpus, files, locks
from fxnorm.normalization.corpus_normalization import normalize_corpus
from fxnorm.normalization.output_layout import OutputLayout
from fxnorm.normalization.plan import NormalizationPlan
from fxnorm.normalization.settings import ChainSettings
from fxnorm.normalization.statistics import FxStats
from fxnorm.parallel import default_jobs
from tests.normalization.test_corpus_passes import write_song
from tests.signals import noise


def test_shared_locks_admit_each_other_and_exclude_an_exclusive_one(tmp_path: Path) -> None:
    (tmp_path / "lock").touch()
    with (tmp_path / "lock").open("rb") as first, (tmp_path / "lock").open("rb") as second:
        assert locks.try_lock(first, exclusive=False)
        assert locks.try_lock(second, exclusive=False)
        assert not locks.try_lock(second, exclusive=True)
    with (tmp_path / "lock").open("rb") as third:  # closing a file drops its lock
        assert locks.try_lock(third, exclusive=True)
        assert locks.try_lock(third, exclusive=False)


def test_text_is_the_same_on_every_system(tmp_path: Path) -> None:
    files.write_text(tmp_path / "a.txt", "one\ntwo\n")
    assert (tmp_path / "a.txt").read_bytes() == b"one\ntwo\n"


def test_a_system_without_masks_and_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError("no links here")

    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "link", refuse)
    monkeypatch.setattr(os, "symlink", refuse)
    assert default_jobs() >= 1
    song = tmp_path / "songs" / "Song"
    write_song(song, seconds=1.0)
    if not (song / "mixture.wav").exists():
        audio_files.write(song / "mixture.wav", noise(1.0, seed=9), audio.SAMPLE_RATE)
    plan = NormalizationPlan(
        FxStats.shipped(), ChainSettings.preset(effects=("loudness",)), OutputLayout(tmp_path / "out")
    )
    assert normalize_corpus(corpus.scan(tmp_path / "songs"), plan, jobs=2).failures == ()
    copy = tmp_path / "out" / "Song" / "mixture.wav"
    assert copy.read_bytes() == (song / "mixture.wav").read_bytes()
    assert not copy.samefile(song / "mixture.wav")

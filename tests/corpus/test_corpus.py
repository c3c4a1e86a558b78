"""Corpora: scanning, inspection reports, and extraction of archives."""

import json
import os
import pickle
import shutil
import stat
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path, PurePosixPath
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fxnorm import audio_files, corpus
from fxnorm.audio import SAMPLE_RATE, Audio
from fxnorm.corpus import StemFiles, inspection
from fxnorm.corpus.stems import STEMS
from fxnorm.errors import InputError
from fxnorm.files import TEMPORARY_PREFIX

Make = Callable[..., Path]


def song(folder: Path, files: Iterable[str] = (*(f"{stem}.wav" for stem in STEMS), "mixture.wav")) -> Path:
    """Create a song of empty files, since scanning opens none."""
    folder.mkdir(parents=True, exist_ok=True)
    for file in files:
        (folder / file).touch()
    return folder


def noise(seed: int, channels: int = 2, samples: int = 5_000) -> Audio:
    return np.random.default_rng(seed).uniform(-0.2, 0.2, (channels, samples)).astype(np.float32)


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Write a song whose mixture is the sum of its stems; replace files, or leave them out (None)."""

    def build(rate: int = SAMPLE_RATE, **replaced: Audio | None) -> Path:
        arrays: dict[str, Audio | None] = {stem: noise(seed) for seed, stem in enumerate(STEMS)}
        arrays["mixture"] = np.sum([array for array in arrays.values() if array is not None], axis=0)
        for name, array in (arrays | replaced).items():
            if array is not None:
                (tmp_path / "song").mkdir(exist_ok=True)
                soundfile.write(tmp_path / "song" / f"{name}.wav", array.T, rate, subtype="FLOAT")
        return tmp_path / "song"

    return build


def inspect(folder: Path, *, block: int = 1 << 18) -> corpus.TrackReport:
    (track,) = corpus.scan(folder)
    return corpus.inspect(track, block=block)


# Tracks


def test_a_track_is_immutable_hashable_and_travels(tmp_path: Path) -> None:
    song(tmp_path / "train" / "A")
    (track,) = corpus.scan(tmp_path)
    copy = pickle.loads(pickle.dumps(track))
    assert copy == track
    assert {copy, track} == {track}
    with pytest.raises(AttributeError):
        track.split = "test"  # type: ignore[misc]
    with pytest.raises(TypeError):
        track.stems["vocals"] = ()  # type: ignore[index]


def test_stems_come_in_the_one_order() -> None:
    files = StemFiles({stem: [Path(stem)] for stem in reversed(STEMS)})
    assert tuple(files) == STEMS
    assert files == StemFiles(dict(files))
    assert files["bass"] == (Path("bass"),)
    assert StemFiles({"drums": [Path("d")]}).get("bass") is None


# Scanning


def test_splits_of_musdb(tmp_path: Path) -> None:
    for location in (
        "train/Leaf - Summerghost",
        "train/Beta",
        "train/Alpha",
        "test/Zulu",
        "valid/Own",
        "test/ANiMAL - Rockshow",
    ):
        song(tmp_path / location)
    tracks = corpus.scan(tmp_path)
    assert [(track.split, track.id) for track in tracks] == [
        ("train", "train/Alpha"),
        ("train", "train/Beta"),
        ("valid", "train/Leaf - Summerghost"),
        ("valid", "valid/Own"),
        ("test", "test/ANiMAL - Rockshow"),
        ("test", "test/Zulu"),
    ]
    assert [track.name for track in corpus.scan(tmp_path, split="valid")] == ["Leaf - Summerghost", "Own"]
    leaf = tracks[2]
    assert leaf.location == PurePosixPath("train/Leaf - Summerghost")
    assert leaf.folder == tmp_path / leaf.location
    assert leaf.stems["vocals"] == (leaf.folder / "vocals.wav",)
    assert leaf.mixture == leaf.folder / "mixture.wav"
    assert leaf.missing == leaf.left_out == ()


def test_fourteen_songs_are_for_validation(tmp_path: Path) -> None:
    assert len(corpus.VALIDATION_SONGS) == 14
    for name in corpus.VALIDATION_SONGS:
        song(tmp_path / "train" / name, ["bass.wav"])
    assert {track.split for track in corpus.scan(tmp_path)} == {"valid"}


def test_a_folder_of_songs_has_no_splits(tmp_path: Path) -> None:
    song(tmp_path / "Leaf - Summerghost")
    song(tmp_path / "test")  # a song, whatever its name
    assert [(track.split, track.id) for track in corpus.scan(tmp_path)] == [
        (None, "Leaf - Summerghost"),
        (None, "test"),
    ]


def test_a_single_song(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = song(tmp_path / "One", ["bass.flac"])
    song(folder / "backup")
    monkeypatch.chdir(folder)
    for root in (folder, Path()):
        (track,) = corpus.scan(root)
        assert (track.id, track.split, track.mixture) == ("One", None, None)
        assert track.missing == ("vocals", "drums", "other")


@pytest.mark.parametrize(
    "name", ["two words", "quo'te\" & co", "歌 Ёлка", "-o", "--help", "a.wav", "100%", "~", "$HOME;ls"]
)
def test_any_song_name_will_do(tmp_path: Path, name: str) -> None:
    song(tmp_path / "train" / name)
    (track,) = corpus.scan(tmp_path)
    assert track.id == f"train/{name}"
    assert len(track.stems) == 4


def test_suffixes_in_any_case_and_format(tmp_path: Path) -> None:
    song(tmp_path / "A", ["vocals.WAV", "Bass.Flac", "drums.mp3", "other.aif", "MIXTURE.ogg"])
    (track,) = corpus.scan(tmp_path)
    assert track.missing == ()
    assert track.mixture is not None


def test_hidden_and_unfinished_files_are_passed_over(tmp_path: Path) -> None:
    song(tmp_path / ".hidden")
    song(tmp_path / "A", ["bass.wav", ".vocals.wav", f"{TEMPORARY_PREFIX}1.wav", "._drums.wav", "notes.txt"])
    (tmp_path / "A" / "drums.wav").mkdir()
    (tmp_path / "A" / "other.wav").symlink_to("nowhere.wav")
    (track,) = corpus.scan(tmp_path)
    assert dict(track.stems) == {"bass": (tmp_path / "A" / "bass.wav",)}
    assert track.left_out == ()


def test_linked_songs_are_songs(tmp_path: Path) -> None:
    song(tmp_path / "elsewhere" / "A")
    (tmp_path / "corpus").mkdir()
    (tmp_path / "corpus" / "linked").symlink_to(tmp_path / "elsewhere" / "A")
    assert [track.id for track in corpus.scan(tmp_path / "corpus")] == ["linked"]


def test_a_second_claim_to_a_stem_is_not_used(tmp_path: Path) -> None:
    folder = song(
        tmp_path / "A", ["vocals.mp3", "vocals.flac", "vocals.wav", "mixture.flac", "mixture.aiff", "click.wav"]
    )
    (track,) = corpus.scan(tmp_path)
    assert [path.name for path in track.stems["vocals"]] == ["vocals.wav"]
    assert track.mixture == folder / "mixture.flac"
    assert [path.name for path in track.left_out] == ["click.wav", "mixture.aiff", "vocals.flac", "vocals.mp3"]


def test_formats_are_preferred_in_one_order(tmp_path: Path) -> None:
    for first in range(len(audio_files.SUFFIXES)):
        offered = audio_files.SUFFIXES[first:]
        song(tmp_path / str(first), [f"{stem}{suffix}" for suffix in reversed(offered) for stem in STEMS])
    for track, suffix in zip(corpus.scan(tmp_path), audio_files.SUFFIXES, strict=True):
        assert {path.suffix for (path,) in track.stems.values()} == {suffix}


def test_normalised_stems_are_found_by_their_suffix(tmp_path: Path) -> None:
    song(tmp_path / "A", ["vocals_normalized.wav", "mixture.wav", "bass.wav"])
    (track,) = corpus.scan(tmp_path, suffix="normalized")
    assert dict(track.stems) == {"vocals": (tmp_path / "A" / "vocals_normalized.wav",)}
    assert track.mixture == tmp_path / "A" / "mixture.wav"
    assert corpus.scan(tmp_path)[0].stems.keys() == {"bass"}


def test_a_folder_whose_audio_has_other_names_is_named_in_the_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    song(tmp_path / "A")
    song(tmp_path / "B", ["mixdown.wav"])
    assert [track.id for track in corpus.scan(tmp_path)] == ["A"]
    assert "mixdown.wav: passed over" in caplog.text


def test_thousands_of_songs_take_moments(tmp_path: Path) -> None:
    for index in range(1_000):
        song(tmp_path / f"{index:04}")
    assert len(corpus.scan(tmp_path)) == 1_000


@pytest.mark.parametrize(
    ("files", "message"),
    [
        (
            [],
            r"expected a folder of songs.*found nothing in it; a song is a folder with files named vocals, bass",
        ),
        ([".hidden/vocals.wav"], "found nothing in it"),
        (["train/A/readme.txt"], "found folders without audio in them"),
        (["train/A/mixdown.wav"], r"audio of other names \(train/A/mixdown.wav\); rename it"),
        (["train/A - B.stem.mp4"], r"packed stems \(A - B\.stem\.mp4\)"),
    ],
)
def test_no_songs(tmp_path: Path, files: list[str], message: str) -> None:
    for file in files:
        song((tmp_path / file).parent, [Path(file).name])
    with pytest.raises(InputError, match=message) as caught:
        corpus.scan(tmp_path)
    assert "\n" not in str(caught.value)


def test_what_is_no_folder(tmp_path: Path) -> None:
    song(tmp_path, ["vocals.wav", "musdb.zip"])
    for name, message in (
        ("absent", "nothing of that name"),
        ("vocals.wav", "got a file"),
        ("musdb.zip", "extract it first"),
    ):
        with pytest.raises(InputError, match=message):
            corpus.scan(tmp_path / name)


def test_splits_that_are_not_there(tmp_path: Path) -> None:
    song(tmp_path / "train" / "A")
    with pytest.raises(
        InputError, match=r"expected a split \(train, valid, test\), got 'validation'; did you mean 'valid'\?"
    ):
        corpus.scan(tmp_path, split="validation")
    with pytest.raises(InputError, match="expected songs of the split 'test', found 1 of train"):
        corpus.scan(tmp_path, split="test")


def test_a_closed_folder(tmp_path: Path) -> None:
    song(tmp_path / "A").chmod(0)
    if os.access(tmp_path / "A", os.R_OK):
        pytest.skip("this user may list every folder")
    with pytest.raises(InputError, match="cannot be listed"):
        corpus.scan(tmp_path)


# Inspection


def test_a_song_in_order(make: Make) -> None:
    report = inspect(make())
    assert (report.level, report.problems) == ("ok", [])
    assert [file.file for file in report.files] == [f"{name}.wav" for name in (*STEMS, "mixture")]
    file = report.files[0]
    assert (file.sample_rate, file.channels, file.samples, file.subtype) == (SAMPLE_RATE, 2, 5_000, "FLOAT")
    assert file.peak_db == pytest.approx(20 * np.log10(np.abs(noise(0)).max()), abs=1e-4)
    assert report.residual_db is not None
    assert report.residual_db < -120.0
    assert report.seconds == 5_000 / SAMPLE_RATE


def test_a_report_becomes_json(make: Make) -> None:
    folder = make(vocals=np.full((2, 100), np.nan, np.float32), bass=None)
    report = json.loads(json.dumps(inspect(folder).to_dict(), allow_nan=False))
    assert report["level"] == "error"
    assert report["missing"] == ["bass"]
    assert report["files"][0]["not_finite"] == 200
    assert report["errors"] == ["vocals.wav: expected finite samples, got 200 NaN or infinite ones; export it again"]


@pytest.mark.parametrize("block", [1, 7, 4_999, 5_000, 10_000])
def test_the_block_size_changes_nothing(make: Make, block: int) -> None:
    loud = noise(9)
    loud[:, 100:150] = 1.0
    folder = make(vocals=loud, drums=noise(3, samples=4_321))
    whole, pieces = inspect(folder).to_dict(), inspect(folder, block=block).to_dict()
    assert pieces.pop("residual_db") == pytest.approx(whole.pop("residual_db"), abs=1e-6)
    assert [str(pieces.pop("notices"))] == [str(whole.pop("notices"))]
    assert pieces == whole


def clipped_by_counting(array: Audio) -> int:
    """Reference implementation, slow and plain."""
    count = 0
    for channel in array:
        run = 0
        for sample in [*channel, 0.0]:
            if inspection.FULL_SCALE <= abs(sample) <= 1.0:
                run += 1
                continue
            count += run if run >= inspection.CLIPPED_RUN else 0
            run = 0
    return count


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(
    runs=st.lists(
        st.tuples(st.integers(1, 9), st.sampled_from([0.5, 1.0, -1.0, 32_767 / 32_768, 1.01, -3.0])),
        min_size=1,
        max_size=12,
    ),
    block=st.integers(1, 12),
)
def test_clipping_is_counted_across_blocks(make: Make, runs: list[tuple[int, float]], block: int) -> None:
    channel = np.concatenate([np.full(length, value, np.float32) for length, value in runs])
    vocals = np.stack([channel, channel[::-1]])
    report = inspect(make(vocals=vocals, bass=None, drums=None, other=None, mixture=None), block=block)
    assert report.files[0].clipped == clipped_by_counting(vocals)
    assert report.files[0].over_full_scale == np.count_nonzero(np.abs(vocals) > 1.0)


@pytest.mark.parametrize(("suffix", "subtype"), [(".wav", "FLOAT"), (".mp3", "MPEG_LAYER_III"), (".ogg", "VORBIS")])
def test_samples_over_full_scale_are_not_clipped(make: Make, suffix: str, subtype: str) -> None:
    folder = make(vocals=None)
    hot = 1.5 * np.sin(2.0 * np.pi * 100.0 / SAMPLE_RATE * np.arange(5_000)).astype(np.float32)
    audio_files.write(folder / f"vocals{suffix}", np.stack([hot, hot]), SAMPLE_RATE, subtype=subtype)
    report = inspect(folder)
    (notice,) = (notice for notice in report.notices if notice.startswith("vocals"))
    file = report.to_dict()["files"][0]
    assert (
        notice
        == f"vocals{suffix}: {file['over_full_scale']} samples over full scale (peak +{file['peak_db']:.1f} dBFS)"
    )
    assert file["over_full_scale"] == pytest.approx(np.count_nonzero(np.abs([hot, hot]) > 1.0), rel=0.05)
    assert file["clipped"] < 20


def test_clipped_integer_files(make: Make) -> None:
    folder = make()
    for subtype in ("PCM_16", "PCM_24"):
        audio_files.write(folder / "vocals.wav", 8.0 * noise(0), SAMPLE_RATE, subtype=subtype)
        report = inspect(folder)
        assert any("samples clipped" in notice for notice in report.notices)
        assert report.errors == []


@pytest.mark.parametrize(
    ("replaced", "notice"),
    [
        ({"bass": None, "drums": None}, "missing: bass, drums"),
        ({"mixture": None}, "no mixture"),
        ({"vocals": np.zeros((2, 5_000), np.float32)}, "vocals.wav: silent (peak -240.0 dBFS)"),
        ({"vocals": np.ones((1, 5_000), np.float32)}, "vocals.wav: 5000 samples clipped"),
        (
            {"drums": noise(2)[:, :4_990]},
            "lengths differ: 5000 samples (vocals.wav, bass.wav, other.wav, mixture.wav), 4990 samples (drums.wav)",
        ),
        (
            {"mixture": 0.25 * sum(noise(seed) for seed in range(4))},
            "mixture is not the sum of the stems (9.5 dB remain)",
        ),
    ],
)
def test_notices(make: Make, replaced: dict[str, Audio | None], notice: str) -> None:
    report = inspect(make(**replaced))
    assert notice in report.problems
    assert report.level == "notice"


def test_unused_audio_is_listed(make: Make) -> None:
    folder = make()
    shutil.copy(folder / "bass.wav", folder / "click.wav")
    audio_files.write(folder / "bass.flac", noise(1), SAMPLE_RATE, subtype="PCM_16")
    report = inspect(folder)
    assert (report.unknown, report.duplicates) == (("click.wav",), ("bass.flac",))
    assert "unused, another file of that name is preferred: bass.flac" in report.problems
    assert "unused, not the name of a stem: click.wav" in report.problems


def test_rates_that_differ(make: Make) -> None:
    folder = make()
    audio_files.write(folder / "drums.wav", noise(2, samples=5_442), 48_000)  # as long as 5,000 samples at 44.1 kHz
    report = inspect(folder)
    assert report.problems == [
        "sample rates differ: 44100 Hz (vocals.wav, bass.wav, other.wav, mixture.wav), 48000 Hz (drums.wav)"
    ]
    assert report.residual_db is None


def test_residual_of_a_known_share(make: Make) -> None:
    mixture = sum(noise(seed) for seed in range(4))
    report = inspect(make(mixture=np.float32(mixture * 1.01)))
    assert report.residual_db == pytest.approx(20 * np.log10(0.01 / 1.01), abs=0.01)


def test_mono_stems_count_on_both_sides(make: Make) -> None:
    mono = noise(5, channels=1)
    rest = sum(noise(seed) for seed in range(1, 4))
    report = inspect(make(vocals=mono, mixture=np.float32(rest + mono)))
    assert report.residual_db is not None
    assert report.residual_db < -120.0


def test_residual_over_the_shared_length_only(make: Make) -> None:
    slightly, far = noise(0)[:, :-9], noise(0, samples=SAMPLE_RATE + 6_000)
    assert inspect(make(vocals=slightly)).residual_db < -120.0
    assert inspect(make(vocals=far)).residual_db is None


def test_a_silent_mixture_has_no_residual(make: Make) -> None:
    assert inspect(make(mixture=np.zeros((2, 5_000), np.float32))).residual_db is None


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-4_000])


def empty(path: Path) -> None:
    soundfile.write(path, np.zeros((0, 2)), SAMPLE_RATE)


def widen(path: Path) -> None:
    soundfile.write(path, noise(0, channels=3).T, SAMPLE_RATE)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (truncate, "vocals.wav: cut short, 4500 samples are left; export it again"),
        (empty, "vocals.wav: has no samples; remove it or record it again"),
        (widen, "vocals.wav: expected 1 or 2 channels, got 3; mix it down to stereo first"),
        (lambda path: path.write_text("lyrics"), "vocals.wav: expected an audio file"),
        (lambda path: path.unlink(), "vocals.wav: cannot be opened"),
    ],
)
def test_errors(make: Make, damage: Callable[[Path], object], message: str) -> None:
    folder = make()
    (track,) = corpus.scan(folder)
    damage(folder / "vocals.wav")
    report = corpus.inspect(track)
    assert report.level == "error"
    (error,) = report.errors
    assert error.startswith(message)
    assert str(folder) not in error
    assert report.problems == [error]  # an unreadable file has no other notice
    assert report.residual_db is None
    assert all(file.samples == 5_000 for file in report.files[1:])


# Extraction

SONGS = {
    f"{split}/{name}/{stem}.wav": f"{name} {stem}".encode() * 999
    for split, name in (("train", "A B"), ("test", "ü"))
    for stem in STEMS
}


def pack(path: Path, members: dict[str, bytes] | None = None, *, top: str = "") -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in (SONGS if members is None else members).items():
            archive.writestr(top + name, content)
    return path


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("top", ["", "musdb18hq/"])
def test_an_archive_becomes_a_corpus(tmp_path: Path, top: str) -> None:
    archive, reports = pack(tmp_path / "a.zip", top=top), []
    paths = corpus.extract(
        archive, tmp_path / "out", progress=lambda extracted, total: reports.append((extracted, total))
    )
    assert contents(tmp_path / "out") == SONGS
    assert paths == [tmp_path / "out" / name for name in SONGS]
    assert [track.id for track in corpus.scan(tmp_path / "out")] == ["train/A B", "test/ü"]
    total = sum(map(len, SONGS.values()))
    assert len(reports) == len(SONGS)
    assert reports[-1] == (total, total)
    assert reports == sorted(reports)


@pytest.mark.parametrize(
    "members",
    [
        {"train/A/vocals.wav": b"1", "train/A/bass.wav": b"2"},
        {"train/test/vocals.wav": b"1"},
        {"Song/vocals.wav": b"1"},
        {"train/notes.txt": b"1", "x": b"2"},
    ],
)
def test_folders_that_mean_something_are_kept(tmp_path: Path, members: dict[str, bytes]) -> None:
    corpus.extract(pack(tmp_path / "a.zip", members), tmp_path / "out")
    assert contents(tmp_path / "out") == members


def test_hidden_members_and_folders_are_passed_over(tmp_path: Path) -> None:
    junk = {"__MACOSX/train/A/._vocals.wav": b"x", "train/.DS_Store": b"x", ".git/config": b"x", "train/A/": b""}
    corpus.extract(pack(tmp_path / "a.zip", junk | SONGS, top="m/"), tmp_path / "out")
    assert contents(tmp_path / "out") == SONGS


def test_a_second_run_writes_only_what_is_missing_or_damaged(tmp_path: Path) -> None:
    archive, out = pack(tmp_path / "a.zip"), tmp_path / "out"
    whole, missing, short, altered, *_ = corpus.extract(archive, out)
    for path in contents(out):
        os.utime(out / path, (1, 1))
    missing.unlink()
    short.write_bytes(b"short")
    altered.write_bytes(altered.read_bytes()[::-1])
    corpus.extract(archive, out)
    assert contents(out) == SONGS
    assert {path for path in out.rglob("*.wav") if path.stat().st_mtime > 1} == {missing, short, altered}
    assert whole.stat().st_mtime == 1


@pytest.mark.parametrize(
    "name",
    [
        "/etc/x.wav",
        "../x.wav",
        "train/../../x.wav",
        "train/..",
        "C:/x.wav",
        "c:x.wav",
        "train\\..\\x.wav",
        "\\\\host\\x.wav",
        "//host/share/x.wav",
    ],
)
def test_names_that_lead_out_of_the_folder(tmp_path: Path, name: str) -> None:
    archive = pack(tmp_path / "a.zip", SONGS | {name: b"evil"})
    with pytest.raises(InputError, match=r"a path that leads out of the folder .*nothing was extracted"):
        corpus.extract(archive, tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["a.zip"]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(parts=st.lists(st.sampled_from(["..", ".", "train", "a", "C:", "", "\\", "x.wav"]), min_size=1, max_size=5))
def test_nothing_is_ever_written_outside(tmp_path: Path, parts: list[str]) -> None:
    inside = tmp_path / "inside"
    shutil.rmtree(inside, ignore_errors=True)
    archive = pack(tmp_path / "a.zip", {"/".join(parts) or "x": b"x", "train/S/vocals.wav": b"x"})
    try:
        corpus.extract(archive, inside / "deep" / "out")
    except InputError as error:
        assert "\n" not in str(error)
    assert {path.name for path in tmp_path.iterdir()} <= {"a.zip", "inside"}
    assert all(path.is_relative_to(inside / "deep" / "out") for path in inside.rglob("*") if path.is_file())


def test_links_are_refused(tmp_path: Path) -> None:
    archive = pack(tmp_path / "a.zip")
    link = zipfile.ZipInfo("train/link")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(archive, "a") as target:
        target.writestr(link, "/etc/passwd")
    with pytest.raises(InputError, match="a link or device"):
        corpus.extract(archive, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_encrypted_members_are_refused(tmp_path: Path) -> None:
    archive = pack(tmp_path / "a.zip", {"train/A/vocals.wav": b"x"})
    content = bytearray(archive.read_bytes())
    content[content.index(b"PK\x01\x02") + 8] |= 1
    archive.write_bytes(content)
    with pytest.raises(InputError, match="an encrypted file"):
        corpus.extract(archive, tmp_path / "out")


def test_what_is_no_archive(tmp_path: Path) -> None:
    (tmp_path / "text.zip").write_text("no zip")
    (tmp_path / "half.zip").write_bytes(pack(tmp_path / "a.zip").read_bytes()[:-300])
    (tmp_path / "folder.zip").mkdir()
    pack(tmp_path / "nothing.zip", {})
    for name, message in (
        ("text.zip", "expected a zip archive, got something else"),
        ("half.zip", "download it again"),
        ("folder.zip", "Is a directory"),
        ("absent.zip", "No such file"),
        ("nothing.zip", "found no files in it"),
    ):
        with pytest.raises(InputError, match=message) as caught:
            corpus.extract(tmp_path / name, tmp_path / "out")
        assert "\n" not in str(caught.value)
    assert not (tmp_path / "out").exists()


def test_a_damaged_member_leaves_no_half_file(tmp_path: Path) -> None:
    content = bytearray(pack(tmp_path / "a.zip").read_bytes())
    middle = content.index(b"drums.wav") + 20
    content[middle : middle + 8] = b"\xff" * 8
    (tmp_path / "a.zip").write_bytes(content)
    with pytest.raises(InputError, match="damaged"):
        corpus.extract(tmp_path / "a.zip", tmp_path / "out")
    left = contents(tmp_path / "out")
    assert left == {name: SONGS[name] for name in list(SONGS)[:2]}


def test_a_full_disk_is_noticed_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = pack(tmp_path / "a.zip")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=10))
    with pytest.raises(InputError, match=r"of free disk space, got 0\.0 GB; make room"):
        corpus.extract(archive, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_file_where_the_corpus_should_be(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("taken")
    with pytest.raises(InputError, match=r"cannot be extracted \(.*out.*: (File exists|Not a directory)"):
        corpus.extract(pack(tmp_path / "a.zip"), tmp_path / "out")
    assert (tmp_path / "out").read_text() == "taken"

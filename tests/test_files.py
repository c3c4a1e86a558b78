"""Atomic writing: a file appears whole or not at all."""

from pathlib import Path

import pytest

from fxnorm.files import TEMPORARY_PREFIX, replacing, write_text


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_the_temporary_lies_beside_the_target_and_keeps_its_suffix(tmp_path: Path) -> None:
    with replacing(tmp_path / "song.flac") as temporary:
        assert temporary.parent == tmp_path
        assert temporary.suffix == ".flac"
        assert temporary.name.startswith(TEMPORARY_PREFIX)
        temporary.write_text("new")
        assert not (tmp_path / "song.flac").exists()
    assert names(tmp_path) == ["song.flac"]


def test_temporaries_are_hidden() -> None:
    assert TEMPORARY_PREFIX.startswith(".")


def test_an_exception_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    target = tmp_path / "card.json"
    target.write_text("old")
    with pytest.raises(KeyboardInterrupt), replacing(target) as temporary:
        temporary.write_text("half")
        raise KeyboardInterrupt
    assert target.read_text() == "old"
    assert names(tmp_path) == ["card.json"]


def test_a_block_that_writes_nothing_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), replacing(tmp_path / "never.txt"):
        pass
    assert names(tmp_path) == []


def test_a_folder_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "taken").mkdir()
    with pytest.raises(OSError, match="taken"):
        write_text(tmp_path / "taken", "text")
    assert names(tmp_path) == ["taken"]


def test_two_writers_do_not_meet(tmp_path: Path) -> None:
    target = tmp_path / "stats.json"
    with replacing(target) as first, replacing(target) as second:
        assert first != second
        first.write_text("first")
        second.write_text("second")
    assert target.read_text() == "first"  # the last to finish


def test_text_is_utf8_and_replaces(tmp_path: Path) -> None:
    target = tmp_path / "名前 'x'.txt"
    write_text(target, "old")
    write_text(target, "Größe µ 声\n")
    assert target.read_bytes() == "Größe µ 声\n".encode()


@pytest.mark.parametrize("name", ["-o.txt", "a b.txt", 'quo"te.txt', "no suffix", "x" * 250 + ".txt"])
def test_any_name_will_do(tmp_path: Path, name: str) -> None:
    write_text(tmp_path / name, name)
    assert (tmp_path / name).read_text() == name

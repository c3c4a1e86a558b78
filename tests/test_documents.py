"""JSON documents: exact round trips, and errors of one line."""

import json
from pathlib import Path

import pytest

from fxnorm.documents import DocumentType, signature
from fxnorm.errors import InputError, StatsError

NOTE = DocumentType("fxnorm-note", 2, noun="a note", remedy="write it again", error=StatsError, finite=True)


def test_a_document_comes_back(tmp_path: Path) -> None:
    path = tmp_path / "note.json"
    NOTE.write(path, NOTE.wrap({"title": "Größe caf\udce9", "values": [1, None]}))
    assert NOTE.read(path) == {"format": "fxnorm-note", "version": 2, "title": "Größe caf\udce9", "values": [1, None]}
    assert NOTE.find(path) == NOTE.read(path)
    assert path.read_bytes().startswith(
        b'{"format": "fxnorm-note", "version": 2, "title": "Gr\xc3\xb6\xc3\x9fe caf\xe9'
    )


@pytest.mark.parametrize("text", ["", "{", "[]", "\xff", '{"format": "fxnorm-stats", "version": 2}'])
def test_something_else_is_one_line(tmp_path: Path, text: str) -> None:
    path = tmp_path / "note.json"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(StatsError, match=r"expected a note \('fxnorm-note' JSON\), got something else; write it again"):
        NOTE.read(path)
    assert NOTE.find(path) == {}


def test_another_version_is_named(tmp_path: Path) -> None:
    (tmp_path / "note.json").write_text(json.dumps({"format": "fxnorm-note", "version": 3}))
    with pytest.raises(StatsError, match=r"note\.json: expected a note of version 2, got 3; write it again"):
        NOTE.read(tmp_path / "note.json")


def test_a_file_that_cannot_be_read_or_written(tmp_path: Path) -> None:
    with pytest.raises(StatsError, match=r"cannot be read \(No such file or directory\)"):
        NOTE.read(tmp_path / "missing.json")
    assert NOTE.find(tmp_path / "missing.json") == {}
    with pytest.raises(StatsError, match=r"cannot be written \(No such file or directory\)"):
        NOTE.write(tmp_path / "missing" / "note.json", NOTE.wrap({}))


def test_values_that_are_not_plain_or_not_finite() -> None:
    for value in (float("nan"), Path()):
        with pytest.raises(StatsError, match="expected plain, finite values in a note"):
            NOTE.to_text({"value": value})
    with pytest.raises(InputError, match="expected plain"):
        DocumentType("x", 1, noun="x", remedy="x").to_text({"value": {1}})


def test_signatures() -> None:
    assert signature({"a": 1, "b": 2}) == signature({"b": 2, "a": 1})
    assert signature({"a": 1}) != signature({"a": 2})
    NOTE.check_signature({}, "0", "note")
    NOTE.check_signature({"signature": "0"}, "0", "note")
    with pytest.raises(StatsError, match="note: its signature does not fit its content; write it again"):
        NOTE.check_signature({"signature": "1"}, "0", "note")

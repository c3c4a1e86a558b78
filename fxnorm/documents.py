"""JSON documents on disk: a format, a version, a signature, and one wording for everything that can be wrong."""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fxnorm import files
from fxnorm.errors import FxnormError, InputError

_NUMBERS = re.compile(r"\[\n[\s\d.,eE+-]*\]")


@dataclass(frozen=True)
class DocumentType:
    """A kind of JSON document.

    Attributes
    ----------
    format : str
        First key of every document of this kind.
    version : int
        Raised when the content changes its meaning.
    noun : str
        Name in error messages, with its article: "a chain".
    remedy : str
        What to do about a document that cannot be used.
    error : type
        Raised for such a document.
    indent : int or None
        Of the text; None for a single line.
    width : int
        Objects and lists that fit into this many characters stand on one line; only with an indent.
    finite : bool
        Refuse NaN and infinity.
    """

    format: str
    version: int
    noun: str
    remedy: str
    error: type[FxnormError] = InputError
    indent: int | None = None
    width: int = 0
    finite: bool = False

    def wrap(self, content: Mapping[str, Any]) -> dict[str, Any]:
        """Prepend format and version to the content."""
        return {"format": self.format, "version": self.version, **content}

    def check(self, content: Any, label: str) -> dict[str, Any]:
        """Make sure that content is of this format and version.

        Parameters
        ----------
        content : dict
        label : str
            Its name in error messages, such as a path.

        Raises
        ------
        FxnormError
            `error`, if it is not.
        """
        if not isinstance(content, dict) or content.get("format") != self.format:
            raise self.error(f"{label}: expected {self.noun} ({self.format!r} JSON), got something else; {self.remedy}")
        if content.get("version") != self.version:
            raise self.error(
                f"{label}: expected {self.noun} of version {self.version}, got {content.get('version')!r}; "
                f"{self.remedy}"
            )
        return content

    def check_signature(self, content: Mapping[str, Any], expected: str, label: str) -> None:
        """Make sure that the signature of a document, if it has one, fits its content.

        Raises
        ------
        FxnormError
            `error`, if it does not.
        """
        if content.get("signature") not in (None, expected):
            raise self.error(
                f"{label}: its signature does not fit its content; {self.remedy}, or delete the signature's line if "
                "you edited it on purpose"
            )

    def parse(self, text: str, label: str) -> dict[str, Any]:
        """Return the content of a text, checked as `check` does."""
        try:
            content = json.loads(text)
        except ValueError:
            content = None
        return self.check(content, label)

    def read(self, path: Path) -> dict[str, Any]:
        """Read the content of a file.

        Raises
        ------
        FxnormError
            `error`, if it cannot be read, or is of another format or version.
        """
        try:
            text = _read_text(path)
        except OSError as error:
            raise self.error(f"{path}: cannot be read ({error.strerror}); check the path, or {self.remedy}") from error
        return self.parse(text, str(path))

    def find(self, path: Path) -> dict[str, Any]:
        """Return the content of a file of this format, whatever its version; empty where there is none."""
        content = find_json(path)
        return content if content.get("format") == self.format else {}

    def to_text(self, content: Mapping[str, Any]) -> str:
        """Return the text of a wrapped document.

        Raises
        ------
        FxnormError
            `error`, if a value is not plain JSON, or not finite where it has to be.
        """
        try:
            return to_text(content, indent=self.indent, width=self.width, finite=self.finite)
        except (TypeError, ValueError) as error:
            raise self.error(f"expected plain, finite values in {self.noun} ({error})") from error

    def write(self, path: Path, content: Mapping[str, Any]) -> None:
        """Write a wrapped document whole.

        Raises
        ------
        FxnormError
            `error`, if it cannot be written.
        RunError
            If the disk is full.
        """
        write_text(path, self.to_text(content), self.error)


def signature(content: Any) -> str:
    """Hash plain JSON values, whatever the order of their keys: 16 hexadecimal digits."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]


def to_text(content: Any, *, indent: int | None = None, width: int = 0, finite: bool = False) -> str:
    """Return JSON as it stands in a file, with each list of numbers on one line and a newline at the end."""
    text = json.dumps(content, indent=indent, ensure_ascii=False, allow_nan=not finite)
    if indent is not None and width:
        return _expand(content, indent, width, "") + "\n"
    return (text if indent is None else _NUMBERS.sub(lambda numbers: " ".join(numbers[0].split()), text)) + "\n"


def _expand(content: Any, indent: int, width: int, margin: str) -> str:
    """Format JSON with every object and list on one line that fits."""
    line = json.dumps(content, ensure_ascii=False)
    if len(margin) + len(line) <= width or not isinstance(content, dict | list) or not content:
        return line
    inner = margin + " " * indent
    if isinstance(content, dict):
        items = [
            f"{inner}{json.dumps(key, ensure_ascii=False)}: {_expand(value, indent, width, inner)}"
            for key, value in content.items()
        ]
        return "{\n" + ",\n".join(items) + f"\n{margin}}}"
    return "[\n" + ",\n".join(f"{inner}{_expand(item, indent, width, inner)}" for item in content) + f"\n{margin}]"


def to_lines(content: Mapping[str, Any]) -> str:
    """Format JSON with one line a key."""
    lines = [f"{json.dumps(key)}: {json.dumps(value, ensure_ascii=False)}" for key, value in content.items()]
    return "{\n" + ",\n".join(lines) + "\n}\n"


def write_text(path: Path, text: str, error: type[FxnormError]) -> None:
    """Write a text whole, with `error` if the folder does not allow it."""
    try:
        files.write_text(path, text)
    except OSError as reason:
        raise error(f"{path}: cannot be written ({reason.strerror}); check the folder and its permissions") from reason


def find_json(path: Path) -> dict[str, Any]:
    """Read a JSON object without a format; empty if there is none that can be read."""
    try:
        content = json.loads(_read_text(path))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def _read_text(path: Path) -> str:
    """Read text as `files.write_text` writes it."""
    return Path(path).read_text(encoding="utf-8", errors="surrogateescape")

"""Export a listening test: audio excerpts and a configuration for webMUSHRA (ITU-R BS.1534 in a browser)."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fxnorm import audio_files, files, recipe
from fxnorm.audio import SAMPLE_RATE
from fxnorm.errors import FxnormError, InputError
from fxnorm.evaluation.comparison import Comparison
from fxnorm.evaluation.excerpts import Excerpt, cut_excerpt, songs_to_hear
from fxnorm.parallel import Failure

EXCERPT_S = 25.0
RESOURCES = "configs/resources"  # where webMUSHRA looks for audio, relative to its own folder
INSTRUCTIONS = (
    "The reference is a human mix of this song. Rate the quality of each mix of the same song: balance, tone, space, "
    "dynamics. One of them is the reference itself."
)


def export(comparisons: Sequence[Comparison], out: Path, *, align: bool = False) -> tuple[Path, tuple[Failure, ...]]:
    """Write a listening test.

    `OUT/NAME.yaml` is the configuration and `OUT/resources/NAME/` the audio, where NAME is the name of the folder. Copy
    both into the `configs` folder of webMUSHRA and open `?config=NAME.yaml`. The excerpts have 25 s, equal loudness and
    random order; webMUSHRA adds the hidden reference and an anchor low-passed at 3.5 kHz.

    Parameters
    ----------
    comparisons : sequence of Comparison
        Songs that every system has are exported, without the mixes of oracles.
    out : Path
        Empty or new folder.
    align : bool
        Shift mixes that are early or late.

    Returns
    -------
    configuration : Path
    failures : tuple of Failure
        Songs without an excerpt.

    Raises
    ------
    InputError
        If the folder is not empty, cannot be written to, or no song is left.
    """
    name = _make_folder(out)
    pages: list[dict[str, Any]] = []
    failures: list[Failure] = []
    for number, comparison in enumerate(comparisons, start=1):
        for song in songs_to_hear(comparison):
            identifier = f"{number}-{_safe(song.name)}"
            try:
                excerpt = cut_excerpt(song, EXCERPT_S, align=align)
            except FxnormError as error:
                failures.append(Failure(song.name, comparison.title, str(error)))
                continue
            for system, mix in {"reference": excerpt.target, **excerpt.mixes}.items():
                audio_files.write(
                    out / "resources" / name / f"{identifier}-{_safe(system)}.wav", mix, SAMPLE_RATE, subtype="PCM_16"
                )
            pages.append(_trial(identifier, len(pages) + 1, f"{RESOURCES}/{name}/{identifier}", excerpt))
    if not pages:
        raise InputError(f"{out}: expected at least one song that every system mixed, got none; see the report")
    configuration = out / f"{name}.yaml"
    files.write_text(configuration, recipe.to_yaml(_configuration(name, pages)))
    return configuration, tuple(failures)


def _make_folder(out: Path) -> str:
    """Make the folders, and return the name of the test."""
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise InputError(f"{out}: expected a new or empty folder for the listening test; name another")
    name = _safe(out.resolve().name)
    try:
        (out / "resources" / name).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{out}: cannot be written to ({error.strerror}); choose another folder") from error
    return name


def _trial(identifier: str, number: int, prefix: str, excerpt: Excerpt) -> dict[str, Any]:
    """Return the page on which the mixes of one song are rated."""
    return {
        "type": "mushra",
        "id": identifier,
        "name": f"Song {number}",
        "content": INSTRUCTIONS,
        "showWaveform": True,
        "enableLooping": True,
        "reference": f"{prefix}-reference.wav",
        "createAnchor35": True,
        "createAnchor70": False,
        "randomize": True,
        "showConditionNames": False,
        "stimuli": {_safe(system): f"{prefix}-{_safe(system)}.wav" for system in excerpt.mixes},
    }


def _configuration(name: str, pages: Sequence[dict[str, Any]]) -> dict[str, Any]:
    return {
        "testname": name,
        "testId": name,
        "bufferSize": 2048,
        "stopOnErrors": True,
        "showButtonPreviousPage": True,
        "remoteService": "service/write.php",
        "pages": [
            {"type": "generic", "id": "welcome", "name": "Welcome", "content": INSTRUCTIONS},
            ["random", *pages],
            {
                "type": "finish",
                "name": "Thank you",
                "content": "Thank you for listening.",
                "showResults": True,
                "writeResults": True,
            },
        ],
    }


def _safe(name: str) -> str:
    """Name that is valid in file systems, URLs and tables of results."""
    return re.sub(r"[^A-Za-z0-9_.]+", "-", name).strip("-.") or "unnamed"

"""A listening test for people: excerpts and a configuration for webMUSHRA (ITU-R BS.1534 in a browser)."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fxnorm import audio_files, files, recipe
from fxnorm.audio import RATE
from fxnorm.errors import FxnormError, InputError
from fxnorm.evaluation.excerpts import cut, listened
from fxnorm.evaluation.results import Test
from fxnorm.parallel import Failure

EXCERPT_S = 25.0
RESOURCES = "configs/resources"  # where webMUSHRA looks for audio, from its own folder
QUESTION = (
    "The reference is the mix that a person made of this song. Rate how good each mix is as a mix of the same song: "
    "balance, tone, space, dynamics. One of them is the reference itself."
)


def export(tests: Sequence[Test], out: Path, *, align: bool = False) -> tuple[Path, tuple[Failure, ...]]:
    """Write a listening test.

    `OUT/NAME.yaml` is the configuration and `OUT/resources/NAME/` the audio: copied into webMUSHRA's `configs` folder,
    the test is at `?config=NAME.yaml`. NAME is that of the folder. Mixes are equally loud, 25 s, in random order; the
    hidden reference and a 3.5 kHz anchor come from webMUSHRA.

    Parameters
    ----------
    tests : sequence of Test
        Only songs that every system has are taken, and no ceilings.
    out : Path
        A folder that is empty or does not exist yet.
    align : bool
        As for scoring.

    Returns
    -------
    configuration : Path
    failures : tuple of Failure
        Songs that no excerpt could be cut from.

    Raises
    ------
    InputError
        If the folder holds something, cannot be written to, or no song is left.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise InputError(f"{out}: expected a new or empty folder for the listening test; name another")
    name = _safe(out.resolve().name)
    resources = out / "resources" / name
    try:
        resources.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{out}: cannot be written to ({error.strerror}); choose another folder") from error
    pages: list[dict[str, Any]] = []
    failures: list[Failure] = []
    for number, test in enumerate(tests, start=1):
        for song in listened(test):
            identity = f"{number}-{_safe(song.name)}"
            try:
                excerpt = cut(song, EXCERPT_S, align=align)
            except FxnormError as error:
                failures.append(Failure(song.name, test.title, str(error)))
                continue
            for system, mix in {"reference": excerpt.target, **excerpt.mixes}.items():
                audio_files.write(resources / f"{identity}-{_safe(system)}.wav", mix, RATE, subtype="PCM_16")
            place = f"{RESOURCES}/{name}/{identity}"
            pages.append(
                {
                    "type": "mushra",
                    "id": identity,
                    "name": f"Song {len(pages) + 1}",
                    "content": QUESTION,
                    "showWaveform": True,
                    "enableLooping": True,
                    "reference": f"{place}-reference.wav",
                    "createAnchor35": True,
                    "createAnchor70": False,
                    "randomize": True,
                    "showConditionNames": False,
                    "stimuli": {_safe(system): f"{place}-{_safe(system)}.wav" for system in excerpt.mixes},
                }
            )
    if not pages:
        raise InputError(f"{out}: expected at least one song that every system mixed, got none; see the report")
    configuration = out / f"{name}.yaml"
    content = {
        "testname": name,
        "testId": name,
        "bufferSize": 2048,
        "stopOnErrors": True,
        "showButtonPreviousPage": True,
        "remoteService": "service/write.php",
        "pages": [
            {"type": "generic", "id": "welcome", "name": "Welcome", "content": QUESTION},
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
    files.write_text(configuration, recipe.to_yaml(content))
    return configuration, tuple(failures)


def _safe(name: str) -> str:
    """A name that is the same in a file system, a URL and a table of results."""
    return re.sub(r"[^A-Za-z0-9_.]+", "-", name).strip("-.") or "unnamed"

"""Write songs to disk: wet stems with their mixture, dry stems, and a record of each song.

    OUT/wet/SPLIT/NAME/{vocals,bass,drums,other,mixture}.flac, song.console.json, song.json
    OUT/dry/SPLIT/NAME/{vocals,bass,drums,other}.flac

`song.console.json` is the mix: `fxnorm console render` makes the mixture from the dry stems again. `song.json` is
written last and marks a complete song.
"""

from dataclasses import replace
from pathlib import Path
from typing import Any

from fxnorm import audio, audio_files, documents
from fxnorm.corpus.stems import STEMS
from fxnorm.errors import InputError
from fxnorm.files import write_text
from fxnorm.synth.songs import SyntheticSong, make_song, song_name

SUFFIX = ".flac"
SUBTYPE = "PCM_24"
CONSOLE_FILE = "song.console.json"
RECORD_FILE = "song.json"
# Raise it whenever a seed gives another song or another record; songs of older versions are then written again.
CORPUS_VERSION = 2


def split_of(index: int) -> str:
    """Return the split of a song: one in five is for testing, one in ten for validation, whatever the corpus size."""
    if index % 5 == 4:
        return "test"
    return "valid" if index % 10 == 7 else "train"


def write_song(song: SyntheticSong, wet_folder: Path, dry_folder: Path) -> None:
    """Write wet stems, mixture and records to one folder and dry stems to another.

    Parameters
    ----------
    song : SyntheticSong
    wet_folder, dry_folder : Path
        Created if missing; existing files are replaced.

    Raises
    ------
    AudioError
        If a file cannot be written.
    """
    wet_folder.mkdir(parents=True, exist_ok=True)
    dry_folder.mkdir(parents=True, exist_ok=True)
    # Removed first, so that an interrupted run leaves no record beside changed files.
    (wet_folder / RECORD_FILE).unlink(missing_ok=True)
    for stem in STEMS:
        audio_files.write(dry_folder / f"{stem}{SUFFIX}", song.dry[stem], audio.SAMPLE_RATE, subtype=SUBTYPE)
        audio_files.write(wet_folder / f"{stem}{SUFFIX}", song.wet[stem], audio.SAMPLE_RATE, subtype=SUBTYPE)
    audio_files.write(wet_folder / f"mixture{SUFFIX}", song.mixture, audio.SAMPLE_RATE, subtype=SUBTYPE)
    tracks = tuple(replace(track, files=(f"{track.name}{SUFFIX}",)) for track in song.console.tracks)
    replace(song.console, tracks=tracks).save(wet_folder / CONSOLE_FILE)
    record = {"name": song.name, **origin(song.seed, song.index, song.samples), "score": song.score}
    write_text(wet_folder / RECORD_FILE, documents.to_text(record, indent=1))


def write_indexed_song(out: Path, seed: int, index: int, seconds: float) -> Path:
    """Synthesize and write a song of a corpus, unless it is complete already; runs in worker processes.

    Parameters
    ----------
    out : Path
        Folder of the corpus.
    seed, index : int
        Seed of the corpus and index of the song.
    seconds : float
        Duration in seconds.

    Returns
    -------
    Path
        Folder of the wet song.

    Raises
    ------
    InputError
        If seed, index or duration is out of range.
    AudioError
        If a file cannot be written.
    """
    name = Path(split_of(index)) / song_name(seed, index)
    wet_folder, dry_folder = out / "wet" / name, out / "dry" / name
    if not _is_complete(wet_folder, dry_folder, origin(seed, index, round(seconds * audio.SAMPLE_RATE))):
        write_song(make_song(seed, index, seconds=seconds), wet_folder, dry_folder)
    return wet_folder


def origin(seed: int, index: int, samples: int) -> dict[str, Any]:
    """Return the values that determine every sample of a song."""
    return {
        "corpus_version": CORPUS_VERSION,
        "seed": seed,
        "index": index,
        "samples": samples,
        "sample_rate": audio.SAMPLE_RATE,
    }


def check_seed(out: Path, seed: int, *, multitrack: bool = False) -> None:
    """Refuse a folder that holds a corpus of another seed or kind.

    Raises
    ------
    InputError
        If a song in the folder has another seed, or is a multitrack where stems are to be written, or the other way
        round.
    """
    for path in sorted(out.glob(f"wet/*/*/{RECORD_FILE}")):
        record = documents.find_json(path)
        if record and ("tracks" in record) != multitrack:
            expected, given = ("multitracks", "stems") if multitrack else ("stems", "multitracks")
            raise InputError(
                f"{out}: expected an empty folder or a corpus of {expected}, got one of {given}; choose another folder"
            )
        song_seed = record.get("seed", seed)
        if song_seed != seed:
            raise InputError(
                f"{out}: expected an empty folder or a corpus of seed {seed}, got seed {song_seed}; "
                "choose another folder"
            )


def _is_complete(wet_folder: Path, dry_folder: Path, expected: dict[str, Any]) -> bool:
    record = documents.find_json(wet_folder / RECORD_FILE)
    names = [f"{stem}{SUFFIX}" for stem in STEMS]
    files = [*(dry_folder / name for name in names), *(wet_folder / name for name in [*names, f"mixture{SUFFIX}"])]
    return all(record.get(key) == value for key, value in expected.items()) and all(file.is_file() for file in files)

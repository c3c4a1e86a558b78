"""The corpus on disk: wet stems with their mixture, the dry twins, and what each song was made of.

    OUT/wet/SPLIT/NAME/{vocals,bass,drums,other,mixture}.flac, engineer.json, song.json
    OUT/dry/SPLIT/NAME/{vocals,bass,drums,other}.flac

`song.json` is written last: a song that has it is complete.
"""

from pathlib import Path
from typing import Any

from fxnorm import audio, audio_files, documents
from fxnorm.corpus.stems import STEMS
from fxnorm.errors import InputError
from fxnorm.files import write_text
from fxnorm.synth.songs import Song, make_song, song_name

SPLITS = ("train", "valid", "test")
SUFFIX = ".flac"
SUBTYPE = "PCM_24"
RECORD = "song.json"
# Raised whenever the same seed no longer gives the same song, so that old songs are made anew.
EDITION = 1


def split_of(index: int) -> str:
    """The split of a song: one in five for testing, one in ten for validation; a growing corpus moves none."""
    if index % 5 == 4:
        return "test"
    return "valid" if index % 10 == 7 else "train"


def write_song(song: Song, wet_folder: Path, dry_folder: Path) -> None:
    """Write a song: wet stems, mixture and settings into one folder, dry stems into the other.

    Parameters
    ----------
    song : Song
    wet_folder, dry_folder : Path
        Made if they are missing; files in them are replaced.

    Raises
    ------
    AudioError
        If a file cannot be written.
    """
    wet_folder.mkdir(parents=True, exist_ok=True)
    dry_folder.mkdir(parents=True, exist_ok=True)
    # An old record must not vouch for files that are about to change.
    (wet_folder / RECORD).unlink(missing_ok=True)
    for stem in STEMS:
        audio_files.write(dry_folder / f"{stem}{SUFFIX}", song.dry[stem], audio.RATE, subtype=SUBTYPE)
        audio_files.write(wet_folder / f"{stem}{SUFFIX}", song.wet[stem], audio.RATE, subtype=SUBTYPE)
    audio_files.write(wet_folder / f"mixture{SUFFIX}", song.mixture, audio.RATE, subtype=SUBTYPE)
    write_text(wet_folder / "engineer.json", documents.to_text(song.engineer, indent=1))
    record = {"name": song.name, **_origin(song.seed, song.index, song.samples), "score": song.score}
    write_text(wet_folder / RECORD, documents.to_text(record, indent=1))


def write_indexed_song(out: Path, seed: int, index: int, seconds: float) -> Path:
    """Make and write one song of a corpus, unless it is there already; fit for a worker process.

    Parameters
    ----------
    out : Path
        Folder of the corpus.
    seed, index : int
        Which song.
    seconds : float
        Its length.

    Returns
    -------
    Path
        Folder of the wet song.

    Raises
    ------
    InputError
        If seed, index or length is out of range.
    AudioError
        If a file cannot be written.
    """
    place = Path(split_of(index)) / song_name(seed, index)
    wet_folder, dry_folder = out / "wet" / place, out / "dry" / place
    if not _complete(wet_folder, dry_folder, _origin(seed, index, round(seconds * audio.RATE))):
        write_song(make_song(seed, index, seconds=seconds), wet_folder, dry_folder)
    return wet_folder


def check_seed(out: Path, seed: int) -> None:
    """Make sure that a folder does not hold a corpus of another seed.

    Raises
    ------
    InputError
        If it does.
    """
    for path in sorted(out.glob(f"wet/*/*/{RECORD}")):
        other = documents.find_json(path).get("seed", seed)
        if other != seed:
            raise InputError(
                f"{out}: expected an empty folder or a corpus of seed {seed}, got seed {other}; choose another folder"
            )


def _origin(seed: int, index: int, samples: int) -> dict[str, Any]:
    """What decides every sample of a song."""
    return {"edition": EDITION, "seed": seed, "index": index, "samples": samples, "rate": audio.RATE}


def _complete(wet_folder: Path, dry_folder: Path, origin: dict[str, Any]) -> bool:
    record = documents.find_json(wet_folder / RECORD)
    names = [f"{stem}{SUFFIX}" for stem in STEMS]
    files = [*(dry_folder / name for name in names), *(wet_folder / name for name in [*names, f"mixture{SUFFIX}"])]
    return all(record.get(key) == value for key, value in origin.items()) and all(file.is_file() for file in files)

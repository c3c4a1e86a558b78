"""Write multitrack songs to disk: dry tracks, wet stems with their mixture, the mix and a record of each song.

    OUT/dry/SPLIT/NAME/{01_Kick In,Snare Top,OH L,Bass DI,...}.flac
    OUT/wet/SPLIT/NAME/{vocals,bass,drums,other,mixture}.flac, song.console.json, song.json

`song.json` is written last and marks a complete song.
"""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from fxnorm import audio, audio_files, documents
from fxnorm.corpus.stems import STEMS
from fxnorm.files import write_text
from fxnorm.synth.multitrack_songs import MultitrackSong, make_multitrack
from fxnorm.synth.songs import song_name
from fxnorm.synth.writing import CONSOLE_FILE, RECORD_FILE, SUBTYPE, SUFFIX, origin, split_of

# Raise it whenever a seed gives another multitrack song or another record; older songs are then written again.
MULTITRACK_VERSION = 1


def write_multitrack(song: MultitrackSong, wet_folder: Path, dry_folder: Path) -> None:
    """Write wet stems, mixture and records to one folder and dry tracks to another.

    Parameters
    ----------
    song : MultitrackSong
    wet_folder, dry_folder : Path
        Created if missing; existing files are replaced, and the tracks of an earlier session removed.

    Raises
    ------
    AudioError
        If a file cannot be written.
    """
    wet_folder.mkdir(parents=True, exist_ok=True)
    dry_folder.mkdir(parents=True, exist_ok=True)
    # Removed first, so that an interrupted run leaves no record beside changed files.
    (wet_folder / RECORD_FILE).unlink(missing_ok=True)
    for name in _track_files(documents.find_json(wet_folder / CONSOLE_FILE)):
        (dry_folder / name).unlink(missing_ok=True)
    tracks = tuple(replace(track, files=(f"{track.name}{SUFFIX}",)) for track in song.console.tracks)
    # Written before the tracks, so that they are removed even if the session is interrupted and then changed.
    replace(song.console, tracks=tracks).save(wet_folder / CONSOLE_FILE)
    for name, recording in song.dry.items():
        audio_files.write(dry_folder / f"{name}{SUFFIX}", recording, audio.SAMPLE_RATE, subtype=SUBTYPE)
    for name, signal in (*song.wet.items(), ("mixture", song.mixture)):
        audio_files.write(wet_folder / f"{name}{SUFFIX}", signal, audio.SAMPLE_RATE, subtype=SUBTYPE)
    values = multitrack_origin(song.seed, song.index, song.samples, song.engineer)
    record = {"name": song.name, **values, "score": song.score, "tracks": song.tracks}
    write_text(wet_folder / RECORD_FILE, documents.to_text(record, indent=1))


def write_indexed_multitrack(out: Path, seed: int, index: int, seconds: float, engineer: str) -> Path:
    """Synthesize and write a song of a corpus, unless it is complete already; runs in worker processes.

    Parameters
    ----------
    out : Path
        Folder of the corpus.
    seed, index : int
        Seed of the corpus and index of the song.
    seconds : float
        Duration in seconds.
    engineer : str
        Family of the engineer.

    Returns
    -------
    Path
        Folder of the wet song.

    Raises
    ------
    InputError
        If seed, index or duration is out of range, or the engineer unknown.
    AudioError
        If a file cannot be written.
    """
    name = Path(split_of(index)) / song_name(seed, index)
    wet_folder, dry_folder = out / "wet" / name, out / "dry" / name
    samples = round(seconds * audio.SAMPLE_RATE)
    if not _is_complete(wet_folder, dry_folder, multitrack_origin(seed, index, samples, engineer)):
        write_multitrack(make_multitrack(seed, index, seconds=seconds, engineer=engineer), wet_folder, dry_folder)
    return wet_folder


def multitrack_origin(seed: int, index: int, samples: int, engineer: str) -> dict[str, Any]:
    """Return the values that determine every sample of a song."""
    return {**origin(seed, index, samples), "multitrack_version": MULTITRACK_VERSION, "engineer": engineer}


def _is_complete(wet_folder: Path, dry_folder: Path, expected: dict[str, Any]) -> bool:
    record = documents.find_json(wet_folder / RECORD_FILE)
    if not all(record.get(key) == value for key, value in expected.items()):
        return False
    dry = [dry_folder / f"{name}{SUFFIX}" for name in record.get("tracks", {})]
    wet = [wet_folder / f"{name}{SUFFIX}" for name in (*STEMS, "mixture")]
    return all(file.is_file() for file in (*dry, *wet, wet_folder / CONSOLE_FILE))


def _track_files(console: dict[str, Any]) -> Iterable[str]:
    """Return the files of a console document that lie in the folder of the tracks itself."""
    for track in console.get("tracks", []):
        yield from (name for name in track.get("files", []) if Path(name).name == name and name.endswith(SUFFIX))

"""Mixes of the systems of a benchmark: which songs to mix, by which models, and which files they become."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeAlias

from fxnorm import corpus, mixing
from fxnorm.corpus import Multitrack
from fxnorm.errors import InputError
from fxnorm.models import MixModel, open_model
from fxnorm.parallel import Failure

WET, DRY = "Wet stems", "Dry stems"

Model: TypeAlias = str | Path | MixModel | tuple[str, str | Path | MixModel]


@dataclass(frozen=True)
class MixSet:
    """Mixes of the same songs, from the same stems, by several systems.

    Attributes
    ----------
    title : str
    targets : mapping of str to Path
        By song.
    mixes : mapping of str to mapping of str to Path
        By system and song.
    oracles, baselines : tuple of str
        As in `Comparison`.
    """

    title: str
    targets: Mapping[str, Path]
    mixes: Mapping[str, Mapping[str, Path]]
    oracles: tuple[str, ...] = ()
    baselines: tuple[str, ...] = ()


@dataclass(frozen=True)
class BenchmarkSongs:
    """Songs with a target.

    Attributes
    ----------
    wet, dry : list of Multitrack
        The same songs; dry is empty without dry stems.
    missing : list of str
        Songs without a target, one line each.
    """

    wet: list[Multitrack]
    dry: list[Multitrack]
    missing: list[str]

    @property
    def targets(self) -> dict[str, Path]:
        """Mixtures by the song's identifier."""
        return {track.id: track.mixture for track in self.wet if track.mixture is not None}


def open_models(models: Iterable[Model], *, device: str, seed: int) -> dict[str, MixModel]:
    """Open models by name.

    Raises
    ------
    InputError
        If two have the same name, or one cannot be opened.
    """
    opened_models: dict[str, MixModel] = {}
    for entry in models:
        name, model = entry if isinstance(entry, tuple) else ("", entry)
        loaded = open_model(model, device=device, seed=seed) if isinstance(model, str | Path) else model
        name = name or loaded.name
        if name in opened_models:
            raise InputError(f"{name}: expected models of different names, got a second model called {name!r}; name it")
        opened_models[name] = loaded
    return opened_models


def describe_model(model: MixModel) -> str:
    """Return the identity of a model and of the normalisation of its stems."""
    chain = f"{model.chain.stats.title}, {model.chain.signature}" if model.chain else "stems as they are"
    return f"{model.identity}, {chain}"


def find_songs(wet: Path, dry: Path | None, *, split: str | None) -> BenchmarkSongs:
    """Find the songs that have a mixture, and their dry stems.

    Raises
    ------
    InputError
        If there are no such songs, or no dry stems of them.
    """
    tracks = corpus.scan(wet, split=split)
    if split is None and any(track.split == "test" for track in tracks):
        tracks = [track for track in tracks if track.split == "test"]
    with_mixture = [track for track in tracks if track.mixture is not None]
    if not with_mixture:
        raise InputError(f"{wet}: expected songs with a mixture to compare with, found none; add mixture.wav to each")
    missing = [f"{track.id} has no mixture" for track in tracks if track.mixture is None]
    return BenchmarkSongs(with_mixture, _find_dry(dry, with_mixture) if dry is not None else [], missing)


def mix_songs(
    songs: BenchmarkSongs,
    models: Mapping[str, MixModel],
    out: Path,
    *,
    failures: list[Failure],
    progress: Callable[[str, int, int, str], None],
) -> list[MixSet]:
    """Mix the wet stems into `OUT/wet/SYSTEM` and the dry stems into `OUT/dry/SYSTEM`.

    Parameters
    ----------
    songs : BenchmarkSongs
    models : mapping of str to MixModel
        By system.
    out : Path
    failures : list of Failure
        Extended by the songs that could not be mixed.
    progress : callable
        Called with (system, percent done, percent in all, last step).

    Returns
    -------
    list of MixSet
        The wet stems, and the dry stems if there are any.
    """
    names = _short_names(songs.targets)
    targets = {names[song]: path for song, path in songs.targets.items()}
    unprocessed = tuple(name for name, model in models.items() if model.chain is None and model.inputs == "stems")
    mix_sets = []
    for title, tracks in ((WET, songs.wet), (DRY, songs.dry)):
        if tracks:
            folder = out / title.split()[0].lower()
            mixes = {
                name: {
                    names[song]: path
                    for song, path in _mix_tracks(tracks, name, model, folder, failures, progress).items()
                }
                for name, model in models.items()
            }
            # the sum of the wet stems is the target, while that of the dry stems is a mix that needs no model
            roles = {"oracles": unprocessed} if title == WET else {"baselines": unprocessed}
            mix_sets.append(MixSet(title, targets, mixes, **roles))
    return mix_sets


def _find_dry(dry: Path, wet: Sequence[Multitrack]) -> list[Multitrack]:
    """Find dry songs with the names of wet ones, at the locations of the wet ones."""
    locations = {track.name: track.location for track in wet}
    tracks = [track for track in corpus.scan(dry) if track.name in locations]
    if not tracks:
        raise InputError(f"{dry}: expected dry stems of the same songs, found none of those names; compare the folders")
    return [replace(track, location=locations[track.name]) for track in tracks]


def _short_names(songs: Iterable[str]) -> dict[str, str]:
    """Name songs without their split, as finished mixes are called, unless that makes two names equal."""
    names = {song: song.rpartition("/")[2] for song in songs}
    return names if len(set(names.values())) == len(names) else {song: song for song in names}


def _mix_tracks(
    tracks: Sequence[Multitrack],
    name: str,
    model: MixModel,
    folder: Path,
    failures: list[Failure],
    progress: Callable[[str, int, int, str], None],
) -> dict[str, Path]:
    """Mix songs by one system; return the files by the song's identifier."""
    result = mixing.mix_songs(
        tracks,
        folder / name,
        model,
        mixing.OutputOptions(level=mixing.OutputLevel(clip_mode="none"), html=False),
        progress=lambda completed, step: progress(f"mix {name}", round(100 * completed), 100 * len(tracks), step),
    )
    failures += result.failures
    files = {
        path.with_suffix("").relative_to(folder / name).as_posix(): path for path in (*result.mixed, *result.up_to_date)
    }
    return {track.id: files[track.id] for track in tracks if track.id in files}

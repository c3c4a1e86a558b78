"""Mix model that writes a console by rules, renders it and masters the mix."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Literal

import numpy as np

from fxnorm.audio import Audio, as_audio
from fxnorm.console import Console, Master, render_blocks
from fxnorm.errors import InputError
from fxnorm.mixing.mastering import require_settings
from fxnorm.mixing.rules.console import PROGRESS_BALANCE, VERSION, blocks, write_console
from fxnorm.mixing.rules.master import CEILING_DB, MOST_LIMITING_DB, finish
from fxnorm.models.base import MixResult, SongProgress

DEFAULT_LUFS = -14.0
PROGRESS_RENDER = 0.85


class RuleMixer:
    """Mix any number of tracks by rules: a `MixModel`.

    Parameters
    ----------
    loudness_lufs : float
        Integrated loudness of the master, -40 to -5 LUFS.
    seed : int
        Seed of the reverb and of decorrelation.

    Raises
    ------
    InputError
        If the loudness is out of range.

    Examples
    --------
    >>> result = RuleMixer().mix({"kick": kick, "lead vox": vocals}, 48_000)
    >>> result.console.save("song.console.json")
    """

    name = "rules"
    description = "The rules of its role balance, pan, equalise and compress each track, as far as it needs them."
    inputs: Literal["tracks"] = "tracks"
    chain = None

    def __init__(self, *, loudness_lufs: float = DEFAULT_LUFS, seed: int = 0) -> None:
        require_settings(loudness_lufs, CEILING_DB, MOST_LIMITING_DB)
        self.loudness_lufs = loudness_lufs
        self.seed = seed

    @property
    def identity(self) -> str:
        """Text that differs between mixers whose mixes may differ."""
        return f"{self.name} {VERSION}, {self.loudness_lufs:g} LUFS, seed {self.seed}"

    def mix(
        self,
        tracks: Mapping[str, Audio],
        sample_rate: int,
        *,
        samples: int | None = None,
        song: Console | None = None,
        progress: SongProgress = lambda share, label: None,
    ) -> MixResult:
        """Mix a song; see `MixModel.mix`. Tracks are read several times, a part at a time."""
        if sample_rate <= 0:
            raise InputError(f"expected a sampling rate above 0 Hz, got {sample_rate}")
        recordings = {name: as_audio(recording, label=name) for name, recording in tracks.items()}
        draft = write_console(recordings, sample_rate, song=song, seed=self.seed, progress=progress)
        length = samples or max(recording.shape[1] for recording in recordings.values())
        premaster = _render(draft.console, recordings, sample_rate, length, progress)
        result, why = finish(premaster, sample_rate, self.loudness_lufs)
        notes = {**draft.console.notes, "reasons": {**draft.console.notes["reasons"], "master": why}}
        console = replace(draft.console, master=Master(result.processors), notes=notes)
        progress(1.0, "master")
        return MixResult(
            result.audio,
            sample_rate,
            console=console,
            level={"true_peak_dbtp": round(result.true_peak_db, 2), "limited_db": round(result.reduction_db, 2)},
            notices=(*draft.notices, *result.notices),
        )


def _render(
    console: Console, tracks: Mapping[str, Audio], sample_rate: int, samples: int, progress: SongProgress
) -> Audio:
    """Render the mix alone: the outputs of the tracks are not kept."""
    names = [strip.name for strip in console.tracks]
    channels = {name: len(tracks[name]) for name in names}
    mix = np.empty((2, samples), dtype=np.float32)
    count = 0
    for part in render_blocks(console, blocks(tracks, names, samples), sample_rate, channels):
        mix[:, count : count + part.mix.shape[1]] = part.mix
        count += part.mix.shape[1]
        progress(PROGRESS_BALANCE + (PROGRESS_RENDER - PROGRESS_BALANCE) * count / samples, "render")
    return mix

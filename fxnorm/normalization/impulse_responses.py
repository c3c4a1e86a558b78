"""Impulse responses for reverb and rooms: from a folder, or synthesised; with identities that can be verified."""

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, Self

import numpy as np

from fxnorm import audio, audio_files
from fxnorm.errors import InputError
from fxnorm.normalization.reverb import DECAY_S, ImpulseResponse


@dataclass(frozen=True)
class ImpulseResponses:
    """Source of impulse responses; a process reads each file once.

    Attributes
    ----------
    folder : Path or None
        Folder of audio files; None for synthesised rooms.
    decay_s : tuple of float
        Range of the decay times of synthesised rooms.
    count : int
        Number of synthesised rooms.
    seed : int
        Random seed of the synthesised rooms.
    identities : tuple of str
        Identities that loading verifies; empty to accept any.
    """

    folder: Path | None = None
    decay_s: tuple[float, float] = DECAY_S
    count: int = 16
    seed: int = 0
    identities: tuple[str, ...] = ()

    def load(self) -> tuple[ImpulseResponse, ...]:
        """Load the responses at 44,100 Hz.

        Raises
        ------
        InputError
            If the folder has no audio files, or other responses than those of `identities`.
        AudioError
            If a file cannot be used.
        """
        responses = _load(replace(self, identities=()))
        if self.identities and tuple(response.identity for response in responses) != self.identities:
            raise InputError(
                f"{self.folder or 'synthesised rooms'}: expected the {len(self.identities)} impulse responses that the "
                "stems were normalised with, got others; restore the folder, or normalise again"
            )
        return responses

    def pinned(self) -> Self:
        """Return the source with the identities of its responses."""
        folder = self.folder.resolve() if self.folder is not None else None
        return replace(self, folder=folder, identities=tuple(response.identity for response in self.load()))

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        folder = str(self.folder) if self.folder is not None else None
        return asdict(self) | {"folder": folder, "decay_s": list(self.decay_s), "identities": list(self.identities)}

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> Self:
        """Create a source from `to_dict`; raise `TypeError`, `ValueError` or `KeyError` if it is damaged."""
        low_s, high_s = content["decay_s"]
        return cls(
            folder=Path(content["folder"]) if content["folder"] is not None else None,
            decay_s=(float(low_s), float(high_s)),
            count=int(content["count"]),
            seed=int(content["seed"]),
            identities=tuple(str(identity) for identity in content["identities"]),
        )


def _load(source: ImpulseResponses) -> tuple[ImpulseResponse, ...]:
    if source.folder is None:
        return _synthesize(source)
    paths = sorted(
        path
        for path in (source.folder.iterdir() if source.folder.is_dir() else [])
        if path.suffix.lower() in audio_files.SUFFIXES and not path.name.startswith(".")
    )
    if not paths:
        raise InputError(f"{source.folder}: expected a folder of impulse responses (WAV, FLAC, ...), found none")
    return _read(tuple((path, (state := path.stat()).st_size, state.st_mtime_ns) for path in paths))


@cache
def _synthesize(source: ImpulseResponses) -> tuple[ImpulseResponse, ...]:
    from fxnorm.dsp import rooms

    rng = np.random.default_rng(source.seed)
    arrays = rooms.draw_responses(rng, audio.SAMPLE_RATE, source.count, decay_range_s=source.decay_s)
    low_s, high_s = source.decay_s
    origin = f"{source.count} rooms of {low_s:g} to {high_s:g} s, seed {source.seed}"
    return tuple(ImpulseResponse(f"{number} of {origin}", room) for number, room in enumerate(arrays, start=1))


@cache
def _read(files: tuple[tuple[Path, int, int], ...]) -> tuple[ImpulseResponse, ...]:
    """Read files; their sizes and times are part of the key of the cache."""
    responses = []
    for path, _size, _time_ns in files:
        samples, sample_rate = audio_files.read(path)
        digest = hashlib.sha256(path.read_bytes()).hexdigest()[:16]
        responses.append(
            ImpulseResponse(f"{path.name} {digest}", audio.resample(samples, sample_rate, audio.SAMPLE_RATE))
        )
    return tuple(responses)

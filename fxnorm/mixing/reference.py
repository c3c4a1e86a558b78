"""Bring a mix near to a reference song: spectrum, dynamics, width and loudness."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from fxnorm.audio import Audio, resample, to_stereo
from fxnorm.console.document import Console
from fxnorm.dsp import audio_features, ltas, mix_features
from fxnorm.dsp.mix_features import MixFeatures
from fxnorm.errors import InputError
from fxnorm.fitting import Target
from fxnorm.fitting import objectives as measures
from fxnorm.mixing.mastering import LUFS_RANGE, MasteringResult
from fxnorm.mixing.matching import REFERENCE_BANDS, MatchSettings, Progress, match
from fxnorm.units import db_to_amplitude

SHORTEST_S = 5.0
AF_WEIGHT = 30.0  # of the audio-feature loss beside the others
SPECTRUM_TOLERANCE_DB = 2.0
QUIET_DB = -50.0  # third octaves weaker than this in the reference do not count


@dataclass(frozen=True)
class Distance:
    """How far a mix is from a reference.

    Attributes
    ----------
    af : float
        Audio-feature loss of Diff-MST, after loudness matching.
    spectrum_db : float
        Root mean square of the differences of the third-octave levels.
    mid_share, loudness_lu : float
        Signed differences.
    """

    af: float
    spectrum_db: float
    mid_share: float
    loudness_lu: float

    def to_dict(self) -> dict[str, float]:
        """Return plain JSON values."""
        return {name: round(getattr(self, name), 4) for name in ("af", "spectrum_db", "mid_share", "loudness_lu")}


@dataclass(frozen=True)
class ReferenceResult:
    """A console near to a reference, and its mix.

    Attributes
    ----------
    console : Console
    master : MasteringResult
    before, after : Distance
    features : MixFeatures
        Of the mix.
    seconds : float
    """

    console: Console
    master: MasteringResult
    before: Distance
    after: Distance
    features: MixFeatures
    seconds: float

    @property
    def audio(self) -> Audio:
        """The mix, shape (2, samples)."""
        return self.master.audio

    @property
    def notices(self) -> tuple[str, ...]:
        """What was not reached, and why."""
        return self.master.notices

    def to_dict(self) -> dict[str, Any]:
        """Return figures as plain JSON values."""
        return {
            "before": self.before.to_dict(),
            "after": self.after.to_dict(),
            "limiter_reduction_db": round(self.master.reduction_db, 2),
            "true_peak_dbtp": round(self.master.true_peak_db, 2),
            "features": self.features.to_dict(),
            "seconds": round(self.seconds, 1),
        }


@dataclass(frozen=True)
class Reference:
    """Features of a reference song.

    Attributes
    ----------
    loudness_lufs : float
    af : AudioFeatures
    third_octaves_db : ndarray, shape (28,)
    mid_share : float
    """

    loudness_lufs: float
    af: audio_features.AudioFeatures
    third_octaves_db: np.ndarray
    mid_share: float

    @classmethod
    def measure(cls, audio: Audio, sample_rate: int, *, label: str = "reference") -> "Reference":
        """Measure a song.

        Raises
        ------
        InputError
            If it is silent or shorter than 5 s.
        """
        lufs = measures.require_loud(audio, sample_rate, label=label, seconds=SHORTEST_S)
        stereo = to_stereo(audio)
        return cls(
            lufs,
            audio_features.measure(stereo, sample_rate),
            ltas.third_octave_levels(stereo, sample_rate),
            mix_features.mid_share(stereo) or 1.0,
        )

    def distance(self, audio: Audio, sample_rate: int) -> Distance:
        """Compare a mix with the reference.

        Raises
        ------
        InputError
            If the mix is silent.
        """
        found = Reference.measure(audio, sample_rate, label="mix")
        gain = float(db_to_amplitude(self.af.lufs - found.af.lufs)) if self.af.lufs and found.af.lufs else 1.0
        errors = audio_features.errors(self.af.at_gain(1.0), found.af.at_gain(gain))
        heard = self.third_octaves_db > QUIET_DB
        spectrum = (found.third_octaves_db - self.third_octaves_db)[heard]
        return Distance(
            sum(weight * errors[name] for name, weight in audio_features.WEIGHTS.items()),
            float(np.sqrt(np.mean(spectrum**2))),
            found.mid_share - self.mid_share,
            found.loudness_lufs - self.loudness_lufs,
        )

    def targets(self) -> list[Target]:
        """Return targets for a fit, apart from loudness."""
        values = measures.af_values(self.af)
        targets = [
            Target(name, measure, values[name], weight=AF_WEIGHT * audio_features.WEIGHTS[name])
            for name, measure in measures.af_measures(self.loudness_lufs).items()
        ]
        heard = torch.from_numpy(self.third_octaves_db > QUIET_DB)
        levels = torch.from_numpy(self.third_octaves_db).float()

        def heard_spectrum(mix: measures.Mix) -> torch.Tensor:
            return measures.spectrum(mix)[heard]

        return [
            *targets,
            Target("spectrum", heard_spectrum, levels[heard], SPECTRUM_TOLERANCE_DB),
            Target("mid_share", measures.mid_share, torch.tensor([self.mid_share]), 0.05, weight=0.1),
        ]


def apply_reference(
    console: Console,
    tracks: Mapping[str, Audio],
    sample_rate: int,
    reference: Audio,
    reference_rate: int,
    *,
    name: str = "",
    loudness_lufs: float | None = None,
    settings: MatchSettings | None = None,
    progress: Progress | None = None,
) -> ReferenceResult:
    """Bring a console near to a reference song, with the means of `apply_style`.

    Parameters
    ----------
    console : Console
        Start.
    tracks : mapping of str to ndarray, shape (channels, samples), float32
        Recordings.
    sample_rate : int
        In Hz.
    reference : ndarray, shape (channels, samples), float32
    reference_rate : int
        In Hz.
    name : str
        Of the reference, for messages and the notes of the console.
    loudness_lufs : float, optional
        Loudness of the mix instead of that of the reference.
    settings : MatchSettings, optional
        Budget of the limiter, ceiling, steps, time and seed.
    progress : callable, optional
        Called with the share that is done and what is being done.

    Raises
    ------
    InputError
        If the reference is silent or shorter than 5 s; if tracks are missing or silent.
    """
    label = name or "reference"
    if reference.shape[1] >= SHORTEST_S * reference_rate:
        reference = resample(reference, reference_rate, sample_rate)
        reference_rate = sample_rate
    wanted = Reference.measure(reference, reference_rate, label=label)
    lufs = float(np.clip(wanted.loudness_lufs, *LUFS_RANGE)) if loudness_lufs is None else loudness_lufs
    settings = replace(
        settings or MatchSettings(lufs, prior=2e-3, steps=80),
        loudness_lufs=lufs,
        bands=REFERENCE_BANDS,
        frees_bands=True,
        accepted=0.0,
    )
    found = match(console, tracks, sample_rate, wanted.targets(), settings, progress=progress)
    features = mix_features.measure(found.master.audio, sample_rate)
    if features is None:
        raise InputError(
            "expected a mix of at least 0.4 s above -70 LUFS, got a quieter or shorter one; check the tracks"
        )
    notes = {"reference": {"name": name, "loudness_lufs": round(wanted.loudness_lufs, 2)}}
    return ReferenceResult(
        replace(found.console, notes={**found.console.notes, **notes}),
        found.master,
        wanted.distance(found.before, sample_rate),
        wanted.distance(found.master.audio, sample_rate),
        features,
        found.seconds,
    )

"""What a mix should become: a style or a reference; loads PyTorch only when it is applied."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from fxnorm import audio_files
from fxnorm.audio import Audio, to_stereo
from fxnorm.console.document import Console
from fxnorm.errors import InputError
from fxnorm.recipe.styles import find_style

if TYPE_CHECKING:
    from fxnorm.mixing.matching import MatchSettings, Progress
    from fxnorm.mixing.reference import ReferenceResult
    from fxnorm.mixing.styles import StyleResult


@dataclass(frozen=True)
class Wish:
    """What a mix should become: exactly one of a style and a reference.

    Attributes
    ----------
    style : str
        As for `recipe.styles.find_style`.
    reference : Path or None
        Audio file.
    loudness_lufs, ceiling_db : float or None
        Instead of those of the style or the reference.
    max_reduction_db : float
    seed : int
    time_limit_s : float
    """

    style: str = ""
    reference: Path | None = None
    loudness_lufs: float | None = None
    ceiling_db: float | None = None
    max_reduction_db: float = 6.0
    seed: int = 0
    time_limit_s: float = 60.0

    def __post_init__(self) -> None:
        if bool(self.style) == (self.reference is not None):
            given = "both" if self.style else "neither"
            raise InputError(f"expected a style or a reference, got {given}; give --style NAME or --reference FILE")

    def check(self) -> None:
        """Make sure that the style or the reference is there, before anything else is read.

        Raises
        ------
        InputError
            If the style is unknown.
        AudioError
            If the reference cannot be read.
        """
        if self.style:
            find_style(self.style)
        elif self.reference is not None and (fault := audio_files.probe(self.reference).fault):
            raise InputError(f"{self.reference}: {fault}")

    def apply(
        self,
        console: Console,
        tracks: Mapping[str, Audio],
        sample_rate: int,
        *,
        progress: "Progress | None" = None,
    ) -> "StyleResult | ReferenceResult":
        """Bring a console to the style, or near the reference.

        Raises
        ------
        InputError
            If the style is unknown, or the reference silent or too short.
        AudioError
            If the reference cannot be read.
        """
        require_torch()
        from fxnorm.mixing.matching import MatchSettings
        from fxnorm.mixing.reference import apply_reference
        from fxnorm.mixing.styles import apply_style

        if self.style:
            name, style = find_style(self.style)
            changes = {"loudness_lufs": self.loudness_lufs, "ceiling_db": self.ceiling_db}
            style = style.model_copy(update={key: value for key, value in changes.items() if value is not None})
            settings = self._settings(MatchSettings(style.loudness_lufs))
            return apply_style(console, tracks, sample_rate, style, name=name, settings=settings, progress=progress)
        path = self.reference or Path()
        audio, rate = audio_files.read(path)
        settings = self._settings(MatchSettings(-14.0, prior=2e-3, steps=80))
        if self.ceiling_db is not None:
            settings = replace(settings, ceiling_db=self.ceiling_db)
        return apply_reference(
            console, tracks, sample_rate, audio, rate, name=path.name, settings=settings,
            loudness_lufs=self.loudness_lufs, progress=progress,
        )  # fmt: skip

    def _settings(self, settings: "MatchSettings") -> "MatchSettings":
        return replace(settings, max_reduction_db=self.max_reduction_db, seed=self.seed, time_limit_s=self.time_limit_s)


def require_torch() -> None:
    """Make sure that PyTorch is installed.

    Raises
    ------
    InputError
        If it is not.
    """
    if find_spec("torch") is None:
        raise InputError("styles and references need torch, which is not installed: pip install 'fxnorm[train]'")


def mix_console(audio: Audio) -> tuple[Console, dict[str, Audio]]:
    """Return a console of one track, a finished mix, and its recording; mono becomes stereo."""
    return Console.neutral(["mix"]), {"mix": to_stereo(audio)}

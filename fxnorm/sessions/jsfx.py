"""Processors as effects of REAPER: the JSFX files of this package and the order of their sliders."""

from dataclasses import dataclass
from importlib import resources

from fxnorm.console import Compressor, EqBand, Gain, Limiter, Pan, Processor, Saturation, Width
from fxnorm.console.settings import Settings

FOLDER = "fxnorm"  # within the Effects folder of REAPER
SLIDERS = 64  # fields of an effect's line in a project


@dataclass(frozen=True)
class Effect:
    """A JSFX file, and the settings that its sliders stand for.

    Attributes
    ----------
    file : str
    kind : type
    fields : tuple of (str, tuple)
        Name of the setting of each slider, and its values if the slider counts them.
    """

    file: str
    kind: type[Settings]
    fields: tuple[tuple[str, tuple[str | int | bool, ...]], ...]

    def sliders(self, settings: Settings, *, is_mono: bool = False) -> list[float]:
        """Return the positions of the sliders."""
        values = []
        for name, choices in self.fields:
            value = is_mono if name == MONO else getattr(settings, name)
            values.append(float(choices.index(value)) if choices else float(value))
        return values

    def settings(self, sliders: list[float]) -> Settings:
        """Return the settings that sliders stand for."""
        values = {}
        for (name, choices), value in zip(self.fields, sliders, strict=False):
            if name != MONO:
                values[name] = choices[round(value)] if choices else value
        return self.kind(**values)


MONO = "recording"  # not a setting: whether a mono recording is spread to two channels before the processor
_SPREAD = (MONO, (False, True))

EFFECTS: tuple[Effect, ...] = (
    Effect("gain.jsfx", Gain, (("gain_db", ()),)),
    Effect("pan.jsfx", Pan, (("pan", ()), _SPREAD)),
    Effect(
        "compressor.jsfx",
        Compressor,
        (
            ("threshold_db", ()),
            ("ratio", ()),
            ("attack_ms", ()),
            ("release_ms", ()),
            ("knee_db", ()),
            ("makeup_db", ()),
            ("wet", ()),
            ("detector", Compressor.CHOICES["detector"]),
        ),
    ),
    Effect(
        "saturation.jsfx",
        Saturation,
        (("drive_db", ()), ("wet", ()), ("oversampling", Saturation.CHOICES["oversampling"])),
    ),
    Effect("width.jsfx", Width, (("width", ()), ("mono_below_hz", ()), _SPREAD)),
    Effect("limiter.jsfx", Limiter, (("gain_db", ()), ("ceiling_db", ()), ("look_ahead_ms", ()), ("release_ms", ()))),
    Effect(
        "band.jsfx",
        EqBand,
        (("kind", EqBand.CHOICES["kind"]), ("frequency_hz", ()), ("gain_db", ()), ("q", ())),
    ),
)
BY_KIND = {effect.kind: effect for effect in EFFECTS}
BY_FILE = {effect.file: effect for effect in EFFECTS}


def is_effect(processor: Processor) -> bool:
    """Whether a processor has a JSFX file."""
    return type(processor) in BY_KIND


def read_files() -> dict[str, str]:
    """Return the texts of the JSFX files by name."""
    folder = resources.files("fxnorm.sessions") / "fx"
    return {effect.file: (folder / effect.file).read_text(encoding="utf-8") for effect in EFFECTS}

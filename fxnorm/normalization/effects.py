"""The matched effects in their order. A further effect is one more file and its place in this list."""

from collections.abc import Mapping
from typing import Any

from fxnorm.normalization import reverb
from fxnorm.normalization.compression import COMPRESSION
from fxnorm.normalization.effect import AppliedEffect, Effect
from fxnorm.normalization.eq import EQ
from fxnorm.normalization.loudness import LOUDNESS
from fxnorm.normalization.panning import PANNING
from fxnorm.normalization.processor import Processor

MATCHED_EFFECTS: dict[str, Effect[Any, Any, Any]] = {
    effect.name: effect for effect in (EQ, COMPRESSION, PANNING, LOUDNESS)
}


def processor_from_dict(effect: str, content: Mapping[str, Any], responses: Mapping[str, Any]) -> Processor:
    """Create a processor of an effect from `Processor.to_dict`.

    Parameters
    ----------
    effect : str
        A matched effect, "room" or "reverb".
    content : mapping
    responses : mapping of str to ImpulseResponse
        Impulse responses by identity.

    Raises
    ------
    ValueError
        If the effect or the kind is unknown, or a parameter is wrong.
    InputError
        If an impulse response is missing.
    """
    classes = [reverb.PROCESSORS[effect]] if effect in reverb.PROCESSORS else []
    if effect in MATCHED_EFFECTS:
        classes = list(MATCHED_EFFECTS[effect].processors)
    for processor in classes:
        if processor.kind == content.get("kind"):
            return processor.from_dict(content, responses)
    raise ValueError(f"the processor {content.get('kind')!r} of the effect {effect!r}")


def applied_from_dict(content: Mapping[str, Any], responses: Mapping[str, Any]) -> AppliedEffect:
    """Create an applied effect from `AppliedEffect.to_dict`; raises as `processor_from_dict`."""
    effect = str(content["effect"])
    processor = content.get("processor")
    return AppliedEffect(
        effect,
        processor_from_dict(effect, processor, responses) if processor is not None else None,
        before=dict(content.get("before", {})),
        after=dict(content.get("after", {})),
        skipped=content.get("skipped"),
    )


def title(applied: AppliedEffect) -> str:
    """Return the heading of an applied effect."""
    if applied.processor is not None:
        return applied.processor.title
    return MATCHED_EFFECTS[applied.effect].title if applied.effect in MATCHED_EFFECTS else applied.effect.capitalize()

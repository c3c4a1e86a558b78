"""Audio-feature loss of Diff-MST as a metric, after loudness matching; see `fxnorm.dsp.audio_features`."""

from fxnorm.dsp import audio_features
from fxnorm.dsp.audio_features import WEIGHTS, Array, AudioFeatures
from fxnorm.evaluation.metrics.base import Metric, Recording, Values, matching_gain

METRICS = {
    "af": Metric(
        "AF", "", "Audio-feature loss of Diff-MST, after loudness matching.", ignores_level=True, headline=True
    ),
    "bark": Metric(
        "Bark",
        "",
        "Mean squared difference of the log Bark spectra of mid and side, after loudness matching.",
        ignores_level=True,
        ignores_swap=True,
    ),
}


def measure(recording: Recording) -> AudioFeatures:
    """Measure the features of a whole mix."""
    return audio_features.measure(recording.audio, recording.sample_rate, lufs=recording.lufs)


def compare(target: AudioFeatures, mix: AudioFeatures) -> Values:
    """Compute the loss of a mix that is brought to the loudness of the target; None if either is silent."""
    gain = matching_gain(target.lufs, mix.lufs)
    return dict.fromkeys(METRICS) if gain is None else loss(target.at_gain(1.0), mix.at_gain(gain))


def loss(target: dict[str, Array], mix: dict[str, Array]) -> Values:
    """Return the weighted sum of the mean squared differences, and that of the Bark spectra alone."""
    errors = audio_features.errors(target, mix)
    return {"af": sum(weight * errors[name] for name, weight in WEIGHTS.items()), "bark": errors["bark"]}

"""Train the small TDCN on synthetic songs and compare it with the normalised sum on unseen songs.

    python -m tests.benchmarks.learning [--folder runs/learn] [--songs 40] [--seconds 30] [key=value ...]

synthesises a corpus with the splits train, valid and test, normalises it and trains `recipes/learn.yaml`. It then mixes
the whole test songs from their wet and from their dry stems, with four systems: the normalised sum; the normalised sum
times one gain, the mean level difference on training songs (a network must beat it to have learned anything else); the
untrained network; the trained network. It prints a Markdown table of losses and MR-STFT against the engineer's mix,
means over songs, and plots the training curves in FOLDER/learning.png. Existing songs and stems are not made again.

The smallest run: --songs 5 --seconds 6 data.batches_per_epoch=1 validation.segments=1 schedule=[[1,1]]
"""

import argparse
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import torch

from fxnorm import corpus, losses, models, recipe, training
from fxnorm.audio import SAMPLE_RATE, Audio
from fxnorm.audio_files import read
from fxnorm.dsp import loudness
from fxnorm.evaluation.metrics import Recording, mrstft
from fxnorm.models import MixModel
from fxnorm.models.checkpoint import Checkpoint
from fxnorm.models.network import Network
from fxnorm.models.stem_model import StemModel
from fxnorm.normalization.corpus_normalization import normalize_corpus
from fxnorm.normalization.output_layout import OutputLayout
from fxnorm.normalization.plan import NormalizationPlan
from fxnorm.normalization.settings import ChainSettings
from fxnorm.normalization.statistics import FxStats
from fxnorm.parallel import default_jobs
from fxnorm.synth.corpus import synthesize_corpus
from fxnorm.training.corpus import open_corpus
from fxnorm.training.dataset import ValidationDataset
from fxnorm.training.tasks import MixingTask, build_network
from fxnorm.units import db_to_amplitude

RECIPE = Path("recipes/learn.yaml")
SUM = "normalised sum"
GAIN_SONGS = 12  # training songs that determine the gain

Mix = Callable[[Mapping[str, Audio]], Audio]
FIGURES = ("Lb", "La", "MR-STFT")


def prepare(folder: Path, songs: int, seconds: float) -> None:
    """Synthesise wet and dry songs in `folder`, and normalise the wet ones."""
    jobs = default_jobs()
    synthesize_corpus(folder, songs=songs, seconds=seconds, seed=1, jobs=jobs)
    plan = NormalizationPlan(FxStats.shipped("musdb18"), ChainSettings.preset(), OutputLayout(folder / "normalized"))
    result = normalize_corpus(corpus.scan(folder / "wet"), plan, jobs=jobs)
    if result.failures:
        raise SystemExit(f"cannot normalise: {result.failures[0]}")


def mix_by(model: MixModel) -> Mix:
    """Return the mix function of a model."""
    return lambda stems: model.mix(stems, SAMPLE_RATE).audio


def evaluate(target: Audio, mix: Audio) -> dict[str, float]:
    """Measure losses and MR-STFT of a whole song."""
    with torch.inference_mode():
        pair = [torch.from_numpy(signal)[None] for signal in (mix, target)]
        values = {name: float(losses.build(name)(*pair)) for name in ("Lb", "La")}
    return values | {
        "MR-STFT": mrstft.compare(Recording(target, SAMPLE_RATE), Recording(mix, SAMPLE_RATE))["mrstft"] or 0.0
    }


def mean_gain(mix: Mix, folder: Path) -> float:
    """Return the gain that brings the mixes of training songs to their engineer's loudness on average."""
    gains_db = []
    for track in corpus.scan(folder / "wet", split="train")[:GAIN_SONGS]:
        target = loudness.measure(read(track.mixture)[0], SAMPLE_RATE) if track.mixture is not None else None
        level = loudness.measure(mix(read_stems(track)), SAMPLE_RATE)
        if target is not None and level is not None:
            gains_db.append(target - level)
    return float(db_to_amplitude(float(np.mean(gains_db))))


def read_stems(track: corpus.Multitrack) -> dict[str, Audio]:
    """Read the stems of a song, all at 44,100 Hz."""
    return {stem: track.read_native(stem)[0] for stem in track.stems}


def evaluate_all(mixes: Mapping[str, Mix], folder: Path) -> dict[tuple[str, str], dict[str, list[float]]]:
    """Return the figures of every test song by (wet or dry, system)."""
    scores: dict[tuple[str, str], dict[str, list[float]]] = {}
    wet = {track.name: track for track in corpus.scan(folder / "wet", split="test")}
    for kind in ("wet", "dry"):
        for track in corpus.scan(folder / kind, split="test"):
            mixture = wet[track.name].mixture
            if mixture is None:
                continue
            target, _ = read(mixture)
            stems = read_stems(track)
            for name, mix in mixes.items():
                for figure, value in evaluate(target, mix(stems)).items():
                    scores.setdefault((kind, name), {}).setdefault(figure, []).append(value)
    return scores


def draw(history: list[Mapping[str, float]], start: float, name: str, path: Path) -> None:
    """Plot the loss over epochs, with those of the normalised sum and of the untrained network."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.0, 4.0), dpi=120, layout="constrained")
    axes = figure.subplots()
    epochs = range(1, len(history) + 1)
    axes.axhline(start, color="#6a6e76", linestyle=":", label="untrained network, validation songs")
    axes.axhline(history[0]["sum"], color="#3c7a57", linestyle="--", label="normalised sum, validation songs")
    axes.plot(epochs, [row["valid"] for row in history], color="#d1495b", marker="o", label="network, validation songs")
    axes.plot(epochs, [row["train"] for row in history], color="#30638e", label="network, training examples")
    axes.set_title("Loss of the small TDCN against the engineer's mixes", loc="left", fontsize=11)
    axes.set_xlabel("epoch")
    axes.set_xticks(epochs)
    axes.set_ylabel(name)
    axes.set_ylim(bottom=0.0)
    axes.grid(True, axis="y", color="#dddddd", linewidth=0.6)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, fontsize=9)
    figure.savefig(path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("changes", nargs="*", metavar="key=value")
    parser.add_argument("--folder", type=Path, default=Path("runs/learn"))
    parser.add_argument("--songs", type=int, default=40)
    parser.add_argument("--seconds", type=float, default=30.0)
    options = parser.parse_args()
    folder: Path = options.folder
    prepare(folder, options.songs, options.seconds)
    folders = [f"corpus={folder / 'normalized'}", f"wet={folder / 'wet'}"]
    settings = recipe.read(RECIPE, folders + options.changes)
    result = training.train(settings, folder / "run")
    trained = Checkpoint.load(result.checkpoint)
    fresh = Checkpoint(build_network(settings).eval(), trained.chain)  # before the first step
    plain, untrained, learned = (
        mix_by(model)
        for model in (
            models.open_model("normalized-sum"),
            StemModel.from_checkpoint(fresh),
            StemModel.from_checkpoint(trained),
        )
    )
    gain = np.float32(mean_gain(plain, folder))
    mixes = {
        SUM: plain,
        f"{SUM}, one gain": lambda stems: gain * plain(stems),
        "untrained": untrained,
        "trained": learned,
    }
    scores = evaluate_all(mixes, folder)
    songs = len(scores["wet", "trained"]["Lb"])
    seconds = sum(row["seconds"] for row in result.history)
    print(
        f"{len(result.history)} epochs in {seconds / 60.0:.1f} minutes on {torch.get_num_threads()} threads; ", end=""
    )
    print(f"the best was epoch {result.best}; means over {songs} whole test songs\n")
    print("| mixed from | system | " + " | ".join(FIGURES) + " | closer than the sum |")
    print("| --- | --- | " + " | ".join("--:" for _ in FIGURES) + " | --: |")
    for (kind, name), figures in scores.items():
        means = " | ".join(f"{np.mean(figures[figure]):.3f}" for figure in FIGURES)
        closer = [np.sum(np.less(figures[figure], scores[kind, SUM][figure])) for figure in FIGURES]
        print(f"| {kind} stems | {name} | {means} | {', '.join(map(str, closer))} of {songs} |")
    draw(result.history, validate(settings, fresh.model), settings.loss.name, folder / "learning.png")
    print(f"\ncurves: {folder / 'learning.png'}")


def validate(settings: recipe.Recipe, network: Network) -> float:
    """Return the loss of a network on the validation segments of training."""
    songs = open_corpus(settings.corpus, wet=settings.wet).valid
    segments = ValidationDataset(songs, segment_s=settings.data.segment_s, count=settings.validation.segments)
    task = MixingTask(settings, network)
    with torch.inference_mode():
        outputs = [(network(stems[None]), mix[None]) for stems, mix in map(segments.__getitem__, range(len(segments)))]
        return float(np.mean([float(task.loss(output, target)) for output, target in outputs]))


if __name__ == "__main__":
    main()

"""Does a network learn? Trains the small TDCN on synthetic songs, and judges it on songs that it has not heard.

    python -m tests.benchmarks.learning [--folder runs/learn] [--songs 40] [--seconds 30] [key=value ...]

makes a corpus (songs of train, valid and test apart), normalises it, trains `recipes/learn.yaml` on it, and mixes the
whole test songs, from their normalised wet stems and from the dry ones, with the plain sum of the normalised stems,
with the same after one gain that makes up for the level on the training songs (what a network that learns nothing but
that would reach), with the network as it was before training, and with the trained one. Printed is a Markdown table of
losses and MR-STFT against the engineer's mix, means over the songs; the curves of the training are drawn into
FOLDER/learning.png. What is there already is not made again.
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
LEVELLED = 12  # training songs from which the gain is taken

Mix = Callable[[Mapping[str, Audio]], Audio]
FIGURES = ("Lb", "La", "MR-STFT")


def prepare(folder: Path, songs: int, seconds: float) -> None:
    """Wet and dry songs in `folder`, and the wet ones normalised."""
    jobs = default_jobs()
    synthesize_corpus(folder, songs=songs, seconds=seconds, seed=1, jobs=jobs)
    plan = NormalizationPlan(FxStats.shipped("musdb18"), ChainSettings.preset(), OutputLayout(folder / "normalized"))
    result = normalize_corpus(corpus.scan(folder / "wet"), plan, jobs=jobs)
    if result.failures:
        raise SystemExit(f"not normalised: {result.failures[0]}")


def mix_by(model: MixModel) -> Mix:
    """A model as a function."""
    return lambda stems: model.mix(stems, SAMPLE_RATE).audio


def judge(target: Audio, mix: Audio) -> dict[str, float]:
    """Losses and distance of a whole song."""
    with torch.inference_mode():
        pair = [torch.from_numpy(signal)[None] for signal in (mix, target)]
        found = {name: float(losses.build(name)(*pair)) for name in ("Lb", "La")}
    return found | {
        "MR-STFT": mrstft.compare(Recording(target, SAMPLE_RATE), Recording(mix, SAMPLE_RATE))["mrstft"] or 0.0
    }


def level_of(mix: Mix, folder: Path) -> float:
    """The gain that brings the mixes of some training songs to their engineer's loudness, in the mean."""
    gains_db = []
    for track in corpus.scan(folder / "wet", split="train")[:LEVELLED]:
        target = loudness.measure(read(track.mixture)[0], SAMPLE_RATE) if track.mixture is not None else None
        own = loudness.measure(mix(read_stems(track)), SAMPLE_RATE)
        if target is not None and own is not None:
            gains_db.append(target - own)
    return float(db_to_amplitude(float(np.mean(gains_db))))


def read_stems(track: corpus.Multitrack) -> dict[str, Audio]:
    """A song's stems, all at 44,100 Hz."""
    return {stem: track.read_native(stem)[0] for stem in track.stems}


def judge_all(mixes: Mapping[str, Mix], folder: Path) -> dict[tuple[str, str], dict[str, list[float]]]:
    """Figures of every test song, by (what was mixed, mixer)."""
    found: dict[tuple[str, str], dict[str, list[float]]] = {}
    wet = {track.name: track for track in corpus.scan(folder / "wet", split="test")}
    for kind in ("wet", "dry"):
        for track in corpus.scan(folder / kind, split="test"):
            mixture = wet[track.name].mixture
            if mixture is None:
                continue
            target, _ = read(mixture)
            stems = read_stems(track)
            for name, mix in mixes.items():
                for figure, value in judge(target, mix(stems)).items():
                    found.setdefault((kind, name), {}).setdefault(figure, []).append(value)
    return found


def draw(history: list[Mapping[str, float]], start: float, name: str, path: Path) -> None:
    """The loss over the epochs, with those of the plain sum and of the untrained network."""
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
    places = [f"corpus={folder / 'normalized'}", f"wet={folder / 'wet'}"]
    chosen = recipe.read(RECIPE, places + options.changes)
    result = training.train(chosen, folder / "run", progress=lambda done, total, what: None)
    trained = Checkpoint.load(result.checkpoint)
    fresh = Checkpoint(build_network(chosen).eval(), trained.chain)  # as it was before the first step
    plain, untrained, learned = (
        mix_by(mixer)
        for mixer in (
            models.open_model("normalized-sum"),
            StemModel.from_checkpoint(fresh),
            StemModel.from_checkpoint(trained),
        )
    )
    gain = np.float32(level_of(plain, folder))
    mixes = {
        SUM: plain,
        f"{SUM}, one gain": lambda stems: gain * plain(stems),
        "untrained": untrained,
        "trained": learned,
    }
    found = judge_all(mixes, folder)
    songs = len(found["wet", "trained"]["Lb"])
    seconds = sum(row["seconds"] for row in result.history)
    print(
        f"{len(result.history)} epochs in {seconds / 60.0:.1f} minutes on {torch.get_num_threads()} threads; ", end=""
    )
    print(f"the best was epoch {result.best}; means over {songs} whole test songs\n")
    print("| mixed from | by | " + " | ".join(FIGURES) + " | nearer than the sum |")
    print("| --- | --- | " + " | ".join("--:" for _ in FIGURES) + " | --: |")
    for (kind, name), figures in found.items():
        means = " | ".join(f"{np.mean(figures[figure]):.3f}" for figure in FIGURES)
        nearer = [np.sum(np.less(figures[figure], found[kind, SUM][figure])) for figure in FIGURES]
        print(f"| {kind} stems | {name} | {means} | {', '.join(map(str, nearer))} of {songs} |")
    draw(result.history, validate(chosen, fresh.model), chosen.loss.name, folder / "learning.png")
    print(f"\ncurves: {folder / 'learning.png'}")


def validate(chosen: recipe.Recipe, network: Network) -> float:
    """The loss of a network on the segments that training validates on."""
    songs = open_corpus(chosen.corpus, wet=chosen.wet).valid
    segments = ValidationDataset(songs, segment_s=chosen.data.segment_s, count=chosen.validation.segments)
    task = MixingTask(chosen, network)
    with torch.inference_mode():
        outputs = [(network(stems[None]), mix[None]) for stems, mix in map(segments.__getitem__, range(len(segments)))]
        return float(np.mean([float(task.loss(output, target)) for output, target in outputs]))


if __name__ == "__main__":
    main()

"""Train boosted trees and compare them with the baselines on unseen songs.

    python -m tests.benchmarks.boosted [--corpus FOLDER] [--test FOLDER] [--search TRIALS] [-o OUT] [key=value ...]

FOLDER holds `wet` and `dry` as written by `fxnorm corpus synth`; without it, `--songs` 40 of `--seconds` 30 are
synthesised in OUT. The command prints a Markdown table of the multi-resolution STFT distance (sum and difference; 512,
2,048 and 8,192 points) between the engineer's mix and mixes of the wet and of the dry stems of the test songs, and the
speed of prediction. The row "averages" is the boosted model without its trees. `key=value` changes the recipe.

The smallest run: --songs 5 --seconds 6 n_estimators=2
"""

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np
import torch

from fxnorm import audio, audio_files, corpus, models, recipe, training
from fxnorm.audio import SAMPLE_RATE, Audio
from fxnorm.cli.options import print_table
from fxnorm.corpus import Multitrack
from fxnorm.corpus.stems import STEMS
from fxnorm.losses import MultiResolutionLoss
from fxnorm.models.baselines import mean_stems, sum_stems
from fxnorm.models.gbdt.model import BoostedTrees
from fxnorm.normalization.corpus_normalization import normalize_corpus
from fxnorm.normalization.normalizer import Normalizer
from fxnorm.normalization.output_layout import OutputLayout
from fxnorm.normalization.plan import NormalizationPlan
from fxnorm.normalization.settings import ChainSettings
from fxnorm.normalization.statistics import FxStats
from fxnorm.parallel import default_jobs
from fxnorm.synth.corpus import synthesize_corpus

RECIPE = Path(__file__).parents[2] / "recipes" / "boosted.yaml"


def make_corpus(folder: Path, songs: int, seconds: float) -> Path:
    """Synthesise the songs that do not exist yet."""
    synthesize_corpus(folder, songs=songs, seconds=seconds, seed=1, jobs=default_jobs())
    return folder


def normalize(wet: Path, out: Path) -> Path:
    """Normalise wet stems by the default preset."""
    plan = NormalizationPlan(FxStats.shipped("musdb18"), ChainSettings.preset(), OutputLayout(out))
    normalize_corpus(corpus.scan(wet), plan, jobs=default_jobs())
    return out


def read_stems(track: Multitrack, normalizer: Normalizer | None) -> Audio:
    """Read the stems of a song, shape (4, 2, samples), and normalise them if a normaliser is given."""
    samples = track.samples
    stems = np.zeros((len(STEMS), 2, samples), dtype=np.float32)
    for row, stem in zip(stems, STEMS, strict=True):
        if stem in track.stems:
            stereo = audio.to_stereo(track.read_native(stem)[0])
            row[:, : stereo.shape[1]] = stereo if normalizer is None else normalizer(stereo, SAMPLE_RATE, stem)[0]
    return stems


def without_trees(model: BoostedTrees, stems: Audio) -> Audio:
    """Mix by the average gains alone."""
    grid = model.settings.grid
    gains_db = np.repeat(model.average_db[:, :, np.newaxis], grid.count_frames(stems.shape[-1]), axis=2)
    return grid.apply_gains(stems, gains_db)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", type=Path)
    parser.add_argument("--test", type=Path)
    parser.add_argument("--search", type=int, default=0)
    parser.add_argument("-o", "--out", type=Path, default=Path("runs/boosted"))
    parser.add_argument("--songs", type=int, default=40)
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("changes", nargs="*", metavar="key=value")
    options = parser.parse_args()
    source = options.corpus or make_corpus(options.out / "songs", options.songs, options.seconds)
    normalized = normalize(source / "wet", options.out / "normalized")

    settings = recipe.read(RECIPE, [f"corpus={normalized}", f"search={options.search}", *options.changes])
    with tempfile.TemporaryDirectory() as run:
        start = time.perf_counter()
        result = training.train(settings, Path(run))
        seconds = time.perf_counter() - start
        checkpoint = models.load(result.folder)
    model, chain = checkpoint.model, checkpoint.chain
    normalizer = Normalizer(chain.stats, chain.settings)

    loss = MultiResolutionLoss()
    scores: dict[tuple[str, str], list[float]] = {}
    prediction_s, length_s = 0.0, 0.0
    tests = [corpus.scan((options.test or source) / kind) for kind in ("wet", "dry")]
    for pair in zip(*([track for track in tracks if track.split == "test"] for tracks in tests), strict=True):
        target = audio.to_stereo(audio_files.read(pair[0].mixture)[0])
        for kind, track in zip(("wet", "dry"), pair, strict=True):
            plain, normal = read_stems(track, None), read_stems(track, normalizer)
            start = time.perf_counter()
            boosted = model.predict(normal)
            prediction_s += time.perf_counter() - start
            length_s += normal.shape[-1] / SAMPLE_RATE
            mixes = {
                "sum": sum_stems(plain),
                "naive": mean_stems(plain),
                "normalised sum": sum_stems(normal),
                "averages": without_trees(model, normal),
                "boosted": boosted,
            }
            for name, mix in mixes.items():
                excerpt = mix[np.newaxis, :, : target.shape[1]]
                with torch.inference_mode():
                    distance = loss(torch.from_numpy(excerpt), torch.from_numpy(target[np.newaxis]))
                scores.setdefault((name, kind), []).append(float(distance))

    songs = len(scores["boosted", "wet"])
    rows = [[f"MR-STFT, {songs} songs", "from wet stems", "from dry stems"]]
    rows += [[name, *(f"{np.mean(scores[name, kind]):.3f}" for kind in ("wet", "dry"))] for name in mixes]
    print_table(rows)
    trials = len(result.history)
    print(f"\ntrained in {seconds:.0f} s ({trials} trial{'s' if trials != 1 else ''}, {model.size:,} trees); ", end="")
    print(f"mixes {length_s / prediction_s:.0f} times faster than real time")


if __name__ == "__main__":
    main()

"""What a second pass of the chain still changes: nothing, for one that does what it is for.

    python -m tests.benchmarks.second_pass CORPUS [--stats FILE] [--preset published]

prints, by stem, the mean and the largest distance between stems normalised once and twice.
"""

import argparse
from pathlib import Path

import numpy as np

from fxnorm import audio, audio_files, corpus
from fxnorm.cli.options import load_stats, print_table
from fxnorm.corpus.stems import STEMS
from fxnorm.evaluation.stem_gap import features
from fxnorm.normalization.distances import distance, measures
from fxnorm.normalization.normalizer import Normalizer
from fxnorm.normalization.settings import ChainSettings
from fxnorm.parallel import default_jobs
from fxnorm.parallel.runner import run


def measure(job: tuple[Path, str, Normalizer]) -> dict[str, float] | None:
    """Distance between once and twice; None for a silent stem."""
    path, stem, chain = job
    samples, rate = audio_files.read(path)
    if audio.is_silent(samples):
        return None
    once, _ = chain(audio.resample(samples, rate, audio.SAMPLE_RATE), audio.SAMPLE_RATE, stem)
    twice, _ = chain(once, audio.SAMPLE_RATE, stem)
    return distance(features(once, stem), features(twice, stem))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--stats", default="musdb18")
    parser.add_argument("--preset", default="default")
    options = parser.parse_args()
    chain = Normalizer(load_stats(options.stats), ChainSettings.preset(options.preset))
    jobs = [(path, stem, chain) for track in corpus.scan(options.corpus) for stem, (path,) in track.stems.items()]
    found: dict[str, list[dict[str, float]]] = {stem: [] for stem in STEMS}
    for (_path, stem, _chain), apart in run(measure, jobs, jobs=default_jobs()):
        if isinstance(apart, Exception):
            raise apart
        if apart is not None:
            found[stem].append(apart)
    rows = [["second pass: mean / largest", "stems", *(f"{name}, {unit}" for name, unit in measures().items())]]
    for stem in (*STEMS, "all"):
        several = [apart for name in STEMS if stem in (name, "all") for apart in found[name]]
        figures = []
        for name in measures():
            values = [apart[name] for apart in several if name in apart]
            figures.append(f"{np.mean(values):.3f} / {np.max(values):.3f}")
        rows.append([stem, str(len(several)), *figures])
    print_table(rows)


if __name__ == "__main__":
    main()

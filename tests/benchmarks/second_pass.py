"""Measure the change by a second pass of the chain: zero for an ideal one.

    python -m tests.benchmarks.second_pass CORPUS [--stats FILE] [--preset published]

prints the mean and the largest distance between stems normalised once and twice, by stem.
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
    """Measure the distance between one and two passes; None for a silent stem."""
    path, stem, chain = job
    samples, sample_rate = audio_files.read(path)
    if audio.is_silent(samples):
        return None
    once, _ = chain(audio.resample(samples, sample_rate, audio.SAMPLE_RATE), audio.SAMPLE_RATE, stem)
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
    distances: dict[str, list[dict[str, float]]] = {stem: [] for stem in STEMS}
    for (_path, stem, _chain), result in run(measure, jobs, jobs=default_jobs()):
        if isinstance(result, Exception):
            raise result
        if result is not None:
            distances[stem].append(result)
    rows = [["second pass: mean / largest", "stems", *(f"{name}, {unit}" for name, unit in measures().items())]]
    for stem in (*STEMS, "all"):
        of_stem = [result for name in STEMS if stem in (name, "all") for result in distances[name]]
        figures = []
        for name in measures():
            values = [result[name] for result in of_stem if name in result]
            figures.append(f"{np.mean(values):.3f} / {np.max(values):.3f}")
        rows.append([stem, str(len(of_stem)), *figures])
    print_table(rows)


if __name__ == "__main__":
    from tests.benchmarks import second_pass  # worker processes import `measure` by this name, not as `__main__`

    second_pass.main()

"""Measure the domain gap of the default preset with one difference from the published preset reverted at a time.

    python -m tests.benchmarks.differences WET DRY [--stats FILE]

prints the distances after normalisation over those before, and the coherence of mid and side, for each variant.
"""

import argparse
from pathlib import Path

from fxnorm import corpus
from fxnorm.cli.options import figure, load_stats, print_table
from fxnorm.evaluation import domain_gap
from fxnorm.normalization import compression, panning
from fxnorm.normalization.distances import measures
from fxnorm.normalization.normalizer import Normalizer
from fxnorm.normalization.settings import ChainSettings
from fxnorm.parallel import default_jobs

DEFAULT = ChainSettings.preset()


def changed(effect: str, **fields: object) -> ChainSettings:
    """The default preset with some fields of one effect changed."""
    return DEFAULT.changed(effect, **fields)


def slower(attack_ms: float) -> dict[str, compression.Ballistics]:
    """The default ballistics with another attack."""
    return {
        stem: ballistics.model_copy(update={"attack_ms": attack_ms})
        for stem, ballistics in DEFAULT.matching["compression"].ballistics.items()
    }


VARIANTS = {
    "default": DEFAULT,
    "EQ: each channel by itself": changed("eq", linked=False),
    "EQ: single bins": changed("eq", smoothing_octaves=0.0),
    "EQ: no limit": changed("eq", range_db=None),
    "EQ: 1,001 taps": changed("eq", taps=1001),
    "compression: as published": ChainSettings.preset(compression=compression.PRESETS["published"]),
    "compression: attack 1 ms": changed("compression", ballistics=slower(1.0)),
    "compression: aim at the average": changed("compression", target_offset_std=0.0),
    "panning: re-panned, limited, restored": ChainSettings.preset(
        panning=panning.PublishedRepanning(max_boost_db=12.0, outside="restore")
    ),
    "panning: exponent 0.5": changed("panning", exponent=0.5),
    "published": ChainSettings.preset("published"),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("wet", type=Path)
    parser.add_argument("dry", type=Path)
    parser.add_argument("--stats", default="musdb18")
    options = parser.parse_args()
    pairs = domain_gap.pair_songs(corpus.scan(options.wet), corpus.scan(options.dry))
    rows = [["after / before", *measures(), "mid coherence", "side coherence"]]
    for name, settings in VARIANTS.items():
        chain = Normalizer(load_stats(options.stats), settings)
        gaps, _failures = domain_gap.measure_pairs(pairs, chain, jobs=default_jobs())
        ratios = [figure(domain_gap.ratio(gaps, measure)) for measure in measures()]
        rows.append([name, *ratios, *(figure(value) for value in domain_gap.mean_coherence(gaps))])
    print_table(rows)


if __name__ == "__main__":
    main()

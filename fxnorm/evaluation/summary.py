"""Comparison as text: one sentence, a table of means, and the figures in them."""

from fxnorm.evaluation.comparison import Comparison
from fxnorm.evaluation.metrics import LEADING, METRICS, headline
from fxnorm.evaluation.scoring import MixScore
from fxnorm.evaluation.statistics import Interval, PairedTest, smallest_p

ALPHA = 0.05


def summarize(comparison: Comparison) -> str:
    """Name the best system, its distance from the reference, and the significance of that distance."""
    ranking = comparison.ranking(LEADING)
    songs = len(comparison.complete_songs)
    head = f"{comparison.title}, {songs} song{'s' if songs != 1 else ''}"
    if not ranking:
        return f"{head}: nothing to rank."
    means = comparison.means(LEADING)
    best, *followers = ranking
    text = f"{head}: {best} is nearest to the human mix ({METRICS[LEADING].title} {format_mean(means[best], LEADING)})"
    if followers:
        text += f", ahead of {followers[0]} ({format_mean(means[followers[0]], LEADING)})"
    return f"{text}{_describe_reference(comparison, best, has_followers=bool(followers))}."


def headline_table(comparison: Comparison) -> list[list[str]]:
    """Return the means of the headline metrics as text: the head, the oracles, the systems from the best."""
    means = {name: comparison.means(name) for name in headline()}
    return [
        [f"{len(comparison.complete_songs)} songs", *(METRICS[name].heading for name in means)],
        *(
            [label(comparison, system), *(format_mean(values[system], name) for name, values in means.items())]
            for system in order_systems(comparison)
        ),
    ]


def order_systems(comparison: Comparison) -> list[str]:
    """Order systems: oracles, then from the best to the worst, then those without a value."""
    oracles = [system for system in comparison.all_systems if system in comparison.oracles]
    return list(dict.fromkeys([*oracles, *comparison.ranking(LEADING), *comparison.all_systems]))


def label(comparison: Comparison, system: str) -> str:
    """Name of a system in tables; oracles are marked."""
    return f"{system} (oracle)" if system in comparison.oracles else system


def has_too_few_songs(comparison: Comparison) -> bool:
    """Whether no difference could reach significance with so few songs and so many systems."""
    tests = comparison.paired_tests(LEADING)
    return bool(tests) and smallest_p(tests[0].difference.songs, len(tests)) > ALPHA


def format_mean(interval: Interval | None, metric: str) -> str:
    """Format a mean with the decimals of its metric; a dash for none."""
    return "–" if interval is None else f"{interval.mean:.{METRICS[metric].decimals}f}"


def format_range(interval: Interval | None, metric: str) -> str:
    """Format the limits of a confidence interval; empty for none."""
    decimals = METRICS[metric].decimals
    return "" if interval is None else f"{interval.low:.{decimals}f} to {interval.high:.{decimals}f}"


def format_score(score: MixScore | None, metric: str) -> str:
    """Format the value of a song; a dash for none."""
    value = score.values.get(metric) if score else None
    return "–" if value is None else f"{value:.{METRICS[metric].decimals}f}"


def format_signed(value: float) -> str:
    """Format a difference with its sign."""
    return f"{value:+.3f}".replace("-", "−")


def _describe_reference(comparison: Comparison, best: str, *, has_followers: bool) -> str:
    reference = comparison.reference
    is_baseline = reference in comparison.baselines
    if best == reference:
        return "; no system beats this baseline" if is_baseline and has_followers else ""
    test = next(test for test in comparison.paired_tests(LEADING) if test.system == best)
    name = f"{reference}, the best baseline" if is_baseline and not comparison.requested_reference else reference
    significance = _describe_significance(comparison, test)
    return f"; difference from {name}: {format_signed(test.difference.mean)} ({significance})"


def _describe_significance(comparison: Comparison, test: PairedTest) -> str:
    if test.p is None:
        return "no difference"
    if has_too_few_songs(comparison):
        return f"too few songs for a test: {test.difference.songs}"
    return f"p = {test.p:.3f}" if test.p >= 0.001 else "p < 0.001"

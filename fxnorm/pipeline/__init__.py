"""A whole corpus through the chain: measured into statistics, or normalised, in parallel and resumable."""

from fxnorm.pipeline.corpora import inspect_corpus, synthesize_corpus
from fxnorm.pipeline.measuring import compute_stats
from fxnorm.pipeline.normalizing import CHAIN, Layout, Plan, normalize_corpus
from fxnorm.pipeline.responses import Responses
from fxnorm.pipeline.workers import (
    Failure,
    Jobs,
    Progress,
    Runner,
    default_jobs,
    explain,
    run,
    silent_progress,
)

__all__ = [
    "CHAIN",
    "Failure",
    "Jobs",
    "Layout",
    "Plan",
    "Progress",
    "Responses",
    "Runner",
    "compute_stats",
    "default_jobs",
    "explain",
    "inspect_corpus",
    "normalize_corpus",
    "run",
    "silent_progress",
    "synthesize_corpus",
]

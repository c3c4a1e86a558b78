"""Parallel map: in this process, in worker processes, or on a Dask cluster."""

from fxnorm.parallel.failures import Failure, explain
from fxnorm.parallel.runner import Jobs, Progress, Runner, default_jobs, run, silent_progress, worker_pool

__all__ = ["Failure", "Jobs", "Progress", "Runner", "default_jobs", "explain", "run", "silent_progress", "worker_pool"]

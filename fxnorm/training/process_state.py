"""Leave the process that calls a training run as it was."""

import logging
import os
import signal
import threading
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import torch

SIGNALS = (signal.SIGINT, signal.SIGTERM)

_LIGHTNING = ("pytorch_lightning", "lightning_fabric", "lightning.pytorch", "lightning.fabric")


@contextmanager
def process_state_restored() -> Iterator[None]:
    """Restore everything global that training or Lightning changes."""
    devices = [torch.cuda.current_device()] if torch.cuda.is_initialized() else []
    with ExitStack() as stack:
        stack.enter_context(torch.random.fork_rng(devices))
        for restored in (_environment, _signals, _quiet_lightning, _matmul_precision):
            stack.enter_context(restored())
        yield


@contextmanager
def _environment() -> Iterator[None]:
    """Remove the variables that Lightning sets for the processes of a run."""
    previous = dict(os.environ)
    try:
        yield
    finally:
        for name in os.environ.keys() - previous.keys():
            del os.environ[name]
        os.environ.update({name: value for name, value in previous.items() if os.environ.get(name) != value})


@contextmanager
def _signals() -> Iterator[None]:
    """Restore the previous signal handlers."""
    handlers = {number: signal.getsignal(number) for number in SIGNALS}
    try:
        yield
    finally:
        if threading.current_thread() is threading.main_thread():
            for number, handler in handlers.items():
                signal.signal(number, handler)


@contextmanager
def _quiet_lightning() -> Iterator[None]:
    """Silence Lightning's log messages and warnings."""
    loggers = [logging.getLogger(name) for name in _LIGHTNING]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", module="pytorch_lightning|lightning_fabric|lightning")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


@contextmanager
def _matmul_precision() -> Iterator[None]:
    """Use TF32 on a GPU that has it: products round to 10 bits, as its convolutions do anyway."""
    precision = torch.get_float32_matmul_precision()
    if torch.cuda.is_available():
        torch.set_float32_matmul_precision("high")
    try:
        yield
    finally:
        if torch.cuda.is_available():
            torch.set_float32_matmul_precision(precision)

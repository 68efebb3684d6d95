"""How many threads compute: as many as asked for, or as the process may use cores."""

from __future__ import annotations

import math
import os

import numpy as np

from embedpipe.engine.cpu_quota import cpu_quota
from embedpipe.errors import ParameterError

__all__ = ["MOST_THREADS", "check_threads", "default_threads"]

MOST_THREADS = 1024


def default_threads() -> int:
    """Cores that this process may use: its affinity mask, cut to its control groups' CPU quota.

    >>> default_threads() >= 1
    True
    """
    if hasattr(os, "sched_getaffinity"):
        cores = len(os.sched_getaffinity(0))
    else:
        cores = os.cpu_count() or 1
    quota = cpu_quota()
    return cores if quota is None else max(1, min(cores, math.ceil(quota)))


def check_threads(threads: int | None) -> int:
    """A valid number of threads; None means `default_threads()`, ParameterError what is none."""
    if threads is None:
        return default_threads()
    valid = isinstance(threads, (int, np.integer)) and not isinstance(threads, bool)
    if not valid or not 1 <= threads <= MOST_THREADS:
        raise ParameterError(
            f"threads is {threads!r}; expected a whole number from 1 to {MOST_THREADS}, "
            "or None for the cores this process may use"
        )
    return int(threads)

"""How many threads the libraries compute with: set once by an entry point, never by a computation."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from threadpoolctl import threadpool_limits

_MOST_SERVING = 4  # one analysis runs at a time
_QUOTA = Path("/sys/fs/cgroup/cpu.max")  # of Linux containers: microseconds of a processor in so many microseconds, or "max"


@contextmanager
def one_thread() -> Iterator[None]:
    """For training: BLAS, OpenMP and torch compute with one thread.

    Sums of floating point numbers depend on how they are divided among threads: so a training gives the same weights on two cores and
    on sixteen.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with threadpool_limits(1):
            yield
    finally:
        torch.set_num_threads(before)


def serving_threads() -> None:
    """For the app and the command line: torch has the cores that are ours, up to 4, numpy and scipy have one thread.

    Threads of BLAS wait by spinning and take from torch's the cores that they share: a quarter of all the time. Call it once, after
    ``features`` is imported: BLAS libraries that are loaded later are not limited.
    """
    threadpool_limits(1, user_api="blas")
    torch.set_num_threads(min(torch.get_num_threads(), own_cores(), _MOST_SERVING))


def own_cores() -> int:
    """Cores that this process may use, at least 1: a container often sees more than it was given."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    given, _, period = _QUOTA.read_text(encoding="ascii").partition(" ") if _QUOTA.exists() else ("max", "", "")
    return cores if given == "max" else max(1, min(cores, round(int(given) / int(period))))

"""Load torch and the weights in the background, so that the first paint does not wait for them."""

from __future__ import annotations

import ctypes
import os
import sys
import threading
from contextlib import suppress
from pathlib import Path

import streamlit as st

_MOST_THREADS = 4  # one analysis runs at a time; more threads than cores that are really ours stand in each other's way
_M_ARENA_MAX, _ARENAS = -8, 2  # of glibc's mallopt
_QUOTA = Path("/sys/fs/cgroup/cpu.max")  # of Linux containers: microseconds of a processor in so many microseconds, or "max"


@st.cache_resource(show_spinner=False)
def start_warming() -> threading.Thread:
    """Start once in the life of the server; an analysis that comes earlier simply waits for the same imports."""
    _share_memory()
    thread = threading.Thread(target=_warm, name="warm-up", daemon=True)
    thread.start()
    return thread


def _share_memory() -> None:
    """glibc gives threads pools of their own, which keep what was freed; every run of a page is a thread. Two are enough."""
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):  # another C library
            ctypes.CDLL("libc.so.6").mallopt(_M_ARENA_MAX, _ARENAS)


def _warm() -> None:
    import torch

    from models.checkpoint import load_model
    from models.networks.backbone import load_backbone
    from xai import analysis  # noqa: F401

    torch.set_num_threads(min(torch.get_num_threads(), _our_cores(), _MOST_THREADS))
    load_model()
    load_backbone()


def _our_cores() -> int:
    """Cores that this process may use: a container often sees more than it was given."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    given, _, period = _QUOTA.read_text(encoding="ascii").partition(" ") if _QUOTA.exists() else ("max", "", "")
    return cores if given == "max" else max(1, min(cores, round(int(given) / int(period))))

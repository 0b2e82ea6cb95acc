"""Load torch and the weights in the background, so that the first paint does not wait for them."""

from __future__ import annotations

import ctypes
import gc
import sys
import threading
from contextlib import suppress

import streamlit as st

_M_ARENA_MAX, _ARENAS = -8, 2  # of glibc's mallopt


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
    from models.checkpoint import load_model
    from models.networks.backbone import load_backbone
    from models.threads import serving_threads
    from xai import analysis  # noqa: F401

    serving_threads()
    load_model()
    load_backbone()
    # Streamlit collects garbage after every run of a page: half a million objects of torch's, which never are any, took a second each time.
    gc.collect()
    gc.freeze()

"""Load torch and the weights in the background, so that the first paint does not wait for them."""

from __future__ import annotations

import threading

import streamlit as st


@st.cache_resource(show_spinner=False)
def start_warming() -> threading.Thread:
    """Start once in the life of the server; an analysis that comes earlier simply waits for the same imports."""
    thread = threading.Thread(target=_warm, name="warm-up", daemon=True)
    thread.start()
    return thread


def _warm() -> None:
    from models.backbone import load_backbone
    from models.checkpoint import load_model
    from xai import analysis  # noqa: F401

    load_model()
    load_backbone()

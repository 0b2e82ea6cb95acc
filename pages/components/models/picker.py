"""The choice of a model, in the sidebar of every page."""

from __future__ import annotations

import streamlit as st

from models.registry import DEFAULT, MODELS
from pages.components.session.keys import Key


def choose_model() -> None:
    """A list of the models; the choice holds for all pages."""
    with st.sidebar:
        name = st.selectbox(
            "Model",
            list(MODELS),
            key=Key.MODEL,
            format_func=lambda name: MODELS[name].title,
            help="Which classifier judges the recording. The page Models says how good each is, and compares two of them.",
        )
        st.caption(MODELS[name].what)


def require_app() -> None:
    """Go through ``app.py``: a link straight to a page runs the page alone on a server that has just started.

    Streamlit takes ``pages/`` for its older kind of navigation until ``st.navigation`` was called once.
    """
    if Key.MODEL not in st.session_state:
        st.switch_page("app.py")


def chosen_model() -> str:
    """Name of the chosen model."""
    return st.session_state.get(Key.MODEL) or DEFAULT

"""The choice of a model, on top of every page."""

from __future__ import annotations

import streamlit as st

from models.registry import DEFAULT, MODELS
from pages.components.session.keys import Key


def choose_model() -> None:
    """A list of the models, drawn where it is called; the choice holds for all pages, and is in the address."""
    st.selectbox(
        "Model",
        list(MODELS),
        key=Key.MODEL,
        format_func=lambda name: MODELS[name].title,
        label_visibility="collapsed",
        icon=":material/model_training:",
        width=200,
        bind="query-params",
    )


def chosen_model() -> str:
    """Name of the chosen model."""
    return st.session_state.get(Key.MODEL) or DEFAULT

"""The choice of a model, on top of every page."""

from __future__ import annotations

import streamlit as st

from models.registry import DEFAULT
from pages.components.models.own import offered
from pages.components.session.keys import Key


def choose_model() -> None:
    """A list of the models, drawn where it is called; the choice holds for all pages, and is in the address."""
    models = offered()
    st.selectbox(
        "Model",
        list(models),
        key=Key.MODEL,
        format_func=lambda name: models[name].title,
        label_visibility="collapsed",
        icon=":material/model_training:",
        width=200,
        bind="query-params",
    )


def chosen_model() -> str:
    """Name of the chosen model."""
    chosen: str = st.session_state.get(Key.MODEL) or DEFAULT
    return chosen if chosen in offered() else DEFAULT

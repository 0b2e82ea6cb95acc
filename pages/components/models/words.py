"""Words for what a model is shown, and the choice of it."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from features import Modality
from models.registry import BOTH
from pages.components.session.keys import Key

STATE_WORDS = {BOTH: "Voice and face"} | {modality.noun: f"{modality.noun.capitalize()} alone" for modality in Modality}


def choose_state(states: Sequence[str], key: Key) -> str:
    """What was shown to the model; no question where there is one answer only."""
    if len(states) == 1:
        return states[0]
    return st.segmented_control(
        "Shown to it",
        states,
        key=key,
        default=states[0],
        required=True,
        format_func=STATE_WORDS.__getitem__,
        bind="query-params",
        persist_state="session",
    )

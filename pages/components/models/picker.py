"""The choice of a model, on top of every page: beside each, what it reaches on people it never met and what it costs."""

from __future__ import annotations

import streamlit as st

from features import Modality
from models.evaluation.costs import cost_of
from models.evaluation.track_record import accuracy_of
from models.registry import BOTH, DEFAULT
from pages.components.models.own import offered
from pages.components.session.address import read_address, write_address
from pages.components.session.keys import Key

_SHOWN = {modality.noun: modality.noun for modality in Modality} | {BOTH: "both"}
_HELP = (
    "Beside each model, how many of 100 clips of people who were not in its training it names rightly (guessing: 12 or 13), and how much "
    "longer and larger an analysis is than with the default."
)


def choose_model() -> None:
    """A menu of the models, drawn where it is called; the choice holds for all pages, and its title is in the address."""
    name, models = chosen_model(), offered()
    st.menu_button(
        f"Model: {models[name].title}",
        list(models),
        key=Key.MODEL_MENU,
        format_func=lambda key: f"**{models[key].title}{' ✓' * (key == name)}** {in_short(key)}",
        on_click=_choose,
        help=_HELP,
    )
    write_address(Key.MODEL, None if name == DEFAULT else models[name].title)


def chosen_model() -> str:
    """Name of the chosen model; in the first run, of the one whose title is in the address."""
    models = offered()
    if Key.MODEL not in st.session_state:
        titles = {spec.title: name for name, spec in models.items()}
        st.session_state[Key.MODEL] = titles.get(read_address(Key.MODEL, titles) or "", DEFAULT)
    chosen: str = st.session_state[Key.MODEL]
    return chosen if chosen in models else DEFAULT


def _choose() -> None:
    st.session_state[Key.MODEL] = st.session_state[Key.MODEL_MENU]


def in_short(name: str) -> str:
    """What a model reaches on unseen people, shown a voice, a face or both, and what an analysis with it costs."""
    states = [state for state in _SHOWN if state in offered()[name].states]
    reached = [(_SHOWN[state], accuracy_of(name, state)) for state in states]
    if cost_of(name) is None and all(share is None for _, share in reached):
        return "not measured here"
    record = ", ".join(f"{shown} {'not measured' if share is None else f'{100 * share:.0f} %'}" for shown, share in reached)
    return f"Unseen people: {record} · {_cost(name)}"


def _cost(name: str) -> str:
    found = cost_of(name)
    if found is None:
        return "time not measured"
    if name == DEFAULT:
        return "the default"
    return f"{found.times:.1f} × the default's time, {found.extra_mb} MB more"

"""What is in the foreground: for which emotion, by which method in each panel."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import streamlit as st

from models.labels import LABELS
from pages.components.session.address import read_address, write_address
from pages.components.session.keys import Key

if TYPE_CHECKING:
    from pages.components.session.state import Drawer
    from xai.analysis import Analysis
    from xai.explanation import Contrast, Panel

ANY = "anything else"


@dataclass(frozen=True)
class View:
    """Attributes:
    contrast: what is explained.
    chosen: by panel, what the visitor asked for by name.
    shown: by panel, what is in the foreground now.
    """

    contrast: Contrast
    chosen: Mapping[Panel, str]
    shown: Mapping[Panel, str]


def chosen_emotion(analysis: Analysis) -> int:
    """Position of the emotion that is explained: that which the visitor or the link chose, else the predicted one."""
    if Key.EMOTION not in st.session_state:
        st.session_state[Key.EMOTION] = read_address(Key.EMOTION, LABELS)
    label = st.session_state[Key.EMOTION]
    return analysis.predicted if label is None else LABELS.index(label)


def choose_emotion(label: str | None) -> None:
    """Explain this one; None: the predicted one, whichever that will be."""
    st.session_state[Key.EMOTION] = label


def choose_rival(target: int) -> int | None:
    """A list of the other emotions."""
    others = [ANY, *[label for label in LABELS if label != LABELS[target]]]
    rival = st.selectbox("rather than", others, key=Key.RIVAL, bind="query-params", width=190, label_visibility="collapsed")
    return None if rival in (ANY, None) else LABELS.index(rival)


def view_of(kept: Drawer, target: int, rival: int | None, chosen: Mapping[Panel, str]) -> View:
    """With the methods that are in the foreground by what is known of them by now.

    Args:
        chosen: by panel, what the visitor asked for by name.
    """
    from xai.explanation import Contrast
    from xai.foreground import foreground

    write_address(Key.EMOTION, None if target == kept.analysis.predicted else LABELS[target])
    contrast = Contrast(target, rival)
    return View(contrast, chosen, foreground(kept.analysis, kept.trust(contrast), chosen))

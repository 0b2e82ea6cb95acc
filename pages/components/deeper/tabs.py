"""Everything deeper, in place below the evidence: one at a time, and only what is opened is computed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import streamlit as st

from pages.components.analyze.second import BOTH_TAB
from pages.components.analyze.view import View
from pages.components.deeper.agreement import show_agreement
from pages.components.deeper.all_models import show_all_models
from pages.components.deeper.checks import show_all_checks
from pages.components.deeper.export import show_export
from pages.components.deeper.frames import show_all_frames
from pages.components.deeper.libraries import show_libraries
from pages.components.deeper.numbers import show_numbers
from pages.components.deeper.sound import show_sound
from pages.components.deeper.stages import show_stages
from pages.components.deeper.what_if import show_what_if
from pages.components.models.side_by_side import show_both
from pages.components.player.player import show_player
from pages.components.session.keys import Key
from pages.components.session.state import Drawer, Recording
from pages.components.session.wording import technical


@dataclass(frozen=True)
class _Tab:
    """Attributes:
    title: of the tab, and its name in the address.
    draw: what it shows.
    panel: the panel that must be there for it.
    technical: only in technical words.
    """

    title: str
    draw: Callable[[Drawer, View, Recording], None]
    panel: str | None = None
    technical: bool = False


_TABS = (
    _Tab("Player", lambda kept, view, recording: show_player(kept, recording, view.contrast, list(view.shown.values()))),
    _Tab("All frames", lambda kept, view, recording: show_all_frames(kept, view), "saw"),
    _Tab("Listen", lambda kept, view, recording: show_sound(kept, view), "heard"),
    _Tab("Numbers", lambda kept, view, recording: show_numbers(kept, view), "weighed"),
    _Tab("Checks", lambda kept, view, recording: show_all_checks(kept, view)),
    _Tab("What if", lambda kept, view, recording: show_what_if(kept, view.contrast.target)),
    _Tab(BOTH_TAB, lambda kept, view, recording: show_both(kept, recording)),
    _Tab("All models", lambda kept, view, recording: show_all_models(recording, kept, view.contrast)),
    _Tab("Every stage", lambda kept, view, recording: show_stages(kept.analysis), technical=True),
    _Tab("Agreement", lambda kept, view, recording: _agreement(kept, view), technical=True),
    _Tab("Take it home", lambda kept, view, recording: show_export(kept, view, recording)),
)


def show_deeper(kept: Drawer, view: View, recording: Recording) -> None:
    """A row of names; the one that is pressed opens below, and closes when it is pressed again."""
    tabs = {tab.title: tab for tab in _TABS if _offered(tab, view)}
    with st.container(key="deeper"):
        opened = st.segmented_control("Look deeper", list(tabs), key=Key.TAB, bind="query-params", label_visibility="collapsed")
        if opened in tabs:
            tabs[opened].draw(kept, view, recording)


def _offered(tab: _Tab, view: View) -> bool:
    panels: set[str] = {str(panel) for panel in view.shown}
    return (tab.panel is None or tab.panel in panels) and (technical() or not tab.technical)


def _agreement(kept: Drawer, view: View) -> None:
    show_agreement(kept, view.contrast)
    show_libraries(kept)

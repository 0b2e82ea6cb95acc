"""A second opinion below the verdict, in one line that opens both models with their evidence."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from models.registry import MODELS
from pages.components.analyze.jobs import second_key
from pages.components.session.keys import Key

if TYPE_CHECKING:
    from pages.components.session.state import Drawer, Recording
    from xai.model_level.second_opinion import Opinion

BOTH_TAB = "Second opinion"
"""The tab that shows both models: its title, and its name in the address."""
_TO_BOTH = "<script>document.querySelector('.st-key-deeper')?.scrollIntoView({behavior: 'smooth'})</script>"


def show_second(kept: Drawer, recording: Recording) -> None:
    """What another model says; while it is asked, who is. Each is as high as the others, so that nothing moves when it arrives."""
    key, second = second_key(kept), kept.second
    with st.container(key=Key.SECOND):
        if second is None and kept.work.postponed(key):
            _again("No second opinion: the server is busy. Ask for it now", kept)
        elif second is None and kept.work.failed(key):
            _again("The other model could not be asked. Try again", kept)
        elif second is None:
            st.caption(f":material/hourglass_top: Second opinion: {_asking(kept, recording)}")
        elif isinstance(second, str):
            st.caption(second)
        else:
            _show(second)


def _again(words: str, kept: Drawer) -> None:
    st.button(words, key=Key.SHOW_BOTH, on_click=kept.work.again, args=(second_key(kept),), type="tertiary", wrap=True)


def _asking(kept: Drawer, recording: Recording) -> str:
    from xai.model_level.second_opinion import whom_to_ask

    name = whom_to_ask(kept.analysis, recording.audio, recording.video)
    return f"asking *{MODELS[name].title}*…" if name else "…"


def _show(opinion: Opinion) -> None:
    """One button as wide as the line; where the models disagree, it is marked as what to beware of."""
    from xai.render.text import in_one_line

    icon = ":material/warning: " if opinion.disagrees else ""
    with st.container(key=f"{Key.SECOND}-{'disagrees' if opinion.disagrees else 'agrees'}"):
        words = f"{icon}{in_one_line(opinion, markdown=True)} :primary[Show\N{NO-BREAK SPACE}both]"
        st.button(words, key=Key.SHOW_BOTH, on_click=_open_both, type="tertiary", wrap=True)
    st.html(f'<div class="em-hidden" role="status" aria-live="polite">{in_one_line(opinion)}</div>')


def _open_both() -> None:
    st.session_state[Key.TAB] = BOTH_TAB
    st.session_state[Key.JUMP] = True


def jump_to_both() -> None:
    """Bring what was just opened into sight."""
    if st.session_state.pop(Key.JUMP, False):
        st.html(_TO_BOTH, unsafe_allow_javascript=True)

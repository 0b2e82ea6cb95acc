"""How far each explanation on screen can be trusted, check by check."""

from __future__ import annotations

import streamlit as st

from pages.components.analyze.trust import badge_of, show_trust, title_of
from pages.components.analyze.view import View
from pages.components.session.state import Drawer
from pages.components.session.wording import technical


def show_all_checks(kept: Drawer, view: View) -> None:
    """Every explanation that was computed, those in the foreground first."""
    from xai.methods import METHODS

    st.caption("The badges judge the explanations, not the answer: a wrong answer can be explained well.")
    found, shown = kept.trust(view.contrast), list(view.shown.values())
    for method in [*shown, *(key for key in kept.analysis.attributions if key not in shown)]:
        title = title_of(METHODS[method].panel) + (f", by {METHODS[method].title}" if technical() else "")
        st.markdown(f"### {title}{'' if method in shown else ' (in the background)'}")
        if method not in found:
            st.caption("Not checked." if kept.work.failed(method) else "Not checked yet.")
            continue
        st.markdown(badge_of(found[method]))
        show_trust(found[method], method, f"all-{method}")

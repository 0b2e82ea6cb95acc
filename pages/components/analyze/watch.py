"""Watches what is computed beside the page, and draws the page anew when something of it is ready."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

if TYPE_CHECKING:
    from pages.components.session.state import Drawer

_EVERY = 0.5  # seconds


def watch(kept: Drawer, drawn: int) -> None:
    """Twice a second while there is work: what is done now, in words; the whole page anew if more is ready than was drawn.

    Args:
        drawn: the work's version when the page began to be drawn.
    """
    every = _EVERY if kept.work.left or kept.work.version != drawn else None
    st.fragment(_tick, run_every=every)(kept, drawn)


def _tick(kept: Drawer, drawn: int) -> None:
    kept.work.go_on()
    if kept.work.version != drawn:
        st.rerun()
    words = kept.work.words if kept.work.left else ""
    st.caption(f":material/hourglass_top: {words or 'Checking…'}" if kept.work.left else " ")

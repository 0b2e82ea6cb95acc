"""Plain or technical: one switch for all pages."""

from __future__ import annotations

import streamlit as st

from pages.components.session.keys import Key


def technical() -> bool:
    """Whether the visitor wants the terms of the field and every number; plain words otherwise."""
    return bool(st.session_state.get(Key.TECHNICAL))

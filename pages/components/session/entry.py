"""The way in: every page goes through ``app.py``, and a link straight to a page arrives there with all that it says."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from pages.components.session.keys import Key


def require_app(file: str) -> None:
    """Begin at ``app.py`` if that was left out, and come back to this page.

    Streamlit takes ``pages/`` for its older kind of navigation until ``st.navigation`` was called once, and so runs the page alone on a
    server that has just started.

    Args:
        file: the page's ``__file__``.
    """
    if Key.APP not in st.session_state:
        st.session_state[Key.ADDRESS] = Path(file).name, st.query_params.to_dict()
        st.switch_page("app.py")


def go_on() -> None:
    """From the root of the address to the page that was asked for, else to the first one."""
    page, parameters = st.session_state.pop(Key.ADDRESS, ("analyze.py", st.query_params.to_dict()))
    st.switch_page(f"pages/{page}", query_params=parameters)

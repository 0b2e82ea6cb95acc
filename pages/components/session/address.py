"""What the address of the page holds, so that a link shows the same view; widgets that are bound to it keep theirs by themselves."""

from __future__ import annotations

from collections.abc import Container

import streamlit as st


def read_address(key: str, allowed: Container[str]) -> str | None:
    """The value in the address; None where there is none, or one that is not among those allowed."""
    value = st.query_params.get(key)
    return value if value is not None and value in allowed else None


def write_address(key: str, value: str | None) -> None:
    """Put it there, or take it away."""
    if value is None:
        st.query_params.pop(key, None)
    elif st.query_params.get(key) != value:
        st.query_params[key] = value

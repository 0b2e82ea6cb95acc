"""Charts on a page, all drawn in the same way."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

if TYPE_CHECKING:
    import plotly.graph_objects as go
    from streamlit.delta_generator import DeltaGenerator

_CONFIG = {"displayModeBar": False, "scrollZoom": False}


def draw(figure: go.Figure, key: str, alt: str, place: DeltaGenerator | None = None) -> None:
    """Show a figure, with what screen readers say of it.

    Args:
        alt: what a screen reader says instead.
        place: where; below what is there, if None.
    """
    (place or st).plotly_chart(figure, config=_CONFIG, key=key, alt=alt)

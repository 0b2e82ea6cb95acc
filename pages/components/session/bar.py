"""The bar on top of every page: what is shown on the left, the model and the kind of words on the right."""

from __future__ import annotations

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from pages.components.models.picker import choose_model
from pages.components.session.keys import Key

_PAGES = {"analyze": "Analyze", "models": "Models", "how_it_works": "How it works", "about": "About"}


def top_bar() -> DeltaGenerator:
    """Draw it; what belongs to the page goes into the container that is returned."""
    with st.container(key="pages-of-a-phone", horizontal=True, gap="small"):
        for page, title in _PAGES.items():
            st.page_link(f"pages/{page}.py", label=title)
    with st.container(key="bar", horizontal=True, vertical_alignment="center"):
        own = st.container(key="bar-own", horizontal=True, vertical_alignment="center")
        with st.container(key="bar-all", horizontal=True, vertical_alignment="center", width="content"):
            choose_model()
            st.toggle(
                "Technical",
                key=Key.TECHNICAL,
                bind="query-params",
                help="Off: plain words. On: the terms of the field, every number, every stage, and the code that makes it again.",
            )
    return own

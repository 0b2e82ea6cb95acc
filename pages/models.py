"""The chosen model: how often it is right, what it learned, how it compares."""

import streamlit as st

from models.registry import MODELS
from pages.components.models.card import show_model_card
from pages.components.models.picker import chosen_model, require_app
from pages.components.models.scores import show_scores
from pages.components.models.side_by_side import show_side_by_side
from pages.components.models.views import show_map, show_summary
from pages.components.session.keys import Key

require_app()
VIEWS = {
    "How good is it": show_scores,
    "Map of clips": show_map,
    "What it weighs": show_summary,
    "Two models, one clip": show_side_by_side,
    "Card": show_model_card,
}
name = chosen_model()
st.title("Models")
st.caption(f"**{MODELS[name].title}.** {MODELS[name].what} {MODELS[name].why} Choose another in the sidebar.")
view = st.segmented_control("View", list(VIEWS), default=next(iter(VIEWS)), key=Key.VIEW, label_visibility="collapsed")
VIEWS[view or next(iter(VIEWS))](name)

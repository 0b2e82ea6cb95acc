"""All models in one table; and the chosen one: how often it is right, what it learned, how it compares."""

from importlib import import_module

import streamlit as st

from models.registry import MODELS
from pages.components.models.own import offered
from pages.components.models.picker import chosen_model
from pages.components.session.bar import top_bar
from pages.components.session.entry import require_app
from pages.components.session.keys import Key

require_app(__file__)
top_bar()
# By the name of a view, where it is: imported when it is shown, as charts are heavy.
VIEWS = {
    "All models": "leaderboard:show_leaderboard",
    "How good is it": "scores:show_scores",
    "Map of clips": "views:show_map",
    "What it weighs": "views:show_summary",
    "Two models, one clip": "side_by_side:show_side_by_side",
    "Card": "card:show_model_card",
    "Bring your own": "bring_your_own:show_bring_your_own",
}
NOT_OF_BROUGHT = ("How good is it", "Map of clips", "What it weighs")
name = chosen_model()
chosen = offered()[name]
st.title("Models")
st.caption(f"**{chosen.title}.** {chosen.what} {chosen.why}")
view = st.segmented_control(
    "View", list(VIEWS), default=next(iter(VIEWS)), key=Key.VIEW, label_visibility="collapsed", required=True, bind="query-params"
)
if name in MODELS or view not in NOT_OF_BROUGHT:
    module, _, function = VIEWS[view].partition(":")
    getattr(import_module(f"pages.components.models.{module}"), function)(name)
else:
    st.info("Not known of a model that was brought along: it was not measured here, and its layers cannot be looked at.")

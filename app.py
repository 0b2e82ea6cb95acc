"""EmoLens: ``streamlit run app.py``."""

from pathlib import Path

import streamlit as st

from pages.components.session.keys import Key
from pages.components.session.uploads import keep_uploads_in_memory
from pages.components.session.warmup import start_warming

st.set_page_config(page_title="EmoLens", page_icon="pages/assets/icon.svg", layout="wide", initial_sidebar_state="collapsed")
st.logo("pages/assets/logo.svg", size="large")
st.html(Path("pages/assets/look.css"))
keep_uploads_in_memory()
start_warming()
st.session_state[Key.APP] = True
st.navigation(
    [
        st.Page("pages/start.py", title="EmoLens", default=True, visibility="hidden"),
        st.Page("pages/analyze.py", title="Analyze", icon=":material/search_insights:"),
        st.Page("pages/models.py", title="Models", icon=":material/model_training:"),
        st.Page("pages/how_it_works.py", title="How it works", icon=":material/schema:"),
        st.Page("pages/about.py", title="About and limits", icon=":material/info:"),
    ],
    position="top",
).run()

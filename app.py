"""EmoLens: ``streamlit run app.py``."""

import streamlit as st

from pages.components.models.picker import choose_model
from pages.components.session.uploads import keep_uploads_in_memory
from pages.components.session.warmup import start_warming

st.set_page_config(page_title="EmoLens", page_icon="pages/assets/icon.svg", layout="wide")
st.logo("pages/assets/logo.svg", size="large")
keep_uploads_in_memory()
start_warming()
page = st.navigation(
    [
        st.Page("pages/analyze.py", title="Analyze", icon=":material/search_insights:", default=True),
        st.Page("pages/models.py", title="Models", icon=":material/model_training:"),
        st.Page("pages/how_it_works.py", title="How it works", icon=":material/schema:"),
        st.Page("pages/about.py", title="About and limits", icon=":material/info:"),
    ]
)
choose_model()
page.run()

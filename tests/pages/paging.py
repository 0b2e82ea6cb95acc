"""An app whose page a test can turn: AppTest.switch_page runs a file of the folder ``pages/`` without ``app.py``."""

from streamlit.testing.v1 import AppTest

from tests.conftest import ROOT

_SCRIPT = f"""
import runpy
import streamlit as st
from pages.components.models.picker import choose_model

choose_model()
runpy.run_path({str(ROOT / "pages")!r} + "/" + st.session_state.get("turned to", "analyze") + ".py")
"""


def open_at(page: str) -> AppTest:
    app = AppTest.from_string(_SCRIPT, default_timeout=120)
    return turn(app, page)


def turn(app: AppTest, page: str) -> AppTest:
    app.session_state["turned to"] = page
    return app.run()

"""An app whose page a test can turn (AppTest.switch_page runs a file of the folder ``pages/`` without ``app.py``), and what it shows."""

from collections.abc import Mapping

from streamlit.testing.v1 import AppTest

from pages.components.session.keys import Key
from tests.conftest import ROOT

_SCRIPT = f"""
import runpy
import streamlit as st
from pages.components.session.keys import Key

st.session_state[Key.APP] = True
runpy.run_path({str(ROOT / "pages")!r} + "/" + st.session_state.get("turned to", "analyze") + ".py")
"""


def open_at(page: str, address: Mapping[str, str] | None = None) -> AppTest:
    app = AppTest.from_string(_SCRIPT, default_timeout=120)
    for key, value in (address or {}).items():
        app.query_params[key] = value
    return turn(app, page)


def turn(app: AppTest, page: str) -> AppTest:
    app.session_state["turned to"] = page
    return app.run()


def widget(elements, key: str):
    """The first widget whose key starts with ``key``."""
    return next(element for element in elements if (element.key or "").startswith(key))


def choose_sample(app: AppTest, key: str = "synthetic") -> AppTest:
    """As a click in the gallery, which is folded away beside a result."""
    if not any((button.key or "").startswith(f"{Key.SAMPLE}-pick") for button in app.button):
        widget(app.button, Key.CHANGE).click().run()
    return widget(app.button, f"{Key.SAMPLE}-pick-{key}").click().run()


def choose_model(app: AppTest, name: str) -> AppTest:
    """As a choice in the menu on top."""
    return widget(app.menu_button, Key.MODEL_MENU).set_value(name).run()


def ask_why(app: AppTest, label: str) -> AppTest:
    """As a click on a bar, which is no widget that AppTest knows."""
    app.session_state[Key.EMOTION] = label
    return app.run()


def open_tab(app: AppTest, title: str) -> AppTest:
    """One of the row below the evidence."""
    app.session_state[Key.TAB] = title
    return app.run()


def texts(app: AppTest) -> str:
    """All that is written, HTML and the labels of what opens included."""
    groups = (app.markdown, app.caption, app.info, app.warning, app.error, app.title, app.header, app.subheader)
    written = [str(element.value) for group in groups for element in group]
    return "\n".join([*written, *styles(app), *opening(app)])


def styles(app: AppTest) -> list[str]:
    """What is drawn as HTML, style sheets among it."""
    return [element.proto.body for element in app.get("html")]


def opening(app: AppTest) -> list[str]:
    """Labels of popovers: badges among them."""
    return [block.proto.popover.label for block in app.get("popover")]


def badges(app: AppTest, words: str) -> int:
    """How many badges say that."""
    return sum(words in label for label in opening(app))

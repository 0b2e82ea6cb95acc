"""What all tests of pages share."""

import numpy as np
import pytest
import streamlit
from streamlit.runtime.caching import cache_resource_api
from streamlit.runtime.scriptrunner import get_script_run_ctx

from pages.components.session import state
from pages.components.session.work import Work
from xai.explanation import Attribution, FrameCells
from xai.methods.occlusion import Occlusion
from xai.metrics.measures import FIT
from xai.score import Score, Trust

QUICK = Trust((Score(FIT, 0.9),))


def _no_heat(subject) -> Attribution:
    return Attribution(Occlusion.key, np.zeros((8, *subject.features.video.maps[:, 0].shape)), FrameCells())


@pytest.fixture(autouse=True)
def quick_checks(request, monkeypatch):
    """Checks of explanations take seconds, as does occlusion: here they are green at once, unless a test is marked ``real_checks``."""
    if "real_checks" not in request.keywords:
        monkeypatch.setattr(Occlusion, "explain", lambda self, subject, seed=0, say=None: _no_heat(subject))
        monkeypatch.setattr("xai.analysis.check_one", lambda analysis, method, contrast, say=None: QUICK)


@pytest.fixture(autouse=True)
def work_at_once(monkeypatch):
    """What is computed beside the page is ready when the page is: a test that waits proves nothing more."""
    monkeypatch.setattr(Work, "_start", Work._loop)


@pytest.fixture(autouse=True)
def no_links(monkeypatch):
    """AppTest knows no other pages, so that a link to one is an error; browsers follow them in their tests."""
    monkeypatch.setattr("streamlit.page_link", lambda page, label: None)


@pytest.fixture(autouse=True)
def visitors(monkeypatch):
    """AppTest gives all its sessions one name, as if they were one visitor. Here each has its own, and leaves after the test."""
    sessions = {}

    def visitor() -> str:
        session = get_script_run_ctx().session_state._state
        sessions[id(session)] = session  # so that no other can get its id
        return f"visitor {id(session)}"

    monkeypatch.setattr(cache_resource_api, "get_session_id_or_throw", visitor)
    yield
    for name in sessions:
        cache_resource_api.clear_session_cache(f"visitor {name}")


@pytest.fixture
def drawers(monkeypatch) -> list[state.Drawer]:
    """All that are made, in order."""
    made = []

    class Watched(state.Drawer):
        def __init__(self, *given, **named) -> None:
            super().__init__(*given, **named)
            made.append(self)

    monkeypatch.setattr(state, "Drawer", Watched)
    return made


@pytest.fixture
def offered(monkeypatch) -> dict:
    """What every button for a download was given, by its key."""
    given, real = {}, streamlit.delta_generator.DeltaGenerator.download_button

    def watched(self, label, data, *arguments, key=None, **named):
        given[key] = data
        return real(self, label, data, *arguments, key=key, **named)

    monkeypatch.setattr(streamlit.delta_generator.DeltaGenerator, "download_button", watched)
    monkeypatch.setattr(streamlit, "download_button", lambda *arguments, **named: watched(streamlit._main, *arguments, **named))
    return given

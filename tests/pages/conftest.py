"""What all tests of pages share."""

import pytest
from streamlit.runtime.caching import cache_resource_api
from streamlit.runtime.scriptrunner import get_script_run_ctx

from pages.components.session import state
from xai.score import FIT, Score, Trust

QUICK = Trust((Score(FIT, 0.9),))


@pytest.fixture(autouse=True)
def quick_checks(request, monkeypatch):
    """Checks of explanations take seconds: here they are green at once, unless a test is marked ``real_checks``."""
    if "real_checks" not in request.keywords:
        monkeypatch.setattr("xai.analysis.check_one", lambda analysis, method, contrast, say=None: QUICK)


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

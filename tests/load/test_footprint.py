"""One gigabyte is enough: what an analysis takes beyond torch itself, in fresh processes."""

import sys

import pytest

from tests.conftest import ROOT
from tests.load.footprint import _ANALYSIS, _FILES, _FLOOR, _fresh


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_an_analysis_takes_at_most_350_mb_more_than_torch():
    _, floor = _fresh(_FLOOR)
    _, peak = _fresh(_FILES + _ANALYSIS)
    assert peak - floor < 350


def test_an_analysis_loads_no_library_that_only_others_need():
    """Each of them is tens of megabytes."""
    unwanted = "pandas sklearn skimage shap lime matplotlib scipy.signal scipy.stats streamlit pytorch_grad_cam"
    check = f"import sys\nfound = [name for name in {unwanted.split()} if name in sys.modules]\nassert not found, found\n"
    _fresh(_FILES + _ANALYSIS + check)


_PAGE = """
import sys
from pages.components.session import warmup
warmup.start_warming = lambda: None  # that loads torch, beside the page
from streamlit.testing.v1 import AppTest
app = AppTest.from_file(ROOT + "/app.py", default_timeout=60).run()
if PAGE:
    app.switch_page(f"{ROOT}/pages/{PAGE}.py").run()
assert not app.exception and app.title[0].value == TITLE, app
found = [name for name in HEAVY.split() if name in sys.modules]
assert not found, found
"""


@pytest.mark.parametrize(
    ("page", "title", "heavy"),
    [
        ("", "What does the model recognise, and why?", "torch sklearn matplotlib pandas shap scipy.signal"),
        ("models", "Models", "torch sklearn matplotlib shap scipy.signal"),
        ("about", "About and limits", "torch sklearn matplotlib pandas shap scipy.signal"),
    ],
)
def test_a_page_opens_without_what_is_heavy(page, title, heavy):
    """Whoever comes there first need not wait for it to be loaded."""
    _fresh(f"ROOT, PAGE, TITLE, HEAVY = {str(ROOT)!r}, {page!r}, {title!r}, {heavy!r}\n{_PAGE}")

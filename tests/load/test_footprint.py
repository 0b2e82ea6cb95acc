"""One gigabyte is enough: what an analysis takes beyond torch itself, in fresh processes."""

import sys

import pytest

from tests.load.footprint import _ANALYSIS, _FILES, _FLOOR, _fresh


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_an_analysis_takes_at_most_300_mb_more_than_torch():
    _, floor = _fresh(_FLOOR)
    _, peak = _fresh(_FILES + _ANALYSIS)
    assert peak - floor < 300


def test_an_analysis_loads_no_library_that_only_others_need():
    """Each of them is tens of megabytes."""
    unwanted = "pandas sklearn skimage shap lime matplotlib scipy.signal scipy.stats streamlit pytorch_grad_cam"
    check = f"import sys\nfound = [name for name in {unwanted.split()} if name in sys.modules]\nassert not found, found\n"
    _fresh(_FILES + _ANALYSIS + check)


def test_the_page_models_opens_without_torch():
    """Whoever comes there first need not wait for it to be loaded."""
    parts = ", ".join(f"pages.components.{name}" for name in ("model_scores", "model_card", "model_views", "side_by_side"))
    _fresh(f"import sys, {parts}\nassert 'torch' not in sys.modules")

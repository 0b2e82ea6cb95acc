"""Checks of explanations take seconds: tests of pages get a quick green answer, unless they are marked ``real_checks``."""

import pytest

from xai.score import FIT, Score, Trust

QUICK = Trust((Score(FIT, 0.9),))


@pytest.fixture(autouse=True)
def quick_checks(request, monkeypatch):
    if "real_checks" not in request.keywords:
        monkeypatch.setattr("xai.assess.assess_one", lambda question, name: QUICK)

"""The examples in docstrings do what they say."""

import doctest
import importlib

import pytest

from tests.conftest import ROOT
from tests.test_house import product

FEWEST = 8  # public functions and classes with an example
MODULES = sorted(module for module, path in product().items() if ">>>" in path.read_text(encoding="utf-8"))


def examples(module: str) -> list[doctest.DocTest]:
    return [test for test in doctest.DocTestFinder().find(importlib.import_module(module), module) if test.examples]


@pytest.mark.parametrize("module", MODULES)
def test_examples_give_what_they_show(module, monkeypatch):
    """From the folder in which a reader of the README stands."""
    monkeypatch.chdir(ROOT)
    runner, said = doctest.DocTestRunner(), []
    for test in examples(module):
        runner.run(test, out=said.append)
    assert "".join(said) == ""
    assert runner.summarize(verbose=False).attempted > 0


def test_the_main_functions_have_an_example():
    public = {test.name for module in MODULES for test in examples(module) if not test.name.rsplit(".", 1)[-1].startswith("_")}
    assert len(public) >= FEWEST
    assert public >= {
        "features.audio.mfcc_features",
        "features.extract.extract",
        "features.space.FeatureSpace",
        "models.checkpoint.load_model",
        "xai.analysis.analyse",
        "xai.explanation.Contrast",
        "xai.render.export.to_dict",
        "xai.render.text.in_words",
    }


def test_a_wrong_example_is_noticed(monkeypatch):
    """A runner that ran nothing would find nothing wrong."""
    monkeypatch.setattr("models.labels.label_index.__doc__", ">>> label_index('calm')\n2\n")
    with pytest.raises(AssertionError, match="Expected:"):
        test_examples_give_what_they_show("models.labels", monkeypatch)

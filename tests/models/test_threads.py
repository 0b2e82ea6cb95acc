"""Weights do not depend on how many cores there are."""

import pytest
import torch
from threadpoolctl import threadpool_info

import models.evaluation.cross_validation
import models.train
from models.evaluation.cross_validation import Corpus, Laboratory
from models.threads import one_thread


def counts() -> set[int]:
    return {torch.get_num_threads(), *(pool["num_threads"] for pool in threadpool_info())}


@pytest.fixture
def two_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("two_threads")
def test_inside_there_is_one_and_afterwards_what_was_before():
    before = counts()
    with one_thread():
        assert counts() == {1}
    assert counts() == before
    with pytest.raises(ZeroDivisionError), one_thread():
        raise ZeroDivisionError
    assert counts() == before


@pytest.mark.usefixtures("two_threads")
def test_trainings_have_one(published, cache, tmp_path, monkeypatch):
    """Those that are scored, and those that are kept; what they draw from is made with one, too."""
    met = []
    for module, name in (
        (models.evaluation.cross_validation, "learn"),
        (models.evaluation.cross_validation, "samples"),
        (models.train, "learn"),
        (models.train, "samples"),
    ):
        usual = getattr(module, name)
        monkeypatch.setattr(module, name, lambda *args, usual=usual: met.append(counts()) or usual(*args))
    lab = Laboratory(Corpus(published, cache, 0))
    lab.run("actor-5fold", 0, ["linear"], {}, False)
    where = ["--data", str(published), "--cache", str(cache), "--out", str(tmp_path)]
    assert models.train.main([*where, "--seeds", "0", "--model", "linear", "--ferplus", "0"]) == 0
    assert met == [{1}] * 4

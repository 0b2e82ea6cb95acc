"""Weights do not depend on the number of cores; the server takes no more threads than it was given cores."""

import pytest
import torch
from threadpoolctl import threadpool_info, threadpool_limits

import models.evaluation.cross_validation
import models.train
from models import threads
from models.evaluation.cross_validation import Corpus, Evaluator
from models.threads import one_thread, own_cores, serving_threads


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
    """Those that are scored, and those that are kept; their training set is made with one, too."""
    met = []
    for module, name in (
        (models.evaluation.cross_validation, "learn"),
        (models.evaluation.cross_validation, "make_training_set"),
        (models.train, "learn"),
    ):
        usual = getattr(module, name)
        monkeypatch.setattr(module, name, lambda *args, usual=usual: met.append(counts()) or usual(*args))
    evaluator = Evaluator(Corpus(published, cache, 0))
    evaluator.run("actor-5fold", 0, ["linear"], {}, False)
    where = ["--data", str(published), "--cache", str(cache), "--out", str(tmp_path)]
    assert models.train.main([*where, "--seeds", "0", "--model", "linear", "--ferplus", "0"]) == 0
    assert met == [{1}] * 4


@pytest.mark.parametrize(("quota", "cores"), [("max 100000", 8), ("200000 100000", 2), ("50000 100000", 1), ("900000 100000", 8)])
def test_cores_of_a_container(quota, cores, tmp_path, monkeypatch):
    (tmp_path / "cpu.max").write_text(f"{quota}\n", encoding="ascii")
    monkeypatch.setattr(threads, "_QUOTA", tmp_path / "cpu.max")
    monkeypatch.setattr(threads.os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
    assert own_cores() == cores


def test_a_system_without_quotas(tmp_path, monkeypatch):
    monkeypatch.setattr(threads, "_QUOTA", tmp_path / "nothing")
    monkeypatch.setattr(threads.os, "sched_getaffinity", lambda _: set(range(3)), raising=False)
    assert own_cores() == 3


@pytest.mark.parametrize(("usual", "cores", "wanted"), [(64, 32, 4), (64, 2, 2), (1, 8, 1)])
def test_serving_caps_torch(usual, cores, wanted, monkeypatch):
    capped = []
    monkeypatch.setattr(torch, "get_num_threads", lambda: usual)
    monkeypatch.setattr(torch, "set_num_threads", capped.append)
    monkeypatch.setattr(threads, "own_cores", lambda: cores)
    with threadpool_limits():  # gives back what is changed here
        serving_threads()
    assert capped == [wanted]


@pytest.mark.usefixtures("two_threads")
def test_serving_gives_blas_one_thread_and_leaves_torch_its_own(monkeypatch):
    monkeypatch.setattr(threads, "own_cores", lambda: 2)

    def blas() -> set[int]:
        return {pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"}

    with threadpool_limits(2, user_api="blas"):
        assert blas() == {2}
        serving_threads()
        assert blas() == {1}
        assert torch.get_num_threads() == 2

"""The server takes no more threads than it was given cores."""

import pytest

from pages.components import warmup


@pytest.mark.parametrize(("quota", "cores"), [("max 100000", 8), ("200000 100000", 2), ("50000 100000", 1), ("900000 100000", 8)])
def test_cores_of_a_container(quota, cores, tmp_path, monkeypatch):
    (tmp_path / "cpu.max").write_text(f"{quota}\n", encoding="ascii")
    monkeypatch.setattr(warmup, "_QUOTA", tmp_path / "cpu.max")
    monkeypatch.setattr(warmup.os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
    assert warmup._our_cores() == cores


def test_a_system_without_quotas(tmp_path, monkeypatch):
    monkeypatch.setattr(warmup, "_QUOTA", tmp_path / "nothing")
    monkeypatch.setattr(warmup.os, "sched_getaffinity", lambda _: set(range(3)), raising=False)
    assert warmup._our_cores() == 3


def test_torch_is_capped(monkeypatch):
    import torch

    capped = []
    monkeypatch.setattr(torch, "get_num_threads", lambda: 64)
    monkeypatch.setattr(torch, "set_num_threads", capped.append)
    monkeypatch.setattr(warmup, "_our_cores", lambda: 32)
    warmup._warm()
    assert capped == [4]

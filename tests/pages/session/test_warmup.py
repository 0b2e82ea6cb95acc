"""The server takes no more threads than it was given cores."""

import subprocess
import sys

import pytest

from pages.components.session import warmup
from tests.conftest import ROOT


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


_ARENAS = """
import re, sys, threading
from pathlib import Path
from pages.components.session import warmup
if sys.argv[1] == "shared":
    warmup._share_memory()
start, done = threading.Barrier(16), threading.Barrier(17)
def work():
    start.wait()
    kept = [bytearray(1000) for _ in range(3000)]
    done.wait(); done.wait()
threads = [threading.Thread(target=work) for _ in range(16)]
before = int(re.search(r"VmSize:\\s+(\\d+)", Path("/proc/self/status").read_text())[1])
[thread.start() for thread in threads]
done.wait()
print((int(re.search(r"VmSize:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) - before) // 1024)
done.wait()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="glibc's arenas")
def test_threads_share_their_memory():
    """An arena reserves 64 MB of addresses; 16 threads that allocate at once would have one each."""
    grown = {
        how: int(subprocess.run([sys.executable, "-c", _ARENAS, how], capture_output=True, text=True, check=True, cwd=ROOT).stdout)
        for how in ("own", "shared")
    }
    assert grown["own"] - grown["shared"] > 2 * 64, grown

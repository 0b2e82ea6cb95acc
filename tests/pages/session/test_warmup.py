"""The server takes no more threads than it was given cores."""

import re
import subprocess
import sys

import pytest

from pages.components.session import warmup
from tests.conftest import ROOT


def test_threads_are_set_once_everything_is_loaded(monkeypatch):
    """BLAS libraries that come later are not limited."""
    done = []
    monkeypatch.setattr("models.threads.serving_threads", lambda: done.append("xai.analysis" in sys.modules))
    monkeypatch.setattr("models.checkpoint.load_model", lambda: done.append("model"))
    monkeypatch.setattr("models.networks.backbone.load_backbone", lambda: done.append("backbone"))
    warmup._warm()
    assert done == [True, "model", "backbone"]


def test_nothing_else_sets_threads():
    """Not the pages, whose runs are threads themselves."""
    calls = re.compile(r"set_num_threads|threadpool_limits|OMP_NUM_THREADS")
    assert [path for path in [ROOT / "app.py", *(ROOT / "pages").rglob("*.py")] if calls.search(path.read_text(encoding="utf-8"))] == []


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

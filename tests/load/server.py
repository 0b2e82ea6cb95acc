"""The app as a process of its own, watched from outside."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.conftest import ROOT
from tests.load.small_host import SmallHost


@dataclass(frozen=True)
class Server:
    """A running app: where it listens, its process, and what it wrote to standard output and error."""

    port: int
    process: subprocess.Popen
    log: Path

    def memory(self, what: str = "VmHWM") -> float:
        """Megabytes: at most so far (VmHWM) or now (VmRSS). Linux only."""
        status = Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii", errors="replace")
        found = re.search(rf"{what}:\s+(\d+)", status)
        return int(found[1]) / 1024 if found else 0.0

    def open_files(self) -> set[str]:
        """What the process holds open, by name; deleted files are named as such. Linux only."""
        names = set()
        for link in Path(f"/proc/{self.process.pid}/fd").iterdir():
            try:
                names.add(os.readlink(link))
            except OSError:  # closed since
                continue
        return names


@contextmanager
def serving(
    log: Path, environment: Mapping[str, str] | None = None, host: SmallHost | None = None, root: Path = ROOT, script: str = "app.py"
) -> Iterator[Server]:
    """The app on a free port of this machine, until the end of the block.

    Args:
        host: it gets no more memory than this one has.
        root: of the checkout; script: what is run there.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "streamlit", "run", script, "--server.headless", "true", "--server.address", "127.0.0.1"]
    with log.open("wb") as out:
        process = subprocess.Popen(
            [*command, "--server.port", str(port)], cwd=root, stdout=out, stderr=out, env={**os.environ, **(environment or {})}
        )
    try:
        if host is not None:
            host.take(process.pid)
        _wait_for(port, process)
        yield Server(port, process, log)
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:  # a machine with other work to do
            process.kill()


def _wait_for(port: int, process: subprocess.Popen) -> None:
    for _ in range(1200):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=5):
                return
        except OSError:
            if process.poll() is not None:
                raise RuntimeError("the app did not start") from None
            time.sleep(0.05)
    raise TimeoutError("the app did not answer")

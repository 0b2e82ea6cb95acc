"""The app on a free port, and a Chromium to look at it: for tests of pages and for benchmarks."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests import browser
from tests.conftest import ROOT

ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync"]
_SECONDS = 60.0  # until the app must have started


@contextmanager
def app(root: Path = ROOT) -> Iterator[str]:
    """The address of the app of the checkout at ``root``, until the end of the block.

    Raises:
        RuntimeError: it ended at once.
        TimeoutError: it does not answer.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.headless", "true", "--server.port", str(port)]
    server = subprocess.Popen(command, cwd=root, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    url = f"http://localhost:{port}"
    try:
        _wait_for(f"{url}/_stcore/health", server)
        yield url
    finally:
        server.terminate()
        try:
            server.wait(20)
        except subprocess.TimeoutExpired:  # a machine with other work to do
            server.kill()


def _wait_for(url: str, server: subprocess.Popen) -> None:
    end = time.monotonic() + _SECONDS
    while time.monotonic() < end:
        try:
            with urllib.request.urlopen(url, timeout=1):
                return
        except OSError:
            if server.poll() is not None:
                raise RuntimeError("the app did not start") from None
            time.sleep(0.1)
    raise TimeoutError("the app did not answer")


@contextmanager
def chromium() -> Iterator[Browser | None]:
    """A headless Chromium, until the end of the block; None if this machine has none."""
    path = browser.find()
    if path is None:
        yield None
        return
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        try:
            yield found
        finally:
            found.close()


def wait_until_idle(page: Page, seconds: float = 60.0) -> None:
    """Until Streamlit runs nothing for this visitor."""
    expect(page.get_by_test_id("stStatusWidget")).to_have_count(0, timeout=1000 * seconds)

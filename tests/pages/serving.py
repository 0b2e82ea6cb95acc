"""The app on a free port, and a Chromium to look at it: for tests of pages and for benchmarks."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests import browser
from tests.conftest import ROOT
from tests.load.server import serving

ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync"]


@contextmanager
def app(root: Path = ROOT, script: str = "app.py") -> Iterator[str]:
    """The address of the app of the checkout at ``root``, or of another script that imports from it, until the end of the block."""
    with serving(Path(os.devnull), {"PYTHONPATH": str(root)}, root=root, script=script) as server:
        yield f"http://localhost:{server.port}"


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

"""``python -m tests.bench.network``: how long a visitor on a slow network waits, and for what.

The app is started and warmed up by another visitor. Then each of three visitors with an empty cache opens the page in Chromium at
1.6 Mbit/s and 150 ms (Network.emulateNetworkConditions of the DevTools protocol; Chromium slows WebSockets too) and taps the sample.
``--base DIR`` does the same with another checkout first: before and after in one run.
"""

from __future__ import annotations

import argparse
import re
import statistics
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from playwright.sync_api import Browser, CDPSession, Locator, Page

from tests.bench.columns import compare, report
from tests.pages.serving import app, chromium

_SAMPLE = re.compile("^(play_circle )?(Try the sample|Try it)")  # the name of a button may begin with that of its icon
_HEADLINE = re.compile("The model recognises|The model is undecided|Not to be asked")
_CHART = ".js-plotly-plot .main-svg, [data-emolens-bars], [class*=st-key-bars]"
_SECONDS = 180  # for one step
_MB = 1e6


@dataclass(frozen=True)
class Line:
    """A network connection: kilobits per second down and up, milliseconds until an answer begins."""

    down: float = 1600
    up: float = 750
    latency: float = 150

    def slow(self, session: CDPSession) -> None:
        """Apply it to the page of a DevTools session."""
        rates = {"downloadThroughput": self.down * 1000 / 8, "uploadThroughput": self.up * 1000 / 8}
        session.send("Network.emulateNetworkConditions", {"offline": False, "latency": self.latency, **rates})


@dataclass
class Traffic:
    """Bytes on the wire that a page received, by the last part of their address; WebSockets under ``websocket``."""

    received: Counter[str] = field(default_factory=Counter)
    _names: dict[str, str] = field(default_factory=dict)

    def watch(self, session: CDPSession) -> None:
        session.on("Network.requestWillBeSent", self._sent)
        session.on("Network.loadingFinished", self._finished)
        session.on("Network.webSocketFrameReceived", self._framed)
        session.send("Network.enable")

    def _sent(self, event: dict) -> None:
        self._names[event["requestId"]] = event["request"]["url"].rpartition("/")[2]

    def _finished(self, event: dict) -> None:
        self.received[self._names.get(event["requestId"], "")] += int(event["encodedDataLength"])

    def _framed(self, event: dict) -> None:
        frame = event["response"]
        text = frame["opcode"] == 1
        self.received["websocket"] += len(frame["payloadData"]) * (4 if text else 3) // 4  # other than text is given as base64

    def megabytes(self, part: str = "") -> float:
        """Of all whose name holds ``part``."""
        return sum(count for name, count in self.received.items() if part in name.lower()) / _MB


def visit(browser: Browser, url: str, line: Line | None) -> dict[str, float]:
    """Seconds and megabytes of one visitor with an empty cache, who taps the sample.

    Args:
        line: the network; as fast as it is, if None.
    """
    context = browser.new_context(viewport={"width": 390, "height": 844})
    try:
        page = context.new_page()
        page.set_default_timeout(1000 * _SECONDS)
        session, traffic = context.new_cdp_session(page), Traffic()
        traffic.watch(session)
        if line is not None:
            line.slow(session)
        return _tap(page, url, traffic)
    finally:
        context.close()


def _tap(page: Page, url: str, traffic: Traffic) -> dict[str, float]:
    """A chart that comes before the headline counts as coming with it."""
    start = time.perf_counter()
    page.goto(url, wait_until="commit")
    button = page.get_by_role("button", name=_SAMPLE).first
    button.click(trial=True)  # there, at rest, enabled and not covered
    usable, first = time.perf_counter(), traffic.megabytes()
    button.click()
    tapped = time.perf_counter()
    headline = _seconds_until(page.get_by_role("heading", name=_HEADLINE), tapped)
    chart = _seconds_until(page.locator(_CHART), tapped)
    page.wait_for_timeout(5000)  # what else the result loads
    return {
        "page usable, s": usable - start,
        "headline after the tap, s": headline,
        "first chart after the tap, s": chart,
        "until the page is usable, MB": first,
        "in total, MB": traffic.megabytes(),
        "of which Plotly, MB": traffic.megabytes("plotly"),
    }


def _seconds_until(place: Locator, start: float) -> float:
    place.first.wait_for()
    return time.perf_counter() - start


def measure(root: Path, line: Line, visitors: int = 3) -> dict[str, float]:
    """Medians over visitors of the app of one checkout."""
    with app(root) as url, chromium() as browser:
        if browser is None:
            raise SystemExit("no Chromium on this machine: `python -m tests.browser` installs one where it can")
        visit(browser, url, None)
        found = [visit(browser, url, line) for _ in range(visitors)]
    return {name: statistics.median(each[name] for each in found) for name in found[0]}


def main(arguments: list[str] | None = None) -> int:
    """Print the medians, with those of the other checkout before them."""
    p = argparse.ArgumentParser(prog="python -m tests.bench.network", description="How long a visitor on a slow network waits.")
    p.add_argument("--kbit", type=float, default=Line.down, help="kilobits per second down; up is 47 %% of it")
    p.add_argument("--latency", type=float, default=Line.latency, help="milliseconds")
    p.add_argument("--base", type=Path, metavar="DIR", help="another checkout, to compare with")
    p.add_argument("--visitors", type=int, default=3)
    p.add_argument("--json", type=Path, help="write the figures here too")
    options = p.parse_args(arguments)
    line = Line(options.kbit, options.kbit * Line.up / Line.down, options.latency)
    figures = compare(lambda root: measure(root, line, options.visitors), options.base)
    title = f"medians of {options.visitors} visitors with empty caches, {line.down:g} kbit/s, {line.latency:g} ms"
    report(figures, title, options.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())

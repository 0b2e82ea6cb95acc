"""``python -m tests.bench.responses [--busy]``: how soon the page answers a click while its explanations are being checked.

A pair of RAVDESS is uploaded. Right after its result another emotion is chosen, one more, another method, and the player is switched
on: seconds from each click until the page says something of what was asked for. ``--busy`` gives every core other work.
"""

from __future__ import annotations

import argparse
import math
import os
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Browser, Locator, Page, TimeoutError, expect

from tests.bench.columns import compare, report
from tests.conftest import DATA
from tests.pages.serving import app, chromium

_PAIR = ("03-01-04-01-01-01-05.wav", "01-01-04-01-01-01-05.mp4")
_SECONDS = 60  # for one answer


@dataclass(frozen=True)
class Step:
    """A click, and where its answer is seen.

    Attributes:
        reach: goes to what is to be clicked, and gives the click.
        answer: what is nowhere on the page before the click.
    """

    name: str
    reach: Callable[[Page], Callable[[], None]]
    answer: Callable[[Page], Locator]


# All that follows the layout of the page.
_RESULTS: tuple[re.Pattern[str] | str, ...] = (
    re.compile("^What it weighed$"),
    "Face alone",
)  # of the voice, of the pair
_CHECKING = re.compile("^(hourglass_top ?)?(Checking|Waiting|Comparing|Removing|Scrambling|Fading|Covering|.*…$)")
_METHOD_NAMED = re.compile("Computing Occlusion|Occlusion is being computed|how much the logit falls")
_EMOTION = "Why this emotion?"
_STEPS = (
    Step("another emotion", lambda page: _choice(page, _EMOTION, "disgust"), lambda page: page.get_by_text("The model gives disgust")),
    Step("one more emotion", lambda page: _choice(page, _EMOTION, "happy"), lambda page: page.get_by_text("The model gives happy")),
    Step("another method", lambda page: _choice(page, "Method", "Occlusion"), lambda page: page.get_by_text(_METHOD_NAMED)),
    Step("the player", lambda page: _player(page), lambda page: page.get_by_text("Preparing the player").or_(page.locator(".player"))),
)


def _choice(page: Page, group: str, label: str) -> Callable[[], None]:
    """Of radio buttons, or of a list."""
    radios = page.get_by_role("radiogroup", name=group)
    if radios.count():
        return radios.first.get_by_role("radio", name=re.compile(f"^{label}")).click
    box = page.get_by_role("combobox", name=group).first
    box.click()
    box.fill(label)
    return lambda: box.press("Enter")


def _player(page: Page) -> Callable[[], None]:
    """Its switch, or the tab that holds it."""
    tab = page.get_by_role("radio", name="Player")
    return tab.first.click if tab.count() else page.get_by_text("Play it with the evidence").click


def visit(browser: Browser, url: str) -> dict[str, float]:
    """Seconds of each step for one visitor, and the share of the clicks that came while something was being checked."""
    context = browser.new_context(viewport={"width": 1366, "height": 768})
    try:
        page = context.new_page()
        page.set_default_timeout(1000 * _SECONDS)
        page.goto(url)
        _upload(page)
        found = {step.name: _take(page, step) for step in _STEPS}
    finally:
        context.close()
    return {name: seconds for name, (seconds, _) in found.items()} | {"clicks during checks": statistics.mean(b for _, b in found.values())}


def _unfold(page: Page) -> None:
    """The boxes are folded away beside a result; before, they never were."""
    button = page.get_by_role("button", name=re.compile("Change|change it"))
    with suppress(TimeoutError):
        button.click(timeout=3000)
        page.wait_for_timeout(500)


def _upload(page: Page) -> None:
    """One by one, each with its result: what is asked for then is asked of the pair."""
    for name, result in zip(_PAIR, _RESULTS, strict=True):
        boxes = page.locator("input[type=file]")
        if name != _PAIR[0]:
            _unfold(page)
        (boxes.first if name == _PAIR[0] else boxes.nth(1)).set_input_files(DATA / "clips" / name)
        page.get_by_text(result).first.wait_for()


def _take(page: Page, step: Step) -> tuple[float, bool]:
    """Seconds until the answer, infinite if it does not come in time; and whether checks were running at the click."""
    click, answer = step.reach(page), step.answer(page).first
    expect(answer).to_be_hidden()
    busy = page.get_by_text(_CHECKING).count() > 0
    start = time.perf_counter()
    click()
    try:
        answer.wait_for()
    except TimeoutError:
        return math.inf, busy
    return time.perf_counter() - start, busy


@contextmanager
def other_work() -> Iterator[None]:
    """A process on every core that does nothing but turn round."""
    spinning = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(os.cpu_count() or 1)]
    try:
        yield
    finally:
        for process in spinning:
            process.kill()
            process.wait()


def measure(root: Path, busy: bool, visitors: int = 3) -> dict[str, float]:
    """Medians over visitors, one after another, of the app of one checkout; another has warmed it up."""
    with app(root) as url, chromium() as browser:
        if browser is None:
            raise SystemExit("no Chromium on this machine: `python -m tests.browser` installs one where it can")
        visit(browser, url)
        with other_work() if busy else nullcontext():
            found = [visit(browser, url) for _ in range(visitors)]
    return {name: statistics.median(each[name] for each in found) for name in found[0]}


def main(arguments: list[str] | None = None) -> int:
    """Print the medians, with those of the other checkout before them."""
    p = argparse.ArgumentParser(prog="python -m tests.bench.responses", description="How soon the page answers while checks run.")
    p.add_argument("--busy", action="store_true", help="give every core other work")
    p.add_argument("--base", type=Path, metavar="DIR", help="another checkout, to compare with")
    p.add_argument("--visitors", type=int, default=3)
    p.add_argument("--json", type=Path, help="write the figures here too")
    options = p.parse_args(arguments)
    if not (DATA / "clips").exists():
        raise SystemExit("the clips of RAVDESS are not beside this checkout")
    figures = compare(lambda root: measure(root, options.busy, options.visitors), options.base)
    work = ", other work on every core" if options.busy else ""
    report(figures, f"seconds, medians of {options.visitors} visitors{work}; inf: no answer in {_SECONDS} s", options.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())

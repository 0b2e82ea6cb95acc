"""Everybody: what axe-core finds on every page, in both themes, wide and narrow; and whether a finger hits what it means to.

``EMOLENS_FINDINGS=FILE pytest -n 0 tests/pages/test_browser_accessibility.py`` writes down all findings, lesser ones too.
"""

from __future__ import annotations

import os
import re
from itertools import pairwise
from pathlib import Path
from typing import Literal, NamedTuple

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import BrowserContext, Page, expect

from models.registry import MODELS
from tests.pages import serving

SCHEMES, WIDTHS = ("light", "dark"), (1366, 390)
PAGES = {"empty": "", "result": "", "models": "models", "how it works": "how_it_works", "about": "about"}
TABS = (
    "Player",
    "All frames",
    "Listen",
    "Numbers",
    "Checks",
    "What if",
    "Second opinion",
    "All models",
    "Every stage",
    "Agreement",
    "Take it home",
)
DEEPER = "analyze?sample=wrong&technical=true"  # a link to a result in technical words, which have all tabs
SAMPLE = re.compile("^(play_circle )?(Try the sample|Try it)")  # the name of a button may begin with that of its icon
AT_WORK = re.compile("Checking|Waiting|[Aa]sking|being asked|is being computed|Computing|Getting ready")
HELD_TO = ("heading-order",)  # besides all that is serious or critical
FINGER, CIRCLE = 44, 24  # pixels of CSS: a target that is hit without care; what a smaller one needs around its centre (WCAG 2.5.8)


class Finding(NamedTuple):
    """One element that breaks one rule of axe-core."""

    rule: str
    impact: str
    target: str
    summary: str


class Target(NamedTuple):
    """A control: what it is, and its box in pixels of CSS."""

    name: str
    x: float
    y: float
    width: float
    height: float

    @property
    def small(self) -> bool:
        return min(self.width, self.height) < FINGER

    @property
    def centre(self) -> tuple[float, float]:
        return self.x + self.width / 2, self.y + self.height / 2

    def distance(self, x: float, y: float) -> float:
        """From a point to the nearest of this box."""
        aside = max(self.x - x, 0, x - self.x - self.width)
        above = max(self.y - y, 0, y - self.y - self.height)
        return (aside**2 + above**2) ** 0.5


@pytest.fixture(scope="module")
def context():
    """One visitor of one server for all tests here; still pictures, as a transition has colours of its own."""
    with serving.app() as address, serving.chromium() as browser:
        if browser is None:
            pytest.skip("no Chromium on this machine: `make browser` installs one where it can")
        yield browser.new_context(base_url=address, reduced_motion="reduce")


@pytest.fixture(scope="module")
def tabs(context):
    """Opened when first asked for, and kept: looking at a page changes nothing of it."""
    found: dict[str, Page] = {}

    def tab(name: str, scheme: Literal["light", "dark"] = "light", width: int = 390) -> Page:
        if name not in found:
            found[name] = _open(context, name)
        found[name].emulate_media(color_scheme=scheme, reduced_motion="reduce")
        return _whole(found[name], width)

    return tab


def _open(context: BrowserContext, name: str) -> Page:
    page = context.new_page()
    page.set_default_timeout(60_000)
    page.set_viewport_size({"width": 1366, "height": 768})
    page.goto(f"/{(PAGES | {'deeper': DEEPER})[name]}")
    expect(page.get_by_role("heading", level=1)).to_have_count(1, timeout=60_000)
    if name == "result":
        page.get_by_role("button", name=SAMPLE).first.click()
    if name in ("result", "deeper"):
        expect(page.get_by_role("heading", name=re.compile("The model|Not to be asked")).first).to_be_visible(timeout=60_000)
        page.wait_for_timeout(1000)
        expect(page.get_by_text(AT_WORK)).to_have_count(0, timeout=60_000)
    serving.wait_until_idle(page)
    return page


def _whole(page: Page, width: int) -> Page:
    """On a screen as high as the page: axe-core knows no colours of what is scrolled away."""
    for height in (768, "document.querySelector('.stMain').scrollHeight"):
        page.set_viewport_size({"width": width, "height": height if isinstance(height, int) else page.evaluate(height)})
        page.wait_for_timeout(400)
    return page


def findings(page: Page) -> list[Finding]:
    """What axe-core, with all its rules, finds now."""
    found = Axe().run(page).response["violations"]
    return [
        Finding(rule["id"], node["impact"], " ".join(map(str, node["target"])), " ".join(node["failureSummary"].split()))
        for rule in found
        for node in rule["nodes"]
    ]


def keep(found: list[Finding], *where: object) -> None:
    if path := os.environ.get("EMOLENS_FINDINGS"):
        with Path(path).open("a", encoding="utf-8") as file:
            file.writelines(f"{' '.join(map(str, where))}: {', '.join(finding)}\n" for finding in found)


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("name", PAGES)
def test_nothing_serious_is_found(tabs, name, scheme, width):
    hold(tabs(name, scheme, width), name, scheme, width)


@pytest.mark.parametrize("name", TABS)
def test_nothing_serious_is_found_deeper(tabs, name):
    """In every tab, in technical words."""
    page = tabs("deeper", "light", 1366)
    page.get_by_role("radio", name=name, exact=True).click()
    expect(page.get_by_role("radio", name=name, exact=True)).to_be_checked()
    page.wait_for_timeout(1000)
    expect(page.get_by_text(AT_WORK)).to_have_count(0, timeout=60_000)
    serving.wait_until_idle(page)
    for scheme, width in (("light", 1366), ("dark", 390)):
        hold(tabs("deeper", scheme, width), name, scheme, width)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_nothing_serious_is_found_in_the_menu_of_models(tabs, scheme):
    page = tabs("about", scheme, 390)
    page.get_by_role("button", name="Model: ").click()
    expect(page.get_by_role("menuitem")).to_have_count(len(MODELS))
    page.wait_for_timeout(500)
    boxes = [item.bounding_box() for item in page.get_by_role("menuitem").all()]
    assert all(box["x"] >= 0 and box["x"] + box["width"] <= 390 for box in boxes)
    assert all(one["y"] + one["height"] <= two["y"] + 1 for one, two in pairwise(boxes))
    hold(page, "menu", scheme)
    page.keyboard.press("Escape")
    expect(page.get_by_role("menuitem")).to_have_count(0)


def hold(page: Page, *where: object) -> None:
    found = findings(page)
    keep(found, *where)
    serious = [finding for finding in found if finding.impact in ("serious", "critical") or finding.rule in HELD_TO]
    assert not serious, "\n" + "\n".join(f"{f.rule} ({f.impact})\n  {f.target}\n  {f.summary}" for f in serious)


def test_these_rules_find_what_is_planted(tabs):
    """Pale words and a button without a name."""
    page = tabs("about")
    page.evaluate("""() => {
        const planted = document.createElement('div');
        planted.id = 'planted';
        planted.innerHTML = '<p style="color: #999; background: #fff">pale</p><button></button>';
        document.querySelector('.stMain .block-container').prepend(planted);
    }""")
    found = {finding.rule for finding in findings(page) if "planted" in finding.target}
    page.evaluate("document.getElementById('planted').remove()")
    assert found == {"color-contrast", "button-name"}


# Boxes of what can be tapped in the page itself, through open shadow roots, if a tap on its middle hits it. An input that is drawn by its
# label is as large as that, a list as the frame around it. Links in a sentence are as WCAG leaves them; what Streamlit shows under a
# mouse alone is left out.
TARGETS = """() => {
    const kinds = 'button, a[href], input, textarea, summary, [role=button], [role=radio], [role=tab], [role=switch], [role=slider]';
    const left = 'p a, li a, td a, [data-testid=stElementToolbar] *, [data-testid=stHeadingWithActionElements] a';
    const found = new Map();
    const visit = (root) => {
        for (const element of root.querySelectorAll('*')) {
            if (element.shadowRoot) visit(element.shadowRoot);
            if (!element.matches(kinds) || element.disabled || element.closest('.stMain') === null && root === document) continue;
            if (element.closest(left)) continue;
            const whole = element.closest('label, [data-baseweb=select], [role=group]') ?? element;
            const box = whole.getBoundingClientRect();
            if (!whole.contains(root.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2))) continue;
            const name = element.getAttribute('aria-label') || whole.innerText || element.dataset.testid || element.className;
            found.set(whole, [`${element.tagName.toLowerCase()} "${name.trim().slice(0, 40)}"`, box.x, box.y, box.width, box.height]);
        }
    };
    visit(document);
    const inside = (element) => [...found.keys()].some((other) => other !== element && other.contains(element));
    return [...found].filter(([element]) => !inside(element)).map(([, box]) => box);
}"""


def crowded(targets: list[Target]) -> list[str]:
    """Small targets around whose centre a circle of 24 pixels hits another target, or another small one's circle."""
    found = []
    for target in targets:
        for other in targets:
            if target is other or not target.small:
                continue
            (x, y), (other_x, other_y) = target.centre, other.centre
            apart = ((x - other_x) ** 2 + (y - other_y) ** 2) ** 0.5
            if other.distance(x, y) < CIRCLE / 2 or (other.small and apart < CIRCLE):
                found.append(f"{target.name} ({target.width:.0f} × {target.height:.0f}) is too close to {other.name}")
    return found


@pytest.mark.parametrize("name", ["empty", "result", "models"])
def test_a_finger_hits_what_it_means_to(tabs, name):
    targets = [Target(*box) for box in tabs(name, "light", 390).evaluate(TARGETS)]
    assert len(targets) > 0
    assert not (found := crowded(targets)), "\n" + "\n".join(found)


@pytest.mark.parametrize(
    ("boxes", "count"),
    [
        ([(0, 0, 44, 44), (44, 0, 44, 44)], 0),  # large ones may touch
        ([(0, 0, 20, 20), (20, 0, 20, 20)], 2),
        ([(0, 0, 20, 20), (24, 0, 20, 20)], 0),
        ([(0, 0, 16, 16), (19, 0, 60, 60)], 1),  # the circle of the small one hits the large one
    ],
)
def test_what_is_crowded(boxes, count):
    assert len(crowded([Target("", *box) for box in boxes])) == count

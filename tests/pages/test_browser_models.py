"""The page Models in a browser: the leaderboard and its filters, charts with their protocol, addresses, a phone.

``EMOLENS_SCREENSHOTS=DIR pytest tests/pages/test_browser_models.py`` keeps a picture of each view.
"""

import os
import re
from pathlib import Path
from urllib.parse import parse_qs, urlparse

import pytest
from playwright.sync_api import Page, expect

from models.evaluation.protocols import PROTOCOLS
from models.registry import MODELS, read_result
from tests.pages.test_browser import address, chromium, page  # noqa: F401  (fixtures)

CHARTS = ".js-plotly-plot"
TABLE = "[data-testid=stDataFrame]"


def open_models(tab: Page, address: str, query: str = "", charts: int = 1) -> None:  # noqa: F811
    tab.goto(f"{address}/models{query}")
    expect(tab.get_by_role("heading", name="Models", level=1)).to_be_visible()
    expect(tab.locator(CHARTS)).to_have_count(charts)


def keep(tab: Page, name: str) -> None:
    if folder := os.environ.get("EMOLENS_SCREENSHOTS"):
        tab.wait_for_timeout(1000)
        tab.screenshot(path=str(Path(folder) / f"{name}.png"))


def test_the_leaderboard_follows_its_filters_and_a_link_shows_the_same(page, address):  # noqa: F811
    page.set_viewport_size({"width": 1366, "height": 1700})
    open_models(page, address)
    rows = page.locator(f"{TABLE} [role=grid]").first
    keep(page, "leaderboard")
    page.get_by_role("button", name="Voice alone").click()
    page.get_by_role("button", name=PROTOCOLS["random"].title).click()
    expect(page).to_have_url(re.compile("protocols="))
    left = str(1 + sum("voice" in spec.states for spec in MODELS.values()))  # and the heading
    expect(rows).to_have_attribute("aria-rowcount", left)
    assert parse_qs(urlparse(page.url).query) == {"modalities": ["Voice alone"], "protocols": [PROTOCOLS["random"].title]}
    page.reload()
    expect(rows).to_have_attribute("aria-rowcount", left)


def test_scores_name_their_protocol_and_follow_the_chosen_model(page, address):  # noqa: F811
    page.set_viewport_size({"width": 1366, "height": 1700})
    open_models(page, address, "?view=How+good+is+it", 4)
    expect(page.get_by_text("(Voice and face, actor-5fold)").first).to_be_visible()
    keep(page, "scores")
    expect(page.get_by_test_id("stStatusWidget")).to_have_count(0)
    choice = page.get_by_role("button", name="Model: ")
    choice.press("Enter")
    expect(page.get_by_role("menuitem").first).to_have_attribute("data-focused", "true")
    page.wait_for_timeout(500)  # the menu takes the keys a moment after it has drawn its first item
    page.keyboard.press("ArrowDown")
    expect(page.get_by_role("menuitem", name=MODELS["voice"].title)).to_have_attribute("data-focused", "true")
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name=f"Model: {MODELS['voice'].title}")).to_be_visible()
    expected = read_result("actor-5fold", "voice")["accuracy"]
    expect(page.get_by_test_id("stMetricValue").first).to_have_text(f"{expected:.0%}")
    expect(page.get_by_text("(Voice alone, actor-5fold)").first).to_be_visible()
    assert parse_qs(urlparse(page.url).query) == {"model": [MODELS["voice"].title], "view": ["How good is it"]}


@pytest.mark.parametrize(
    ("view", "charts", "words"),
    [
        ("Map of clips", 1, "Each dot is a clip"),
        ("What it weighs", 2, "A dot is a clip"),
        ("Two models, one clip", 1, "Models differ in scale"),
    ],
)
def test_views(page, address, view, charts, words):  # noqa: F811
    page.set_viewport_size({"width": 1366, "height": 1300})
    open_models(page, address)
    page.get_by_role("radio", name=view).click()
    expect(page.get_by_text(words)).to_be_visible()
    expect(page.get_by_text("Being checked")).to_have_count(0)
    expect(page.locator(CHARTS)).to_have_count(charts)
    expect(page.get_by_test_id("stStatusWidget")).to_have_count(0)
    keep(page, view.split(",")[0].replace(" ", "-").lower())


@pytest.mark.parametrize(("view", "charts"), [("All+models", 1), ("How+good+is+it", 4)])
def test_a_phone_scrolls_in_one_direction_only(page, address, view, charts):  # noqa: F811
    page.emulate_media(color_scheme="dark")
    page.set_viewport_size({"width": 390, "height": 844})
    open_models(page, address, f"?view={view}", charts)
    keep(page, f"phone-{view.lower()}")
    assert page.evaluate("document.querySelector('[data-testid=stMain]').scrollWidth") <= 390
    if charts == 1:  # the table scrolls in itself
        box = page.locator(TABLE).first.bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 390

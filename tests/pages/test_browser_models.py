"""The page Models in a browser: charts with their protocol, another model from the sidebar, a phone.

``EMOLENS_SCREENSHOTS=DIR pytest tests/pages/test_browser_models.py`` keeps a picture of each view.
"""

import os
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from models.registry import MODELS, read_result
from tests.pages.test_browser import address, chromium, page  # noqa: F401  (fixtures)

CHARTS = ".js-plotly-plot"


def open_models(tab: Page) -> None:
    tab.get_by_role("link", name="Models").click()
    expect(tab.get_by_role("heading", name="Models", level=1)).to_be_visible()
    expect(tab.locator(CHARTS)).to_have_count(4)


def keep(tab: Page, name: str) -> None:
    if folder := os.environ.get("EMOLENS_SCREENSHOTS"):
        tab.wait_for_timeout(1000)
        tab.screenshot(path=str(Path(folder) / f"{name}.png"))


def test_scores_name_their_protocol_and_follow_the_sidebar(page):  # noqa: F811
    page.set_viewport_size({"width": 1366, "height": 1700})
    open_models(page)
    expect(page.get_by_text("(Voice and face, actor-5fold)").first).to_be_visible()
    keep(page, "scores")
    choice = page.get_by_role("combobox", name="Model")
    choice.click()
    choice.fill(MODELS["voice"].title)
    choice.press("Enter")
    expected = read_result("actor-5fold", "voice")["accuracy"]
    expect(page.get_by_test_id("stMetricValue").first).to_have_text(f"{expected:.0%}")
    expect(page.get_by_text("(Voice alone, actor-5fold)").first).to_be_visible()


@pytest.mark.parametrize(("view", "charts"), [("Map of clips", 1), ("What it weighs", 2), ("Two models, one clip", 1)])
def test_views(page, view, charts):  # noqa: F811
    page.set_viewport_size({"width": 1366, "height": 1300})
    open_models(page)
    page.get_by_role("radio", name=view).click()
    expect(page.locator(CHARTS)).to_have_count(charts)
    expect(page.get_by_test_id("stStatusWidget")).to_have_count(0)
    keep(page, view.split(",")[0].replace(" ", "-").lower())


def test_a_phone_scrolls_in_one_direction_only(page):  # noqa: F811
    page.emulate_media(color_scheme="dark")
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(page.url.rstrip("/") + "/models")
    expect(page.locator(CHARTS)).to_have_count(4)
    keep(page, "phone")
    assert page.evaluate("document.querySelector('[data-testid=stMain]').scrollWidth") <= 390

"""What only a browser shows: a real pair through the real page, wide and narrow, without a word to any other host.

``EMOLENS_SCREENSHOT=FILE.jpg pytest tests/pages/test_browser.py`` keeps the picture that README shows.
"""

import os
import re
import socket
import subprocess
import sys
import time
import urllib.request
from urllib.parse import urlparse

import pytest
from playwright.sync_api import Page, expect, sync_playwright

from tests import browser
from tests.conftest import ROOT, SAMPLE

expect.set_options(timeout=60_000)
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync"]


@pytest.fixture(scope="module")
def address():
    """The app on a free port of this machine."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.headless", "true", "--server.port", str(port)]
    server = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    url = f"http://localhost:{port}"
    for _ in range(120):
        try:
            urllib.request.urlopen(f"{url}/_stcore/health", timeout=1)
            break
        except OSError:
            time.sleep(0.5)
    yield url
    server.terminate()
    try:
        server.wait(20)
    except subprocess.TimeoutExpired:  # a machine with other work to do
        server.kill()


@pytest.fixture(scope="module")
def chromium():
    path = browser.find()
    if path is None:
        pytest.skip("no Chromium on this machine: `make browser` installs one where it can")
    with sync_playwright() as playwright:
        yield playwright.chromium.launch(executable_path=path, args=ARGUMENTS)


@pytest.fixture
def page(chromium, address):
    """A fresh visitor; fails the test if the page asks another host for anything, or logs an error."""
    context = chromium.new_context(viewport={"width": 1366, "height": 768})
    tab = context.new_page()
    asked, errors = [], []
    tab.on("request", lambda request: asked.append(urlparse(request.url).hostname))
    tab.on("pageerror", lambda error: errors.append(str(error)))
    tab.set_default_timeout(60_000)
    tab.goto(address)
    expect(tab.get_by_role("heading", level=1)).to_be_visible(timeout=60_000)
    yield tab
    context.close()
    assert {host for host in asked if host} <= {"localhost", "127.0.0.1"}
    assert errors == []


def upload(page: Page, voice, face) -> None:
    files = page.locator("input[type=file]")
    for k, file in enumerate((voice, face)):  # Streamlit may lose the second of two files in one millisecond
        files.nth(k).set_input_files(file)
        expect(page.get_by_test_id("stFileChipName")).to_have_count(k + 1)
    expect(page.get_by_text("What it weighed")).to_be_visible()


def settle(page: Page) -> None:
    """Wait until the charts are drawn, everything is checked and nothing runs any more."""
    checked, left = (page.get_by_role("button", name=name) for name in ("All checks", "Check it now"))
    end = time.monotonic() + 120
    while checked.count() < 3 and time.monotonic() < end:
        if left.count():  # a busy server leaves checks to the visitor; that of an earlier test may still be at it
            left.first.click()
            page.wait_for_timeout(2500)
        page.wait_for_timeout(200)
    said = page.get_by_text(re.compile("checked|Checking|Waiting")).all_inner_texts()
    assert checked.count() == 3, f"{said}, running: {page.get_by_test_id('stStatusWidget').count()}"
    expect(page.locator(".js-plotly-plot")).to_have_count(4)
    expect(page.get_by_test_id("stStatusWidget")).to_have_count(0)
    page.wait_for_timeout(500)


def test_a_real_pair(page, data):
    take = "03-01-01-02-05"
    upload(page, data / "clips" / f"03-01-{take}.wav", data / "clips" / f"01-01-{take}.mp4")
    settle(page)
    expect(page.get_by_role("heading", name="The model recognises HAPPY")).to_be_visible()
    expect(page.get_by_text("Face found in 4 of 4 frames")).to_be_visible()
    frames = page.get_by_role("img", name="Frame at")
    expect(frames).to_have_count(4)
    assert all(frames.nth(i).evaluate("image => image.naturalWidth") > 300 for i in range(4))
    if target := os.environ.get("EMOLENS_SCREENSHOT"):
        page.set_viewport_size({"width": 1366, "height": 1900})
        page.wait_for_timeout(1500)
        page.screenshot(path=target, type="jpeg", quality=80)


def test_prediction_and_sources_are_on_the_first_screen(page):
    page.get_by_role("button", name="Try the sample").click()
    settle(page)
    for words in ("The model recognises", "Face alone:", "Face found in"):
        box = page.get_by_text(words).first.bounding_box()
        assert box["y"] + box["height"] <= 768


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_scrolls_in_one_direction_only(page, scheme):
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": 390, "height": 844})
    page.get_by_role("button", name="Try the sample").click()
    settle(page)
    width = page.evaluate("document.querySelector('[data-testid=stMain]').scrollWidth")
    assert width <= 390
    background = page.evaluate("getComputedStyle(document.querySelector('.stApp')).backgroundColor")
    assert (sum(map(int, background[4:-1].split(","))) < 200) == (scheme == "dark")


def test_another_class_is_redrawn_at_once(page):
    page.get_by_role("button", name="Try the sample").click()
    settle(page)
    choice = page.get_by_role("combobox", name="Why this emotion?")
    choice.click()
    choice.fill("disgust")
    start = time.perf_counter()
    choice.press("Enter")
    expect(page.get_by_text("The model gives disgust")).to_be_visible()
    assert time.perf_counter() - start < 3


def struck(page: Page) -> bool:
    """Whether a line is drawn through what the model saw."""
    area = page.locator("[class*=st-key-evidence-saw]")
    return area.evaluate("element => getComputedStyle(element, '::after').content") != "none"


def test_what_fails_its_checks_is_struck_through_until_something_passes(page, data):
    """Grad-CAM of this smile marks what does not matter; Occlusion finds what does."""
    take = "03-01-01-02-05"
    upload(page, data / "clips" / f"03-01-{take}.wav", data / "clips" / f"01-01-{take}.mp4")
    settle(page)
    expect(page.get_by_text("Do not rely on it")).to_have_count(1)
    assert struck(page)
    choice = page.get_by_role("combobox", name="Method").first
    choice.click()
    choice.fill("Occlusion")
    choice.press("Enter")
    expect(page.get_by_text("how much the logit falls")).to_be_visible()
    badges = page.get_by_text(re.compile("True to the model|Read with care|Do not rely on it"))
    expect(badges).to_have_count(3, timeout=120_000)
    expect(badges.first).to_contain_text("True to the model")  # the others judge the sound and the features
    assert not struck(page)


def test_two_visitors_do_not_see_each_other(chromium, address, sample):
    """One uploads, the other sees an empty page; and each other's pictures are not in the page."""
    one, two = (chromium.new_context().new_page() for _ in range(2))
    for tab in (one, two):
        tab.set_default_timeout(60_000)
        tab.goto(address)
    upload(one, SAMPLE / "sample.wav", SAMPLE / "sample.mp4")
    expect(two.get_by_role("button", name="Try the sample")).to_be_visible()
    two.reload()
    expect(two.get_by_role("button", name="Try the sample")).to_be_visible()
    assert two.get_by_text("What it saw").count() == 0
    assert two.get_by_role("img", name="Frame at").count() == 0
    for tab in (one, two):
        tab.context.close()

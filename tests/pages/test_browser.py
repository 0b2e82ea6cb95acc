"""What only a browser shows: a real pair through the real page, wide and narrow, without a word to any other host.

``EMOLENS_SCREENSHOT=FILE.jpg pytest tests/pages/test_browser.py`` keeps the picture that README shows.
"""

import json
import os
import re
import time
from urllib.parse import urlparse

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.conftest import SAMPLE
from tests.pages import serving

expect.set_options(timeout=60_000)
BADGE = re.compile("True to the model|Read with care|Do not rely on it|Could not be checked|Not checked")
TITLES = {"analyze": "What does the model", "models": "Models", "how_it_works": "How", "about": "About"}
ANSWER = 3.0  # seconds on a machine with other work to do; tests/bench/responses.py measures


@pytest.fixture(scope="module")
def address():
    """The app on a free port of this machine."""
    with serving.app() as url:
        yield url


@pytest.fixture(scope="module")
def chromium():
    with serving.chromium() as found:
        if found is None:
            pytest.skip("no Chromium on this machine: `make browser` installs one where it can")
        yield found


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


@pytest.fixture
def sad_pair(data):
    """Grad-CAM marks what does not matter here; Occlusion finds what does."""
    take = "04-01-01-01-05"
    return data / "clips" / f"03-01-{take}.wav", data / "clips" / f"01-01-{take}.mp4"


def upload(page: Page, voice, face) -> None:
    """Both at once, as one who has them at hand does: the second arrives while the first is being analysed."""
    files = page.locator("input[type=file]")
    files.nth(0).set_input_files(voice)
    files.nth(1).set_input_files(face)
    expect(page.get_by_text("What it saw", exact=True)).to_be_visible()
    expect(page.get_by_text("What it weighed", exact=True)).to_be_visible()


def open_sample(page: Page, query: str = "sample=synthetic") -> None:
    page.goto(f"{page.url.split('?')[0]}?{query}")
    expect(page.get_by_text("What it weighed", exact=True)).to_be_visible()


def settle(page: Page) -> None:
    """Wait until everything is checked and nothing runs any more."""
    end = time.monotonic() + 150
    while time.monotonic() < end:
        if page.get_by_role("button", name=BADGE).count() >= 3 and not page.locator(".st-key-work").get_by_text("…").count():
            break
        page.wait_for_timeout(250)
    assert page.get_by_text("Being checked").count() == 0, page.locator(".st-key-work").all_inner_texts()
    serving.wait_until_idle(page)
    page.wait_for_timeout(300)


def bar(page: Page, label: str) -> Locator:
    return page.get_by_role("radio", name=re.compile(f"^{label}"))


def sentence(page: Page) -> str:
    return page.locator(".st-key-sentence").inner_text().strip()


def in_sight(page: Page, found: Locator, height: int = 768) -> bool:
    box = found.bounding_box()
    return box is not None and box["y"] >= 0 and box["y"] + box["height"] <= height


def test_a_real_pair(page, sad_pair):
    upload(page, *sad_pair)
    settle(page)
    expect(page.get_by_role("heading", name="The model recognises NEUTRAL")).to_be_visible()
    frames = page.get_by_role("img", name="Frame at")
    expect(frames).to_have_count(4)
    assert all(frames.nth(i).evaluate("image => image.naturalWidth") > 150 for i in range(4))
    assert page.locator(".js-plotly-plot").count() == 0
    if target := os.environ.get("EMOLENS_SCREENSHOT"):
        page.screenshot(path=target, type="jpeg", quality=85)


def test_one_screen_answers_what_and_why(page):
    open_sample(page)
    settle(page)
    assert page.evaluate("document.querySelector('[data-testid=stMain]').scrollTop") == 0
    for found in (
        page.get_by_role("heading", name=re.compile("The model")),
        bar(page, "angry"),
        page.get_by_text("knowing neither"),
        page.locator(".st-key-sentence"),
        page.get_by_role("img", name="Frame at").last,
        page.get_by_role("img", name=re.compile("Spectrogram")),
        page.get_by_text("What it weighed", exact=True),
        *page.get_by_role("button", name=BADGE).all()[:3],
    ):
        assert in_sight(page, found.first), found


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_scrolls_in_one_direction_only_and_not_far(page, scheme):
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": 390, "height": 844})
    open_sample(page)
    settle(page)
    main = "document.querySelector('[data-testid=stMain]')"
    assert page.evaluate(f"{main}.scrollWidth") <= 390
    assert page.evaluate(f"{main}.scrollHeight") <= 4 * 844
    background = page.evaluate("getComputedStyle(document.querySelector('.stApp')).backgroundColor")
    assert (sum(map(int, background[4:-1].split(","))) < 200) == (scheme == "dark")
    page.locator(".st-key-pages-of-a-phone").get_by_role("link", name="Models").click()
    expect(page.get_by_role("heading", name="Models", exact=True)).to_be_visible()


def test_a_click_on_a_bar_is_answered_while_checks_run(page, sad_pair):
    """No old words and pictures under the new name, and no wait for the checks."""
    upload(page, *sad_pair)
    expect(page.get_by_text("Being checked").first).to_be_visible()
    for label in ("disgust", "happy"):
        start = time.perf_counter()
        bar(page, label).click()
        expect(page.get_by_role("heading", name=f"Why {label}")).to_be_visible()
        expect(page.get_by_role("img", name=re.compile(f"Spectrogram .* for {label}"))).to_be_visible()
        assert time.perf_counter() - start < ANSWER
        assert f"gives {label}" in sentence(page)
        assert page.get_by_role("img", name=re.compile(f"heat for {label}")).count() == 4
    settle(page)
    assert page.get_by_role("heading", name="Why happy").count() == 1


def test_the_second_opinion_of_an_upload_moves_nothing_and_opens_both_models(page):
    files = page.locator("input[type=file]")
    files.nth(0).set_input_files(SAMPLE / "sample.wav")
    line, below = page.locator(".st-key-second-opinion"), page.locator(".st-key-in-general")
    expect(line).to_contain_text("Second opinion: asking")
    expect(page.get_by_role("heading", name=re.compile("^Why "))).to_be_visible()  # all that stands above it is there
    before = below.bounding_box()["y"]
    both = page.get_by_role("button", name="Show both")
    says = "Second opinion: .*, (the|one of the) most accurate on unseen voices .*, (recognises .* in 10|is undecided)"
    expect(both).to_contain_text(re.compile(says))
    assert abs(below.bounding_box()["y"] - before) < 2
    both.click()
    expect(page.get_by_role("radio", name="Second opinion")).to_be_checked()
    expect(page.get_by_role("heading", name="What it heard")).to_have_count(3)  # on the board, and of both
    assert page.get_by_role("heading", name="What it heard").last.bounding_box()["y"] < 768 + 600
    expect(page).to_have_url(re.compile(r"tab=Second(\+|%20)opinion"))


def test_the_player_is_answered_while_checks_run(page, sad_pair):
    upload(page, *sad_pair)
    start = time.perf_counter()
    page.get_by_role("radio", name="Player").click()
    expect(page.get_by_text("Preparing the player").or_(page.locator(".st-key-player")).first).to_be_visible()
    assert time.perf_counter() - start < ANSWER
    expect(page.locator("video, audio").first).to_be_attached()


def test_heat_that_fails_gives_way_and_is_one_click_away_struck(page, sad_pair):
    upload(page, *sad_pair)
    settle(page)
    board = page.locator(".st-key-board-saw")
    assert board.locator(".em-strike").count() == 0
    choice = page.get_by_role("combobox", name="Method").first
    expect(page.get_by_text("heat on the face by LayerCAM (layer 3)")).to_be_visible()
    choice.click()
    page.get_by_role("option", name="Grad-CAM", exact=True).click()
    expect(board.locator(".em-strike")).to_have_count(4)
    expect(page.get_by_role("button", name="Do not rely on it")).to_have_count(1)
    assert "within the picture" not in sentence(page)


def download(page: Page, name: str):
    serving.wait_until_idle(page)  # the end of a run takes away what was made for a download before
    with page.expect_download() as found:
        page.get_by_role("button", name=name).click()
    return found.value.path()


def test_files_say_what_the_page_says(page, sad_pair):
    upload(page, *sad_pair)
    settle(page)
    levels = {"True to the model": "green", "Read with care": "amber", "Do not rely on it": "red"}
    shown = [levels[BADGE.search(badge.inner_text())[0]] for badge in page.get_by_role("button", name=BADGE).all()[:3]]
    page.get_by_role("radio", name="Take it home").click()
    result = json.loads(download(page, "Numbers (JSON)").read_bytes())
    assert " ".join(result["in_words"][1:]) == sentence(page)
    assert result["shown"] == ["layercam3", "lime", "shap"]
    assert [result["explanations"][key]["trust"]["level"] for key in result["shown"]] == shown
    assert result["explanations"]["gradcam"]["trust"]["level"] == "red"
    choice = page.get_by_role("combobox", name="Method").first
    choice.click()
    page.get_by_role("option", name="Grad-CAM", exact=True).click()
    expect(page.locator(".st-key-board-saw .em-strike")).to_have_count(4)
    again = json.loads(download(page, "Numbers (JSON)").read_bytes())
    assert again["shown"] == ["gradcam", "lime", "shap"]
    assert " ".join(again["in_words"][1:]) == sentence(page)


def test_a_link_shows_the_same_view(page):
    open_sample(page, "sample=synthetic&emotion=disgust&rival=calm&technical=true&tab=Checks&model=Linear")
    settle(page)
    expect(page.get_by_role("heading", name="Why disgust")).to_be_visible()
    assert "disgust" in sentence(page)
    assert "calm" in sentence(page)
    expect(page.get_by_text("a wrong answer can be explained well")).to_be_visible()
    expect(page.get_by_text("rank correlation").first).to_be_visible()
    bar(page, "angry").click()
    expect(page.get_by_role("heading", name="Why angry")).to_be_visible()
    expect(page).to_have_url(re.compile("emotion=angry"))
    page.goto(f"{page.url.split('?')[0]}?sample=../../etc&emotion=<b>&rival=x&tab=y&model=z")
    expect(page.get_by_text("Or try one of these")).to_be_visible()


@pytest.mark.parametrize(("path", "title"), TITLES.items())
def test_pages_have_plain_addresses(page, address, path, title):
    page.goto(f"{address}/{path}")
    expect(page.get_by_role("heading", level=1, name=title)).to_be_visible()
    assert page.url == f"{address}/{path}"


def test_what_prints_is_the_result_whole(page):
    open_sample(page)
    settle(page)
    page.emulate_media(media="print")
    expect(page.get_by_role("heading", name=re.compile("The model"))).to_be_visible()
    expect(page.get_by_role("img", name="Frame at").first).to_be_visible()
    for key in ("bar", "work"):
        expect(page.locator(f".st-key-{key}")).to_be_hidden()
    assert page.evaluate("getComputedStyle(document.querySelector('[data-testid=stMain]')).overflowY") == "visible"


def test_two_visitors_do_not_see_each_other(chromium, address, sample):
    """One uploads, the other sees an empty page; and each other's pictures are not in the page."""
    one, two = (chromium.new_context().new_page() for _ in range(2))
    for tab in (one, two):
        tab.set_default_timeout(60_000)
        tab.goto(address)
    upload(one, SAMPLE / "sample.wav", SAMPLE / "sample.mp4")
    expect(two.get_by_text("Or try one of these")).to_be_visible()
    two.reload()
    expect(two.get_by_text("Or try one of these")).to_be_visible()
    assert two.get_by_text("What it saw").count() == 0
    assert two.get_by_role("img", name="Frame at").count() == 0
    for tab in (one, two):
        tab.context.close()

"""The player in a browser: one clock for picture, spectrogram and curves, by mouse and by keyboard.

``EMOLENS_SCREENSHOTS=DIR pytest tests/pages/test_browser_player.py`` keeps a picture of each view.
"""

import os
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.pages import serving
from tests.pages.test_browser import chromium, page  # noqa: F401  (fixtures)

SLIDERS = ("Probabilities over time", "Time", "Spectrogram")
PLAYS = """() => document.createElement('video').canPlayType('video/mp4; codecs="avc1.64001f, mp4a.40.2"')"""
STEP_OF_THE_CURVES = 0.25
# Every text with its contrast (WCAG 2.2): colours are painted on a pixel, so that any notation is understood.
CONTRASTS = """root => {
    const pen = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
    const paint = colours => {
        pen.clearRect(0, 0, 1, 1);
        for (const colour of colours) { pen.fillStyle = colour; pen.fillRect(0, 0, 1, 1); }
        return [...pen.getImageData(0, 0, 1, 1).data].slice(0, 3);
    };
    const light = rgb => rgb.map(v => v / 255).map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
        .reduce((sum, v, k) => sum + v * [0.2126, 0.7152, 0.0722][k], 0);
    const page = getComputedStyle(document.querySelector('.stApp')).backgroundColor;
    return [...root.querySelectorAll('*')]
        .filter(e => [...e.childNodes].some(n => n.nodeType === 3 && n.data.trim()) && e.getBoundingClientRect().width > 1)
        .map(e => {
            const [a, b] = [light(paint([page])), light(paint([page, getComputedStyle(e).color]))].sort((x, y) => y - x);
            return [e.textContent.trim(), (a + 0.05) / (b + 0.05)];
        });
}"""
# The player on a page by itself: where it lies on the real one is no affair of its own.
SCRIPT = """
from pathlib import Path

import streamlit as st

from models.labels import LABELS
from pages.components.analyze.jobs import asked_jobs
from pages.components.analyze.watch import watch
from pages.components.player.player import show_player
from pages.components.session.state import Recording, drawer_of
from xai.analysis import analyse
from xai.explanation import Contrast

st.set_page_config(layout="wide")
st.title("Player")
files = [Path("pages/sample/sample." + kind).read_bytes() for kind in ("wav", "mp4")]
analysis = st.cache_resource(lambda: analyse(*files))()
emotion = st.selectbox("Why this emotion?", LABELS, index=analysis.predicted)
contrast = Contrast(LABELS.index(emotion))
kept = drawer_of(analysis)
drawn = kept.work.version
show_player(kept, Recording("sample", *files), contrast, list(analysis.attributions))
kept.work.want(list(asked_jobs(kept)))
watch(kept, drawn)
"""


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    """A server for the script."""
    script = tmp_path_factory.mktemp("player") / "player_app.py"
    script.write_text(SCRIPT, encoding="utf-8")
    with serving.app(script=str(script)) as url:
        yield url


def open_player(tab: Page) -> None:
    if not tab.evaluate(PLAYS):
        pytest.skip("this browser plays no H.264 (Playwright's own Chromium does not; the system's does)")
    expect(slider(tab, "Spectrogram")).to_be_visible()
    tab.wait_for_function("video => video.readyState >= 2", arg=video(tab).element_handle())
    expect(tab.get_by_test_id("stStatusWidget")).to_have_count(0)


def slider(tab: Page, name: str) -> Locator:
    return tab.get_by_role("slider", name=name, exact=True)


def video(tab: Page) -> Locator:
    return tab.locator("video")


def now(tab: Page) -> float:
    """Where the picture is, once it has got there."""
    return video(tab).evaluate("async v => { while (v.seeking) await new Promise(r => setTimeout(r, 10)); return v.currentTime }")


def length(tab: Page) -> float:
    return video(tab).evaluate("v => v.duration")


def click_at(tab: Page, name: str, share: float) -> None:
    track = slider(tab, name)
    track.scroll_into_view_if_needed()
    box = track.bounding_box()
    tab.mouse.click(box["x"] + share * box["width"], box["y"] + box["height"] / 2)


def cursors(tab: Page) -> list[float]:
    """Where the three cursors stand, as a share of the width."""
    return [
        slider(tab, name).evaluate(
            """track => {
                const [all, cursor] = [track, track.querySelector('.cursor')].map(e => e.getBoundingClientRect());
                return (cursor.left + cursor.width / 2 - all.left) / all.width;
            }"""
        )
        for name in SLIDERS
    ]


def heat(tab: Page) -> int:
    """Number of pixels that are covered by heat."""
    return tab.locator("canvas.heat").evaluate(
        "c => c.getContext('2d').getImageData(0, 0, c.width, c.height).data.filter((v, k) => k % 4 == 3 && v > 0).length"
    )


def keep(tab: Page, name: str) -> None:
    if folder := os.environ.get("EMOLENS_SCREENSHOTS"):
        tab.wait_for_timeout(500)
        tab.screenshot(path=str(Path(folder) / f"player-{name}.png"))


def test_clicking_any_of_them_seeks_all(page):  # noqa: F811
    open_player(page)
    assert video(page).evaluate("v => v.videoWidth") == 640
    for name, share in (("Spectrogram", 0.6), ("Probabilities over time", 0.25), ("Time", 0.8), ("Spectrogram", 0.1)):
        click_at(page, name, share)
        assert abs(now(page) - share * length(page)) < 0.1
        assert max(abs(place - share) for place in cursors(page)) < 0.01
        assert abs(float(slider(page, name).get_attribute("aria-valuenow")) - share * length(page)) < 0.1
    slider(page, "Spectrogram").scroll_into_view_if_needed()
    keep(page, "wide")


def test_by_keyboard(page):  # noqa: F811
    open_player(page)
    spectrogram = slider(page, "Spectrogram")
    slider(page, "Time").focus()
    page.keyboard.press("Tab")  # the switch of the heat
    page.keyboard.press("Tab")
    expect(spectrogram).to_be_focused()
    assert spectrogram.evaluate("e => parseFloat(getComputedStyle(e).outlineWidth)") >= 2
    step = STEP_OF_THE_CURVES
    for keys, expected in (
        ("ArrowRight " * 3, 3 * step),
        ("Shift+ArrowRight", 3 * step + 1),
        ("ArrowLeft", 2 * step + 1),
        ("ArrowUp", 2 * step + 2),
        ("Home", 0.0),
    ):
        for key in keys.split():
            page.keyboard.press(key)
        assert now(page) == pytest.approx(expected, abs=0.02)
    assert "0.0 of 4.8 seconds" in spectrogram.get_attribute("aria-valuetext")
    page.keyboard.press(" ")
    expect(page.get_by_role("button", name="Pause")).to_be_visible()
    page.wait_for_function("video => video.currentTime > 0.2", arg=video(page).element_handle())
    page.keyboard.press(" ")
    expect(page.get_by_role("button", name="Play", exact=True)).to_be_visible()
    stopped = now(page)
    page.wait_for_timeout(300)
    assert now(page) == stopped
    assert max(abs(place - stopped / length(page)) for place in cursors(page)) < 0.01


@pytest.mark.parametrize("place", ["player", "button", "switch", "picture", *SLIDERS])
def test_keys_seek_wherever_the_focus_is(page, place):  # noqa: F811
    """And the space bar plays, but for a button and a switch, which keep it for themselves."""
    open_player(page)
    if place == "picture":
        page.locator(".stage").click()  # plays
        page.locator(".stage").click()
        page.keyboard.press("Home")
    elif place == "player":
        page.locator(".player").focus()
        page.keyboard.press("Shift")
        assert page.locator(".player").evaluate("e => parseFloat(getComputedStyle(e).outlineWidth)") >= 2
    else:
        button, switch = page.get_by_role("button", name="Play", exact=True), page.get_by_role("switch", name="Heat", exact=True)
        (button if place == "button" else switch if place == "switch" else slider(page, place)).focus()
    top = page.evaluate("document.querySelector('[data-testid=stMain]').scrollTop")
    for key, expected in (("ArrowRight", STEP_OF_THE_CURVES), ("End", length(page)), ("Home", 0.0), ("Shift+ArrowRight", 1.0)):
        page.keyboard.press(key)
        assert now(page) == pytest.approx(expected, abs=0.03)
        assert max(abs(share - expected / length(page)) for share in cursors(page)) < 0.01
    page.keyboard.press(" ")
    if place == "switch":
        assert heat(page) == 0
        assert video(page).evaluate("v => v.paused")
    else:
        expect(page.get_by_role("button", name="Pause")).to_be_visible()
    assert page.evaluate("document.querySelector('[data-testid=stMain]').scrollTop") == top


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_everybody_can_hit_and_read_it(page, scheme):  # noqa: F811
    """44 pixels for a finger; a contrast of 4.5 for every text, computed from the colours that the browser ends up with."""
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": 390, "height": 844})
    open_player(page)
    click_at(page, "Time", 0.5)
    for target in page.locator(".play, .switch, .track").all():
        box = target.bounding_box()
        assert min(box["width"], box["height"]) >= 44
    texts = page.locator(".player").evaluate(CONTRASTS)
    assert len(texts) > 15
    assert {text: ratio for text, ratio in texts if ratio < 4.5} == {}
    keep(page, f"readable-{scheme}")


def test_heat_follows_the_clock_the_switch_and_the_emotion(page):  # noqa: F811
    open_player(page)
    expect(page.get_by_text("computed at 0.0 s")).to_be_visible()
    click_at(page, "Spectrogram", 0.5)
    expect(page.get_by_text("computed at 2.4 s")).to_be_visible()
    assert heat(page) > 1000
    switch = page.get_by_role("switch", name="Heat", exact=True)
    switch.click()
    assert heat(page) == 0
    switch.click()
    before = now(page)
    choice = page.get_by_role("combobox", name="Why this emotion?")
    choice.click()
    choice.fill("sad")
    choice.press("Enter")
    expect(page.get_by_text("Heat for sad, computed at 2.4 s")).to_be_visible()
    assert now(page) == before


def test_a_phone_scrolls_in_one_direction_only(page):  # noqa: F811
    page.emulate_media(color_scheme="dark")
    page.set_viewport_size({"width": 390, "height": 844})
    open_player(page)
    click_at(page, "Probabilities over time", 0.5)
    assert abs(now(page) - 0.5 * length(page)) < 0.1
    assert page.evaluate("document.querySelector('[data-testid=stMain]').scrollWidth") <= 390
    over = "e => [...e.querySelectorAll('*')].filter(x => x.getBoundingClientRect().right > innerWidth).length"
    assert page.locator(".player").evaluate(over) == 0
    keep(page, "phone")

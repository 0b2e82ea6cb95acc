"""The board in a browser: bars by mouse, finger and keyboard, and drawings that survive what ``st.html`` removes.

``EMOLENS_SCREENSHOTS=DIR pytest tests/pages/board/test_browser_bars.py`` keeps a picture of each view.
"""

import os
import time
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.pages import serving
from tests.pages.test_browser import chromium  # noqa: F401  (a fixture)

SCRIPT = Path(__file__).with_name("board_script.py")
# Of each element: the contrast (WCAG 2.2, 1.4.3) of its text, as drawn with all opacities above it, on the page's background.
CONTRAST = """elements => {
    const pen = Object.assign(document.createElement('canvas'), {width: 1, height: 1}).getContext('2d', {willReadFrequently: true});
    const paint = (colour, share) => { pen.globalAlpha = share; pen.fillStyle = colour; pen.fillRect(0, 0, 1, 1); };
    const bright = () => { const [r, g, b] = [...pen.getImageData(0, 0, 1, 1).data].map(v => v / 255)
        .map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
    const over = e => e.parentElement ?? e.getRootNode().host;
    const above = e => { const all = []; for (let a = e; a; a = over(a)) all.push(getComputedStyle(a)); return all; };
    return elements.map(e => {
        const styles = above(e);
        for (const style of [...styles].reverse()) paint(style.backgroundColor, 1);
        const ground = bright();
        paint(styles[0].color, styles.reduce((share, style) => share * style.opacity, 1));
        const text = bright();
        return (Math.max(text, ground) + 0.05) / (Math.min(text, ground) + 0.05);
    });
}"""


@pytest.fixture(scope="module")
def address():
    """The script on a free port of this machine."""
    with serving.app(script=str(SCRIPT)) as url:
        yield url


@pytest.fixture
def visit(chromium, address):  # noqa: F811
    """Open the page in a window of one's own; an error in it fails the test."""
    opened, errors = [], []

    def open_page(width: int = 1366, **more) -> Page:
        context = chromium.new_context(viewport={"width": width, "height": 768}, **more)
        opened.append(context)
        tab = context.new_page()
        tab.on("pageerror", lambda error: errors.append(str(error)))
        tab.set_default_timeout(60_000)
        tab.goto(address)
        expect(tab.locator(".em-patch")).to_have_count(3)
        expect(bars(tab)).to_have_count(8)
        expect(tab.get_by_test_id("stStatusWidget")).to_have_count(0)
        return tab

    yield open_page
    for context in opened:
        context.close()
    assert errors == []


def bars(tab: Page) -> Locator:
    return tab.get_by_role("radiogroup", name="Why this emotion?").get_by_role("radio")


def bar(tab: Page, name: str) -> Locator:
    return bars(tab).filter(has_text=name)


def said(tab: Page, why: str, returned: str, told: str) -> None:
    expect(tab.get_by_text(f"Why {why}; returned {returned}; told {told}", exact=True)).to_be_visible()


def checked(tab: Page) -> list[str]:
    return bars(tab).evaluate_all("rows => rows.filter(r => r.getAttribute('aria-checked') === 'true').map(r => r.dataset.name)")


def keep(tab: Page, name: str) -> None:
    if folder := os.environ.get("EMOLENS_SCREENSHOTS"):
        tab.screenshot(path=str(Path(folder) / f"board-{name}.png"))


def test_a_click_is_told_once_and_python_may_choose_otherwise(visit):
    tab = visit()
    said(tab, "happy", "None", "")
    expect(bars(tab)).to_have_text(
        [f"{n}{p}why?{more}" for n, p, more in zip(
            ("happy", "calm", "fearful", "sad", "angry", "neutral", "surprised", "disgust"),
            ("55 %", "31 %", "5 %", "5 %", "2 %", "1 %", "1 %", "<1 %"), (", recognised", *[""] * 7), strict=True)]
    )  # fmt: skip
    bar(tab, "calm").click()
    said(tab, "calm", "calm", "calm")
    assert checked(tab) == ["calm"]
    tab.get_by_role("button", name="Choose sad").click()
    said(tab, "sad", "None", "calm")
    assert checked(tab) == ["sad"]
    bar(tab, "calm").click()
    said(tab, "calm", "calm", "calm,calm")
    bar(tab, "calm").click()
    said(tab, "calm", "calm", "calm,calm")


def test_a_click_shows_before_python_answers_and_the_last_one_holds(visit):
    tab = visit()
    tab.get_by_text("Slow").click()
    tab.wait_for_timeout(300)
    start = time.monotonic()
    bar(tab, "angry").click()
    assert checked(tab) == ["angry"]
    bar(tab, "neutral").click()
    assert checked(tab) == ["neutral"]
    assert time.monotonic() - start < 1.5
    seen = set()
    while tab.get_by_text("Why neutral").count() == 0:
        seen.update(checked(tab))
        assert time.monotonic() - start < 30
    assert seen == {"neutral"}
    assert checked(tab) == ["neutral"]


def test_another_answer_than_the_click_holds(visit):
    tab = visit()
    tab.get_by_text("Stubborn").click()
    expect(tab.get_by_role("checkbox", name="Stubborn")).to_be_checked()
    expect(tab.get_by_test_id("stStatusWidget")).to_have_count(0)
    bar(tab, "angry").click()
    said(tab, "sad", "angry", "angry")
    assert checked(tab) == ["sad"]


def test_by_keyboard(visit):
    tab = visit()
    tab.get_by_text("Slow").click()
    tab.get_by_text("Slow").click()
    expect(tab.get_by_test_id("stStatusWidget")).to_have_count(0)
    tab.get_by_role("checkbox", name="Stubborn").focus()
    tab.keyboard.press("Tab")
    expect(bar(tab, "happy")).to_be_focused()  # the chosen one
    for key, name in (("ArrowDown", "calm"), ("ArrowRight", "fearful"), ("ArrowUp", "calm"), ("End", "disgust"), ("ArrowDown", "happy")):
        tab.keyboard.press(key)
        expect(bar(tab, name)).to_be_focused()
        assert checked(tab) == ["happy"]
    assert bar(tab, "happy").evaluate("e => parseFloat(getComputedStyle(e).outlineWidth)") >= 2
    tab.keyboard.press("ArrowDown")
    tab.keyboard.press("Enter")
    said(tab, "calm", "calm", "calm")
    expect(bar(tab, "calm")).to_be_focused()
    tab.keyboard.press("ArrowLeft")
    tab.keyboard.press("Space")
    said(tab, "happy", "happy", "calm,happy")
    tab.keyboard.press("Tab")
    assert tab.evaluate("document.activeElement.getAttribute('aria-label')") == "Frames, in order of time"


def test_another_recording_moves_the_rows_and_their_bars(visit):
    tab = visit(reduced_motion="reduce")
    tab.get_by_role("button", name="Another recording").click()
    names = ["fearful", "sad", "calm", "happy", "surprised", "disgust", "angry", "neutral"]
    expect(bars(tab).locator(".name")).to_have_text(names)
    widths = bars(tab).evaluate_all("rows => rows.map(r => ['.bar', '.track'].map(s => r.querySelector(s).getBoundingClientRect().width))")
    for (width, whole), share in zip(widths[:2], (0.55, 0.31), strict=True):
        assert width / whole == pytest.approx(share, abs=0.003)
    assert checked(tab) == ["happy"]
    assert bar(tab, "fearful").locator(".name").evaluate("e => getComputedStyle(e).fontWeight") == "700"
    assert bar(tab, "happy").locator(".name").evaluate("e => getComputedStyle(e).fontWeight") == "400"


def test_nothing_moves_for_those_who_want_no_motion(visit):
    for wish, seconds in (("reduce", "0s"), ("no-preference", "0.25s")):
        assert visit(reduced_motion=wish).locator(".bar").first.evaluate("e => getComputedStyle(e).transitionDuration") == seconds


def test_eight_rows_for_a_mouse_and_for_a_finger(visit):
    for finger, least, most in ((False, 24, 230), (True, 44, 400)):
        tab = visit(390, has_touch=True, is_mobile=True) if finger else visit()
        heights = [box["height"] for box in map(Locator.bounding_box, bars(tab).all())]
        assert len(heights) == 8
        assert min(heights) >= least
        assert sum(heights) <= most


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_text_is_read_in_both_themes(visit, theme):
    tab = visit(color_scheme=theme)
    drawn = ".name, .share, .why, .em-name, .em-number, .em-foot, .em-unit, .em-hertz span, .em-seconds span, figcaption"
    assert tab.locator(drawn).count() > 40
    assert min(tab.locator(drawn).evaluate_all(CONTRAST)) >= 4.5
    assert tab.locator(".em-name").first.evaluate_all(CONTRAST)[0] > 12  # the theme's own text, on its own ground
    keep(tab, theme)


@pytest.mark.parametrize("width", [320, 390, 900])
def test_nothing_is_wider_than_the_window(visit, width):
    tab = visit(width)
    assert tab.evaluate("document.querySelector('[data-testid=stMain]').scrollWidth") <= width
    over = "(all, width) => all.filter(e => e.getBoundingClientRect().right > width + 0.5 || e.scrollWidth > e.clientWidth + 1).length"
    assert tab.locator(".bars, .row, .em-rows, .em-foot, .em-sound, .em-strip").evaluate_all(over, width) == 0
    sounds, strip = tab.locator(".em-sound"), tab.locator(".em-strip")
    assert sounds.bounding_box()["height"] == pytest.approx(170, abs=1)
    if width == 390:
        shown = strip.evaluate("e => e.clientWidth / e.querySelector('figure').getBoundingClientRect().width")
        assert 1.2 < shown < 1.6
    keep(tab, str(width))


def test_pictures_lines_and_waveform_survive(visit):
    tab = visit()
    strip = tab.locator(".em-strip")
    images = tab.locator(".em-strip img, .em-sound img")
    drawn = "() => [...document.querySelectorAll('.em-strip img, .em-sound img')].every(i => i.naturalWidth > 100)"
    tab.wait_for_function(drawn)
    assert images.count() == 6
    expect(tab.get_by_role("img", name="Frame at 1.0 s (struck through)")).to_be_visible()
    assert tab.locator(".em-wave").evaluate("e => getComputedStyle(e).clipPath.split(',').length") > 500
    line = strip.locator(".em-strike").first
    assert line.bounding_box() == strip.locator(".em-picture").first.bounding_box()
    assert "linear-gradient" in line.evaluate("e => getComputedStyle(e).backgroundImage")
    signs = tab.locator(".em-patch").all_inner_texts()
    assert sorted(signs) in (["+", "−", "−"], ["+", "+", "−"])


def test_what_prints_is_all_of_it(visit):
    tab = visit(500)
    strip = tab.locator(".em-strip [role=group]")
    assert strip.evaluate("e => e.scrollWidth - e.clientWidth") > 100
    tab.emulate_media(media="print")
    assert strip.evaluate("e => e.scrollWidth - e.clientWidth") <= 1
    tops = strip.locator("figure").evaluate_all("all => all.map(e => e.getBoundingClientRect().top)")
    assert 1 < len(set(tops)) < 5

"""Pictures side by side."""

import numpy as np
import pytest

from pages.components.board.strip import strip_html
from tests.pages.board.reading import read
from tests.pages.board.test_style import opened

RED, BLUE = (np.full(shape, colour, np.uint8) for shape, colour in (((300, 600, 3), (210, 20, 20)), ((500, 250, 3), (20, 20, 210))))
WORDS = ["Frame at 0.0 s", 'Frame "two" <b>'], ["0.0 s", "1.0 s & more"]


def drawn(**more):
    return read(strip_html([RED, BLUE], WORDS[1], WORDS[0], 170, **more))


def test_every_picture_with_its_words_in_order():
    page = drawn()
    images = page.all("img")
    assert [image.attributes["alt"] for image in images] == WORDS[0]
    assert [caption.text for caption in page.all("figcaption")] == WORDS[1]
    assert not page.all("b")
    red, blue = (opened(image.attributes["src"]) for image in images)
    assert red.shape == (200, 400, 3)
    assert blue.shape == (400, 200, 3)
    assert red[..., 0].mean() > 180 > 60 > red[..., 2].mean()
    assert blue[..., 2].mean() > 180 > 60 > blue[..., 0].mean()


def test_proportions_are_kept():
    assert [float(figure.style["--em-ratio"]) for figure in drawn().all("figure")] == [2, 0.5]
    assert drawn().all(class_="em-strip")[0].style["--em-height"] == "170px"


def test_nearly_equal_proportions_are_made_equal():
    """So that captions stand in line; what is quite another shape keeps it."""
    shapes = [np.zeros((200, width, 3), np.uint8) for width in (190, 200, 210, 320)]
    page = read(strip_html(shapes, [""] * 4, list("abcd"), 100))
    assert [float(figure.style["--em-ratio"]) for figure in page.all("figure")] == [1.025, 1.025, 1.025, 1.6]


@pytest.mark.parametrize(
    ("state", "lines", "opacity", "words"),
    [({}, 0, "1.0", ""), ({"faint": True}, 0, "0.55", " (faint)"), ({"struck": True}, 2, "0.45", " (struck through)")],
)
def test_what_failed_is_struck_and_what_is_not_checked_is_faint(state, lines, opacity, words):
    page = drawn(**state)
    assert len(page.all(class_="em-strike")) == lines
    assert {image.style["opacity"] for image in page.all("img")} == {opacity}
    assert [image.attributes["alt"] for image in page.all("img")] == [alt + words for alt in WORDS[0]]


def test_what_scrolls_is_reached_by_keyboard_and_one_picture_does_not_scroll():
    (group,) = drawn(label='A "row"').all(role="group")
    assert (group.attributes["tabindex"], group.attributes["aria-label"]) == ("0", 'A "row"')
    assert not read(strip_html([RED], [""], ["one"], 100)).all(role="group")
    assert not read(strip_html([RED], [""], ["one"], 100)).all("figcaption")


def test_words_for_each_picture():
    with pytest.raises(ValueError):
        strip_html([RED, BLUE], ["one"], ["one", "two"], 170)

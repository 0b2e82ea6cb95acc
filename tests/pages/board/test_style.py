"""Numbers in words, and pictures as data."""

import base64

import cv2
import numpy as np
import pytest

from pages.components.board.style import as_jpeg, escaped, percent, signed


@pytest.mark.parametrize(
    ("share", "words"),
    [(0, "<1 %"), (0.00499, "<1 %"), (0.005, "<1 %"), (0.0051, "1 %"), (0.62, "62 %"), (0.9949, "99 %"), (0.996, ">99 %"), (1, ">99 %")],
)
def test_percent(share, words):
    assert percent(share) == words


@pytest.mark.parametrize(
    ("value", "digits", "words"),
    [(1.26, 1, "+1.3"), (-1.26, 1, "−1.3"), (0.04, 1, "0.0"), (-0.04, 1, "0.0"), (-0.5001, 0, "−1"), (0, 0, "0")],
)
def test_what_rounds_to_zero_has_no_sign(value, digits, words):
    assert signed(value, digits) == words


def test_nothing_gets_out_of_an_attribute():
    assert escaped("""a"b'c<d>&""") == "a&quot;b&#x27;c&lt;d&gt;&amp;"


def opened(address: str) -> np.ndarray:
    """uint8 rgb (h, w, 3): what a browser would draw."""
    data = np.frombuffer(base64.b64decode(address.removeprefix("data:image/jpeg;base64,")), np.uint8)
    return cv2.imdecode(data, cv2.IMREAD_COLOR)[..., ::-1]


@pytest.mark.parametrize(("shape", "expected"), [((300, 800), (150, 400)), ((900, 300), (400, 133)), ((100, 120), (100, 120))])
def test_a_picture_keeps_colour_and_proportions(shape, expected):
    red = np.full((*shape, 3), (200, 30, 10), np.uint8)
    found = opened(as_jpeg(red, 400))
    assert found.shape[:2] == expected
    assert np.abs(found.reshape(-1, 3).mean(axis=0) - (200, 30, 10)).max() < 3

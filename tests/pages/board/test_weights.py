"""Weights on both sides of one line."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from pages.components.board.weights import weights_html
from tests.pages.board.reading import read
from xai.render.colours import AGAINST_COLOUR, FOR_COLOUR

ROWS = [("loudness", 0.5), ("vowel <shape> & more", -1.5), ("none", 0.0), ("texture", 0.004)]


def test_bars_are_proportional_on_one_scale_and_lie_on_their_side():
    bars = read(weights_html(ROWS, "logit")).all(class_="em-bar")
    values = np.array([value for _, value in ROWS])
    zero = 100 * 1.5 / 2.0
    ends = np.array([(bar.share("left"), bar.share("left") + bar.share("width")) for bar in bars])
    assert_allclose(ends[:, 0], zero + 50 * np.minimum(values, 0), atol=0.02)
    assert_allclose(ends[:, 1], zero + 50 * np.maximum(values, 0), atol=0.02)
    assert [bar.style["background"] for bar in bars[:2]] == [FOR_COLOUR, AGAINST_COLOUR]


def test_the_line_is_where_the_bars_begin():
    page = read(weights_html(ROWS, "logit"))
    assert {line.share("left") for line in page.all(class_="em-zero")} == {75.0}


def test_names_and_numbers_are_read_without_colour():
    page = read(weights_html(ROWS, "logit"))
    assert [row.text for row in page.all(role="listitem")] == ["loudness+0.50", "vowel <shape> & more−1.50", "none0.00", "texture0.00"]
    assert page.all(class_="em-foot")[0].text == "+ for, − against · logit"
    assert not page.all("shape")


def test_without_numbers_signs_stay():
    page = read(weights_html(ROWS, "", show_numbers=False))
    assert [number.text for number in page.all(class_="em-number")] == ["+", "−", "0", "0"]
    assert page.all(class_="em-foot")[0].text == "+ for, − against"


@pytest.mark.parametrize(("values", "zero"), [([1, 2], 0), ([-1, -2], 100), ([0, 0], 0)])
def test_one_side_only(values, zero):
    page = read(weights_html([("a", values[0]), ("b", values[1])], ""))
    assert {line.share("left") for line in page.all(class_="em-zero")} == {zero}
    assert_allclose([bar.share("width") for bar in page.all(class_="em-bar")], 50 * np.abs(values), atol=0.02)


def test_no_rows():
    assert read(weights_html([], "logit")).all(role="listitem") == []

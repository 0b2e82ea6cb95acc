"""Shares of face and voice: numbers that add up, and bars as long as they say."""

import numpy as np
import pytest

from pages.components.board.shares import shares_html, whole_points
from tests.pages.board.reading import read


@pytest.mark.parametrize("seed", range(20))
def test_whole_points_add_up_and_stay_near(seed):
    rng = np.random.default_rng(seed)
    points = rng.normal(0, 20, rng.integers(1, 4))
    nothing = rng.uniform(0, 40)
    everything = nothing + points.sum()
    whole = whole_points(points, nothing, everything)
    assert round(nothing) + sum(whole) == round(everything)
    assert np.abs(whole - points).max() < (1 if len(points) > 1 else 1.01)


def test_points_that_need_no_help_are_rounded():
    assert whole_points([30.2, -8.9], 20.1, 41.4) == [30, -9]


def test_points_give_way_where_both_ends_are_rounded_to_the_same():
    assert whole_points([3.0, -2.0], 11.5, 12.5) == [3, -3]


def test_bars_are_as_long_as_the_points():
    page = read(shares_html(["face", "voice"], [40.2, -10.3], 20.0, 49.9))
    face, voice = page.all(class_="em-bar")
    assert face.share("width") / voice.share("width") == pytest.approx(40.2 / 10.3, rel=1e-3)
    assert voice.share("left") + voice.share("width") == pytest.approx(face.share("left"), abs=0.02)
    assert face.share("left") + face.share("width") == pytest.approx(100, abs=0.02)
    assert [row.text for row in page.all(role="listitem")] == ["face+40", "voice−10"]
    assert page.all(class_="em-foot")[0].text == "points: from 20 % knowing neither to 50 % knowing both"


def test_two_rows_and_a_line_are_at_most_60_pixels_high():
    page = read(shares_html(["face", "voice"], [1.0, 2.0], 3.0, 6.0))
    row = int(page.all(class_="em-rows")[0].style["--em-row"].removesuffix("px"))
    assert 2 * row + 18 <= 60


def test_tiny_points_have_tiny_bars():
    page = read(shares_html(["face", "voice"], [0.5, 0.25], 12.0, 12.75))
    assert [bar.share("width") for bar in page.all(class_="em-bar")] == pytest.approx([10, 5])


def test_one_alone():
    assert "from 12 % knowing nothing to 20 % knowing it" in read(shares_html(["voice"], [8.0], 12.0, 20.0)).text

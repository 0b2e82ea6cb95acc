"""Bars of moments: at their seconds, up for and down against, on one scale; nothing is lost where neighbours are added up."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from pages.components.board.moments import Row, merged, moments_html
from tests.pages.board.reading import read
from xai.render.colours import AGAINST_COLOUR, FOR_COLOUR

VOICE = Row("voice", np.array([[0.5, 1.0], [1.0, 1.5], [1.5, 1.7]]), np.array([0.5, -0.25, 0.1]))
FACE = Row("face", np.array([[0.0, 1.0], [1.0, 2.0]]), np.array([-0.5, 0.2]))


def bars(rows, seconds: float = 4.0):
    return read(moments_html(rows, seconds, "logit")).all(class_="em-bar")


def test_bars_lie_at_their_seconds():
    found = bars([VOICE, FACE])
    segments = np.concatenate([VOICE.segments, FACE.segments])
    assert_allclose([bar.share("left") for bar in found], 100 * segments[:, 0] / 4, atol=0.01)
    widths = [float(bar.style["width"].removeprefix("calc(").split("%")[0]) for bar in found]
    assert_allclose(widths, 100 * np.diff(segments, axis=1)[:, 0] / 4, atol=0.01)


def test_bars_stand_on_one_line_on_one_scale_up_for_and_down_against():
    """From 0.5 for, on top, to 0.5 against."""
    page = read(moments_html([VOICE, FACE], 4.0))
    values = np.concatenate([VOICE.values, FACE.values])
    assert {line.share("top") for line in page.all(class_="em-zero")} == {50.0}
    for bar, value in zip(page.all(class_="em-bar"), values, strict=True):
        top, height = bar.share("top"), bar.share("height")
        assert height == pytest.approx(100 * abs(value), abs=0.06)
        assert (top + height if value > 0 else top) == pytest.approx(50, abs=0.06)
        assert bar.style["background"] == (FOR_COLOUR if value > 0 else AGAINST_COLOUR)


@pytest.mark.parametrize(("sign", "zero"), [(1, 100.0), (-1, 0.0), (0, 0.0)])
def test_one_side_takes_all_the_height(sign, zero):
    page = read(moments_html([Row("voice", FACE.segments, sign * np.array([1.0, 2.0]))], 2.0))
    assert page.all(class_="em-zero")[0].share("top") == zero
    assert [bar.share("height") for bar in page.all(class_="em-bar")] == [50.0 * abs(sign), 100.0 * abs(sign)]


def test_sums_and_the_strongest_moment_are_read_without_bars():
    page = read(moments_html([VOICE, FACE], 4.0, "logit"))
    assert [number.text for number in page.all(class_="em-number")] == ["+0.35", "−0.30"]
    first, second = (row.text for row in page.all(role="listitem"))
    assert first == "voice: the strongest moment lies at 0.5 s, +0.50+0.35"
    assert second == "face: the strongest moment lies at 0.0 s, −0.50−0.30"
    assert page.all(class_="em-foot")[0].text.startswith("up: for, down: against · logit")
    assert page.all(class_="em-bar")[1].attributes["title"] == "1.0 to 1.5 s: −0.25, against it"


def test_seconds_stand_below_where_they_are():
    ticks = read(moments_html([FACE], 4.0)).all(class_="em-seconds")[0].all("span")
    assert ticks[-1].text.endswith(" s")
    for tick in ticks:
        assert tick.share("left") == pytest.approx(100 * float(tick.text.removesuffix(" s")) / 4, abs=0.01)


@pytest.mark.parametrize("count", [121, 600, 1000])
def test_of_many_moments_neighbours_are_added_up(count):
    values = np.random.default_rng(0).normal(size=count)
    starts = 0.5 * np.arange(count)
    row = Row("voice", np.stack([starts, starts + 0.5], axis=1), values)
    found = merged(row)
    assert len(found.values) == len(found.segments) == 120
    assert found.values.sum() == pytest.approx(values.sum())
    assert (found.segments[0, 0], found.segments[-1, 1]) == (0.0, 0.5 * count)
    assert_allclose(found.segments[1:, 0], found.segments[:-1, 1])
    for (start, end), value in zip(found.segments, found.values, strict=True):
        assert value == pytest.approx(values[(starts >= start) & (starts < end)].sum())
    assert merged(VOICE) is VOICE
    assert len(bars([row], 0.5 * count)) == 120


def test_a_moment_after_the_end_stays_in_the_picture():
    (bar,) = bars([Row("face", np.array([[3.5, 6.0]]), np.array([1.0]))])
    assert bar.share("left") == 87.5
    assert bar.style["width"].startswith("calc(12.50%")


def test_what_failed_is_struck_through_and_what_is_not_checked_is_faint():
    usual, struck, faint = (moments_html([FACE], 4.0, **how) for how in ({}, {"struck": True}, {"faint": True}))
    assert len({usual, struck, faint}) == 3
    assert read(struck).all(class_="em-foot")[0].text != read(usual).all(class_="em-foot")[0].text

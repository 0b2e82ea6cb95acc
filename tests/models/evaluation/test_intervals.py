"""Intervals: of people where there are enough of them, and those of SciPy."""

import numpy as np
import pytest
from scipy.stats import binomtest

from models.evaluation.intervals import bootstrap, bounds_of, share_of, wilson


def test_actors_are_resampled_as_a_whole():
    """Half of ten actors are always right: the interval is that of ten coin tosses, however many clips each has."""
    groups = np.repeat(np.arange(10), 100)
    right = groups % 2 == 0
    low, high = bootstrap(groups, lambda rows: np.array([right[rows].mean()]))
    assert low[0] == pytest.approx(0.2, abs=0.05)
    assert high[0] == pytest.approx(0.8, abs=0.05)


def test_where_all_actors_are_alike_there_is_no_doubt():
    groups = np.repeat(np.arange(6), 50)
    right = np.tile(np.arange(50) % 2 == 0, 6)
    low, high = bootstrap(groups, lambda rows: np.array([right[rows].mean()]))
    assert low[0] == high[0] == 0.5


def test_clips_of_few_actors_are_resampled_within_each():
    groups = np.repeat([3, 8], [100, 300])
    right = np.arange(400) % 2 == 0
    low, high = bootstrap(groups, lambda rows: np.array([right[rows].mean(), (groups[rows] == 3).sum(), len(rows)]))
    assert (low[1:] == [100, 400]).all()
    assert (high[1:] == [100, 400]).all()
    assert high[0] - low[0] == pytest.approx(2 * 1.96 * np.sqrt(0.25 / 400), rel=0.15)


def test_the_interval_is_repeatable():
    groups = np.repeat(np.arange(8), 5)
    value = np.random.default_rng(0).normal(size=40)
    first, again = (np.array(bootstrap(groups, lambda rows: np.array([value[rows].mean()]))) for _ in range(2))
    assert (first == again).all()


@pytest.mark.parametrize(("hits", "count"), [(0, 8), (8, 8), (1, 112), (56, 112), (100, 112), (39, 60)])
def test_wilson_is_scipys(hits, count):
    expected = binomtest(hits, count).proportion_ci(method="wilson")
    assert wilson(hits / count, count) == pytest.approx((expected.low, expected.high), abs=1e-6)


def test_of_nothing_nothing_is_known():
    assert wilson(0.0, 0) == (0.0, 1.0)


def test_a_share_of_many_people_has_their_interval():
    actors = np.repeat(np.arange(10), 100)
    found = share_of((actors % 2 == 0).astype(float), actors)
    assert [found[key] for key in ("value", "low", "high")] == pytest.approx([0.5, 0.2, 0.8], abs=0.06)


def test_a_share_of_few_people_has_that_of_their_clips():
    hits, actors = np.repeat([1.0, 0.0], [84, 28]), np.tile([1, 5], 56)
    assert share_of(hits, actors) == {"value": 0.75, **dict(zip(("low", "high"), np.round(wilson(0.75, 112), 4).tolist(), strict=True))}


def test_where_nothing_varies_there_is_some_doubt():
    """Resampling finds none."""
    found = share_of(np.ones(240), np.repeat(np.arange(24), 10))
    assert (found["value"], found["high"]) == (1.0, 1.0)
    assert 0.98 < found["low"] < 1


@pytest.mark.parametrize(("right", "of"), [(8, 8), (0, 8), (30, 30)])
def test_all_or_none_of_few_are_not_certain(right, of):
    found = bounds_of(dict.fromkeys(("value", "low", "high"), right / of), of)
    assert found == pytest.approx(binomtest(right, of).proportion_ci(method="wilson"), abs=1e-4)


def test_other_intervals_stay_as_they_are():
    assert bounds_of({"value": 0.5, "low": 0.4, "high": 0.7}, 10) == (0.4, 0.7)
    assert bounds_of({"value": 1.0, "low": 0.8, "high": 1.0}, 10) == (0.8, 1.0)
    assert bounds_of({"value": None, "low": None, "high": None}, 0) == (0.0, 0.0)

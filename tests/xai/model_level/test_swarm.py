"""Dots of a swarm are kept apart, and coloured by rank."""

import numpy as np
import pytest
from scipy.stats import rankdata

from xai.model_level.swarm import WIDTH, ranks, spread


def test_a_swarm_keeps_equal_values_apart_and_leaves_single_ones_alone():
    values = np.array([0.0, 0.0, 0.0, 1.0])
    offsets = spread(values)
    assert offsets[3] == 0
    assert len(set(offsets[:3])) == 3
    assert np.abs(offsets).max() <= WIDTH + 1e-9


@pytest.mark.parametrize("values", [np.zeros(5), np.array([3.0])])
def test_of_one_value_there_is_one_row(values):
    offsets = spread(values)
    assert np.abs(offsets).max() == (WIDTH if len(values) > 1 else 0)
    assert offsets.sum() == pytest.approx(0)


def test_ranks_are_those_of_scipy():
    values = np.random.default_rng(0).normal(size=30)
    assert np.allclose(ranks(values), (rankdata(values) - 1) / 29)
    assert ranks(np.array([7.0])).tolist() == [0.0]

"""Agreement against scipy and Quantus, and the geometry of the small changes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import spearmanr

from features import SPACE, Features, Modality
from features.faces import CROP
from xai.methods.gradcam import class_activation
from xai.metrics.stability import agreement, rank_correlation, recrop, slight_changes, steadiness, top_overlap

RNG = np.random.default_rng


@pytest.fixture
def pictures() -> np.ndarray:
    """Two smooth pictures."""
    import cv2

    noise = RNG(0).integers(0, 256, (2, 8, 8, 3)).astype(np.float32)
    return np.stack([cv2.resize(picture, (CROP, CROP)) for picture in noise]).round().astype(np.uint8)


@given(st.lists(st.tuples(st.integers(-4, 4), st.integers(-4, 4)), min_size=2, max_size=30))
def test_rank_correlation_is_spearmans_also_with_ties(pairs):
    a, b = np.array(pairs, float).T
    expected = spearmanr(a, b).statistic if np.ptp(a) and np.ptp(b) else 0.0
    assert rank_correlation(a, b) == pytest.approx(expected, abs=1e-12)


def test_rank_correlation_is_that_of_quantus():
    quantus = pytest.importorskip("quantus")
    a, b = RNG(0).normal(size=(2, 3, 7, 7))
    assert rank_correlation(a, a + b) == pytest.approx(quantus.similarity_func.correlation_spearman(a.ravel(), (a + b).ravel()))


def test_what_is_the_same_everywhere_ranks_nothing():
    a = RNG(0).normal(size=12)
    assert rank_correlation(a, np.full(12, 0.3)) == rank_correlation(np.zeros(12), a) == rank_correlation(np.ones(12), np.ones(12)) == 0


def test_overlap_counts_the_five_highest_not_the_largest():
    a = np.array([9.0, 8, 7, 6, 5, 0, -99, -98, -97, -96])
    assert top_overlap(a, a) == 1
    assert top_overlap(a, -a) == pytest.approx(0.0)
    b = np.array([0.0, 0, 7, 6, 5, 8, 9, -1, -2, -3])
    assert top_overlap(a, b) == pytest.approx(3 / 5)
    assert top_overlap(a, b, 1) == 0
    assert top_overlap(a, np.exp(b)) == top_overlap(a, b)


def test_the_same_thing_ten_times_agrees_entirely():
    a = RNG(0).normal(size=(10, 8))
    steady, top = agreement([a] * 10)
    assert (steady.value, steady.spread, steady.level) == (pytest.approx(1), pytest.approx((1, 1)), "green")
    assert (top.value, top.level) == (1, "green")
    assert steady.details == top.details == {"seeds": 10}


def test_independent_explanations_do_not_agree():
    steady, top = agreement(list(RNG(0).normal(size=(10, 10, 8))))
    assert abs(steady.value) < 0.05
    assert top.value == pytest.approx(5 / 80, abs=0.05)
    assert steady.level == top.level == "red"


def test_every_pair_counts_once():
    given = list(RNG(1).normal(size=(4, 20)).cumsum(axis=0))
    steady, top = agreement(given)
    pairs = [(a, b) for i, a in enumerate(given) for b in given[i + 1 :]]
    ranks = [spearmanr(a, b).statistic for a, b in pairs]
    tops = [len(set(np.argsort(a)[-5:]) & set(np.argsort(b)[-5:])) / 5 for a, b in pairs]
    assert steady.value == pytest.approx(np.mean(ranks))
    assert steady.spread == pytest.approx((min(ranks), max(ranks)))
    assert top.value == pytest.approx(np.mean(tops))
    assert top.spread == pytest.approx((min(tops), max(tops)))


def test_steadiness_is_the_mean_with_the_own_explanation():
    """Not that of the others among each other."""
    own = RNG(0).normal(size=(2, 7, 7))
    score = steadiness(own, [own, -own, own])
    assert score.value == pytest.approx(1 / 3)
    assert score.spread == pytest.approx((-1, 1))
    assert score.details == {"changes": 3}


@pytest.mark.parametrize(("share", "right", "down"), [(0.94, 0.0, 0.0), (0.94, 1.0, 1.0), (0.97, 0.5, 0.0), (0.5, 0.25, 0.75)])
@pytest.mark.parametrize("spot", [(112, 112), (100, 132), (125, 97)])
def test_a_mark_lands_where_the_cut_puts_it(share, right, down, spot):
    """Corner of the cut at (1 − share) · side · place, and everything enlarged by 1 / share."""
    crop = np.zeros((CROP, CROP, 3), np.uint8)
    row, column = spot
    crop[row - 2 : row + 3, column - 2 : column + 3] = 255
    light = recrop(crop, share, right, down)[..., 0].astype(float)
    found = np.array([(light.sum(axis=axis) * np.arange(CROP)).sum() / light.sum() for axis in (1, 0)])
    side = round(share * CROP)
    x, y = round(right * (CROP - side)), round(down * (CROP - side))
    expected = (np.array([row - y, column - x]) + 0.5) * CROP / side - 0.5
    assert_allclose(found, expected, atol=0.6)
    assert light.sum() == pytest.approx(25 * 255 * (CROP / side) ** 2, rel=0.1)


def test_the_whole_picture_cut_out_is_the_picture(pictures):
    assert_array_equal(recrop(pictures[0], 1.0, 0.5, 0.5), pictures[0])


def test_changes_are_slight_and_the_same_every_time(pictures):
    first, again = (list(slight_changes(pictures)) for _ in range(2))
    assert len(first) == 5
    for a, b in zip(first, again, strict=True):
        assert_array_equal(a, b)
        assert a.dtype == np.uint8
        assert a.shape == pictures.shape
        assert 0.8 < np.corrcoef(a.ravel(), pictures.ravel())[0, 1] < 0.9999
    noise = [(a.astype(float) - pictures)[(pictures > 40) & (pictures < 215)].std() for a in first[3:]]
    assert_allclose(noise, [4, 8], rtol=0.05)


def test_noise_stays_between_black_and_white():
    dark = np.concatenate([np.zeros((1, CROP, CROP, 3), np.uint8), np.full((1, CROP, CROP, 3), 255, np.uint8)])
    for changed in slight_changes(dark):
        assert changed[0].max() < 60  # one below black would have come out white
        assert changed[1].min() > 195


def with_maps(features: Features, maps: np.ndarray, frames: np.ndarray) -> Features:
    return features.with_part(Modality.VIDEO, features.video.with_maps(maps, frames))


def test_other_maps_change_their_frames_and_the_vector(random_features):
    maps = RNG(0).random((1, 512, 7, 7), np.float32)
    before = random_features.video.maps.copy()
    changed = with_maps(random_features, maps, np.array([2]))
    assert_array_equal(changed.video.maps[2], maps[0])
    assert_array_equal(changed.video.maps[:2], before[:2])
    face = (before[0].mean(axis=(1, 2), dtype=float) + maps[0].mean(axis=(1, 2), dtype=float)) / 2
    assert_allclose(changed.vector, np.concatenate([random_features.audio.vector, face]))
    assert_array_equal(random_features.video.maps, before)
    alone = with_maps(random_features.with_part(Modality.AUDIO, None), maps, np.array([2]))
    assert np.isnan(SPACE.part(alone.vector, Modality.AUDIO)).all()
    assert_allclose(SPACE.part(alone.vector, Modality.VIDEO), face)


def test_the_same_maps_give_the_same_heat(random_features, random_model):
    frames = np.array([0, 2])
    same = with_maps(random_features, random_features.video.maps[frames], frames)
    assert_allclose(class_activation(same, random_model), class_activation(random_features, random_model), atol=1e-6)

"""Deletion and insertion curves: exact for a judge that adds up, chance for evidence that says nothing, and Quantus' own."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from xai.metrics.faithfulness import Curves, faithfulness, measure_curves, measure_reverse

RNG = np.random.default_rng


def adding(weights: np.ndarray):
    """A judge that adds up the weights of the parts that are there."""
    return lambda kept: kept @ weights


def uneven(seed: int, parts: int):
    """A judge that is anything but additive, the same for the same state."""
    weights = RNG(seed).normal(size=(parts, 4))
    return lambda kept: np.sin(3 * kept @ weights).sum(axis=1) + 0.1 * kept.sum(axis=1)


def left_after(order: np.ndarray, count: int) -> np.ndarray:
    """bool (p,): the parts that are there once the first ``count`` of ``order`` are deleted."""
    kept = np.ones(len(order), bool)
    kept[order[:count]] = False
    return kept


def test_curves_of_a_sum_are_sorted_cumulative_sums():
    weights = RNG(0).normal(size=30)
    curves = measure_curves(weights, adding(weights), 30, 4)
    falling = np.sort(weights)[::-1]
    assert_allclose(curves.deletion, weights.sum() - np.r_[0, falling.cumsum()], atol=1e-12)
    assert_allclose(curves.insertion, np.r_[0, falling.cumsum()], atol=1e-12)
    assert curves.random_deletion.shape == (4, 16)
    assert_allclose(curves.random_deletion[:, 0], weights.sum())
    assert_allclose(curves.random_deletion[:, -1], 0, atol=1e-12)
    assert_allclose(curves.random_insertion[:, 0], 0, atol=1e-12)


@pytest.mark.parametrize("steps", [4, 7, 100])
def test_steps_are_equal_and_go_from_everything_to_nothing(steps):
    weights = np.sort(RNG(1).normal(size=28))[::-1]
    curves = measure_curves(weights, adding(weights), steps, 2)
    counts = [round(28 * k / min(steps, 28)) for k in range(min(steps, 28) + 1)]
    assert_allclose(curves.deletion, [weights[count:].sum() for count in counts], atol=1e-12)
    assert_allclose(curves.insertion, [weights[:count].sum() for count in counts], atol=1e-12)


def test_the_true_order_leads_most_and_its_reverse_as_far_below():
    weights = RNG(2).normal(size=20)
    judge = adding(weights)
    best = measure_curves(weights, judge, 20, 10)
    reverse = measure_curves(-weights, judge, 20, 10)
    assert reverse.lead == pytest.approx(-best.lead)
    assert measure_reverse(best).lead == pytest.approx(-best.lead)
    for seed in range(50):
        assert measure_curves(RNG(seed).permutation(weights), judge, 20, 10).lead < best.lead
    assert best.lead > np.abs(best.random_leads).max()


def test_one_part_that_decides_all_leads_as_far_as_can_be():
    """The logit falls in the first step out of s: what is missing to a half is that step itself."""
    weights = np.eye(10)[3]
    curves = measure_curves(weights, adding(weights), 10, 5)
    assert curves.lead == pytest.approx(0.5 - 0.5 / 10)
    assert curves.range == pytest.approx(1.0)


def test_the_lead_is_half_the_area_between_the_curves_as_a_share_of_the_range():
    curves = Curves(np.array([4.0, 1.0, 0.0]), np.array([0.0, 3.0, 4.0]), np.array([[4.0, 2.0, 0.0], [4.0, 5.0, 0.0]]))
    assert curves.range == 5.0
    insertion, deletion = (0.0 + 3.0) / 4 + (3.0 + 4.0) / 4, (4.0 + 1.0) / 4 + (1.0 + 0.0) / 4
    assert curves.lead == pytest.approx((insertion - deletion) / (2 * 5.0))
    areas = np.array([2.0, 3.5])
    assert_allclose(curves.random_leads, (areas.mean() - areas) / 5.0)


def test_a_judge_that_never_changes_its_mind_gives_no_lead_and_red():
    score = faithfulness(RNG(0).normal(size=20), lambda kept: np.full(len(kept), 3.0), 10, 5)
    assert score.value == 0
    assert score.level == "red"


@pytest.mark.parametrize("parts", [49, 80])
def test_evidence_that_is_the_same_everywhere_is_ranked_at_random(parts):
    """Taken in the order of the parts, or in the same order for every clip, ties would hide what is random."""
    weights = np.sort(RNG(3).normal(size=parts))[::-1]
    scores = [faithfulness(np.ones(parts), adding(weights), 20, 20, seed) for seed in range(20)]
    leads = np.array([score.value for score in scores])
    own = faithfulness(weights, adding(weights), 20, 20)
    assert np.abs(leads).mean() < own.value / 3
    assert abs(leads.mean()) < 3 * leads.std() / np.sqrt(len(leads))
    assert len(set(leads.round(6))) == len(leads)
    assert np.mean([score.level == "red" for score in scores]) >= 0.8
    assert own.level == "green"


def test_random_evidence_gets_no_further_than_chance():
    weights = RNG(4).normal(size=60)
    levels = [faithfulness(RNG(100 + seed).normal(size=60), adding(weights), 20, 20, seed).level for seed in range(40)]
    assert sum(level == "red" for level in levels) >= 32


def test_half_known_evidence_lies_between():
    weights = RNG(5).normal(size=60)
    noise = RNG(6).normal(size=60)
    leads = [measure_curves(weights + share * noise, adding(weights), 20, 20).lead for share in (0, 1, 3, 100)]
    assert leads == sorted(leads, reverse=True)
    assert leads[0] > leads[1] + 0.02


evidences = st.integers(2, 25).flatmap(lambda parts: st.lists(st.integers(-3, 3).map(float), min_size=parts, max_size=parts)).map(np.array)


@settings(deadline=None)
@given(evidences, st.integers(0, 10**6), st.integers(1, 30), st.integers(1, 6))
def test_the_lead_stays_in_its_declared_range(evidence, seed, steps, randoms):
    score = faithfulness(evidence, uneven(seed, len(evidence)), steps, randoms, seed)
    assert score.measure.low <= score.value <= score.measure.high
    assert all(-1 <= end <= 1 for end in score.spread)
    assert score.details["reversed"] == pytest.approx(-score.value, abs=1e-4)


@settings(deadline=None)
@given(st.integers(2, 20), st.integers(0, 10**6), st.integers(1, 25))
def test_each_curve_is_what_the_judge_says_of_each_state(parts, seed, steps):
    """And insertion is the deletion of the reverse, read backwards, which is asked for here."""
    evidence = RNG(seed).permutation(parts).astype(float)
    judge = uneven(seed, parts)
    curves = measure_curves(evidence, judge, steps, 3, seed)
    order = np.argsort(-evidence)
    counts = sorted({round(k * parts / min(steps, parts)) for k in range(min(steps, parts) + 1)})
    deletion, backwards = (np.array([judge(left_after(o, count)[None])[0] for count in counts]) for o in (order, order[::-1]))
    inserted = [judge(~left_after(order, parts - count)[None])[0] for count in counts[::-1]]
    assert_allclose(curves.deletion, deletion, atol=1e-9)
    assert_allclose(curves.insertion, inserted, atol=1e-9)
    assert_allclose(curves.insertion, backwards[::-1], atol=1e-9)


def test_every_state_is_judged_once():
    judged = []

    def judge(kept: np.ndarray) -> np.ndarray:
        judged.append(kept)
        return kept.sum(axis=1)

    measure_curves(RNG(0).normal(size=40), judge, 10, 5)
    (kept,) = judged
    assert len(kept) == 2 + 2 * 9 + 5 * 4
    assert kept.all(axis=1).sum() == 1
    assert (~kept).all(axis=1).sum() == 1


@pytest.mark.parametrize("steps", [1, 2, 5, 10])
def test_random_orders_take_half_the_steps_and_end_where_the_others_do(steps):
    judge = uneven(3, 40)
    curves = measure_curves(RNG(0).normal(size=40), judge, steps, 6)
    assert curves.random_deletion.shape == (6, max(1, steps // 2) + 1)
    assert_allclose(curves.random_deletion[:, 0], curves.deletion[0])
    assert_allclose(curves.random_deletion[:, -1], curves.deletion[-1])


def test_fewer_steps_do_not_make_chance_easier_to_beat():
    """Of a judge whose every answer has something of chance, a coarser area has more; of one that adds up, it is the same."""
    weights = RNG(5).normal(size=60)
    for judge, most in ((uneven(4, 60), 2.0), (adding(weights), 1.1)):
        fine, coarse = (
            [np.abs(measure_curves(np.arange(60), judge, steps, 20, seed).random_leads).max() for seed in range(20)] for steps in (60, 20)
        )
        assert 0.95 < np.mean(coarse) / np.mean(fine) < most


@pytest.mark.parametrize("seed", range(6))
def test_the_score_carries_curves_control_and_chance(seed):
    """Chance is the furthest a random order got, to either side."""
    weights = RNG(7).normal(size=40)
    score = faithfulness(weights, adding(weights), 10, 12, seed)
    curves = measure_curves(weights, adding(weights), 10, 12, seed)
    assert score.value == curves.lead
    assert score.chance == pytest.approx(np.abs(curves.random_leads).max())
    assert score.spread == pytest.approx((curves.random_leads.min(), curves.random_leads.max()))
    for name in ("deletion", "insertion"):
        assert_allclose(score.details[name], getattr(curves, name), atol=1e-4)
        assert_allclose(score.details[f"random_{name}"], getattr(curves, f"random_{name}").mean(axis=0), atol=1e-4)
    assert score.details["random_orders"] == 12


def test_random_leads_are_what_random_orders_measured_by_themselves_would_have():
    """The area of a reversed random order is taken from the mean: on average that is right, and its spread is too."""
    parts = 24
    judge = uneven(1, parts)
    ours = np.concatenate([measure_curves(np.arange(parts), judge, parts, 40, seed).random_leads for seed in range(5)])
    measured = []
    for seed in range(200):
        curves = measure_curves(RNG(1000 + seed).normal(size=parts), judge, parts, 1)
        measured.append(curves.lead * curves.range)
    scale = measure_curves(np.arange(parts), judge, parts, 40, 0).range
    assert abs(ours.mean()) < 1e-9
    assert 0.7 < ours.std() * scale / np.std(measured) < 1.8


class Tiny(torch.nn.Module):
    """(n, 1, 4, 4) → two logits, the second of which multiplies neighbours."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        flat = x.flatten(1)
        weights = torch.linspace(-1, 2, flat.shape[1])
        return torch.stack([flat.sum(1), flat @ weights + (flat[:, 1:] * flat[:, :-1]).sum(1)], dim=1)


@pytest.mark.parametrize(("seed", "step"), [(0, 1), (1, 1), (2, 2), (3, 4)])
def test_deletion_is_pixel_flipping_of_quantus(seed, step):
    """The same order, a baseline of zeros, and the same logits step by step; Quantus leaves out the untouched picture."""
    quantus = pytest.importorskip("quantus")
    rng = RNG(seed)
    x = rng.normal(size=(1, 1, 4, 4)).astype(np.float32)
    evidence = rng.normal(size=(1, 1, 4, 4))
    metric = quantus.PixelFlipping(features_in_step=step, abs=False, normalise=False, perturb_baseline=0.0, disable_warnings=True)
    (theirs,) = metric(
        model=Tiny().eval(), x_batch=x, y_batch=np.array([1]), a_batch=evidence, softmax=False, channel_first=True, device="cpu"
    )

    def judge(kept: np.ndarray) -> np.ndarray:
        return Tiny()(torch.from_numpy(kept.reshape(-1, 1, 4, 4) * x)).numpy()[:, 1]

    curves = measure_curves(evidence.ravel(), judge, 16 // step, 2)
    assert_allclose(curves.deletion[1:], theirs, atol=1e-5)
    assert_allclose(curves.deletion[0], Tiny()(torch.from_numpy(x)).numpy()[0, 1], atol=1e-5)

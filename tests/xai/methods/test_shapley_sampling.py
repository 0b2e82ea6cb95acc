"""Shapley values by asking: exact where features do not interact, complete always, and right for pairs."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from features import Modality
from tests.xai.conftest import subject_of
from xai.explanation import Contrast
from xai.methods import METHODS
from xai.methods.shapley_sampling import sampled
from xai.modality_split import shapley_values

METHOD = METHODS["shapley_sampling"]


class Game:
    """A masker of a function of who is there, bool (p,) → a number, the same for all classes."""

    def __init__(self, parts: int, value) -> None:
        self.parts, self.value = parts, value

    def __len__(self) -> int:
        return self.parts

    def __call__(self, kept: np.ndarray) -> np.ndarray:
        return np.array([[self.value(row)] * 8 for row in kept], float)


def test_a_linear_model_gives_the_closed_form(random_features, random_model):
    torch.manual_seed(0)
    linear = torch.nn.Linear(552, 8).requires_grad_(False)
    model = replace(random_model, classifier=linear, temperature=2.0)
    found = METHOD.explain(subject_of(random_features, model))
    assert_allclose(found.values, (linear.weight / 2 * model.encode(random_features).z).numpy(), atol=1e-5)


def test_values_add_up_to_the_whole_change(random_features, any_model):
    subject = subject_of(random_features.with_part(Modality.VIDEO, None), any_model)
    found = METHOD.explain(subject, 3)
    own = any_model.logits(subject.inputs)[0]
    assert_allclose(found.values.sum(axis=1), own - found.extras["base"], atol=1e-4)
    kept = np.zeros((1, len(found.parts.present)), bool)
    kept[:, ~found.parts.present] = True
    assert_allclose(found.extras["base"], any_model.logits(subject.inputs.with_weighed(kept))[0], atol=1e-4)
    assert not found.values[:, ~found.parts.present].any()


def test_two_that_work_as_a_pair_share_alike_from_one_order_and_its_reverse():
    values, base = sampled(Game(4, lambda kept: 6.0 * (kept[1] and kept[3]) + 1.0 * kept[0] + 2.0), 4, 1, 0)
    assert_allclose(values[0], [1.0, 3.0, 0.0, 3.0])
    assert_allclose(base, 2.0)


def test_many_orders_give_shapleys_values():
    rng = np.random.default_rng(5)
    table = rng.normal(size=2**4)

    def value(kept):
        return table[int(kept @ (1 << np.arange(4)))]

    values, _ = sampled(Game(4, value), 4, 1500, 1)
    coalitions = {frozenset(np.flatnonzero([n >> k & 1 for k in range(4)]).tolist()): table[n] for n in range(16)}
    exact = shapley_values(coalitions)
    assert_allclose(values[0], [exact[k] for k in range(4)], atol=0.05)


def test_another_seed_is_checked(random_features, random_model):
    subject = subject_of(random_features, random_model)
    scores = {score.measure.name: score for score in METHOD.checks(subject, METHOD.explain(subject, 0), Contrast(2))}
    assert scores.keys() == {"faithfulness", "stability"}
    again = METHOD.explain(subject, 1).of(Contrast(2))
    ranks = [np.argsort(np.argsort(x)) for x in (METHOD.explain(subject, 0).of(Contrast(2)), again)]
    assert scores["stability"].value == pytest.approx(np.corrcoef(ranks)[0, 1], abs=1e-6)

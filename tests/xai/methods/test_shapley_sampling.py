"""Shapley values by asking: exact where features do not interact, complete always, and right for pairs."""

from collections.abc import Callable
from dataclasses import replace
from itertools import permutations

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from features import Modality
from tests.xai.conftest import subject_of
from xai.explanation import Contrast, Moments
from xai.methods import METHODS
from xai.methods.shapley_sampling import players, sampled, shapley_of_moments
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


def of_moments(voice: int, face: int) -> Moments:
    segments = {m: np.stack([np.arange(n), np.arange(n) + 1.0], axis=1) for m, n in ((Modality.AUDIO, voice), (Modality.VIDEO, face))}
    return Moments(segments)


def noisy_game(parts: int, seed: int = 0) -> Callable[[np.ndarray], np.ndarray]:
    """Eight values for every set of parts, with interactions of pairs."""
    rng = np.random.default_rng(seed)
    single, pairs = rng.normal(size=(parts, 8)), rng.normal(size=(parts, parts, 8))
    return lambda kept: kept @ single + np.einsum("ni,nj,ijk->nk", kept, kept, pairs) + 3.0


def test_up_to_ten_moments_have_exact_values():
    """Those of the definition, over all orders of arrival."""
    game = noisy_game(5)
    values, base, how = shapley_of_moments(game, of_moments(3, 2))
    assert how == "exact"
    assert_allclose(base, game(np.zeros((1, 5)))[0])
    expected = np.zeros((8, 5))
    for order in permutations(range(5)):
        there = np.zeros((6, 5))
        for step, part in enumerate(order):
            there[step + 1 :, part] = 1
        expected[:, list(order)] += np.diff(game(there), axis=0).T / 120
    assert_allclose(values, expected, atol=1e-9)


def test_of_more_the_values_add_up_and_are_near():
    """With pairs of orders, interactions of two parts leave no error at all."""
    game = noisy_game(14)
    values, base, how = shapley_of_moments(game, of_moments(9, 5))
    assert how == "orders"
    assert_allclose(values.sum(axis=1), game(np.ones((1, 14)))[0] - base, atol=1e-9)
    single = game(np.eye(14)) - base
    alone = game(np.ones((1, 14))) - game(1 - np.eye(14))
    assert_allclose(values, ((single + alone) / 2).T, atol=1e-9)


@pytest.mark.parametrize(("voice", "face", "count"), [(3, 4, 7), (60, 30, 30), (600, 300, 41), (0, 41, 21)])
def test_neighbours_are_one_player_where_there_are_many(voice, face, count):
    owner = players(of_moments(voice, face))
    assert len(owner) == voice + face
    assert owner.max() + 1 == count
    assert (np.diff(owner) >= 0).all()
    assert not set(owner[:voice]) & set(owner[voice:])  # a voice and a face are never one


def test_players_share_alike():
    """A game that counts its parts gives every part 1, though three of them arrive together."""
    values, base, _ = shapley_of_moments(lambda kept: np.repeat(kept.sum(axis=1, keepdims=True), 8, axis=1), of_moments(90, 30))
    assert_allclose(values, 1.0)
    assert_allclose(base, 0.0)

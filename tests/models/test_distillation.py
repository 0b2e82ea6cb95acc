"""What teachers are asked to agree on, and what a student is told of altered recordings."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from scipy.special import softmax
from torch import nn

from models.batches import Batches
from models.distillation import Agreement, Lessons, distil, product
from models.pools import samples
from models.recipe import Recipe
from models.training import train

QUICK = replace(Recipe(), epochs=2, batch=64, epoch_size=128)


@pytest.fixture(scope="module")
def pools(corpus):
    return samples(*corpus, QUICK)


@pytest.fixture(scope="module")
def judge() -> nn.Module:
    torch.manual_seed(0)
    return nn.Linear(552, 8)


class Notebook(nn.Module):
    """Always of the same opinion; keeps what it was shown."""

    def __init__(self, opinion: list[float]) -> None:
        super().__init__()
        self.logits, self.shown = torch.tensor(opinion).log(), torch.empty(0)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.shown = x
        return self.logits.expand(len(x), -1)


def test_the_product_of_two_opinions_by_hand(judge):
    x = np.random.default_rng(0).normal(size=(5, 552)).astype(np.float32)
    weight, bias = judge.weight.detach().numpy(), judge.bias.detach().numpy()
    voice, face = softmax(x[:, :40] @ weight[:, :40].T + bias, axis=1), softmax(x[:, 40:] @ weight[:, 40:].T + bias, axis=1)
    wanted = voice * face / (voice * face).sum(axis=1, keepdims=True)
    assert_allclose(product(judge, torch.from_numpy(x)), wanted, rtol=2e-4)


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_pairs_alone_are_to_agree(pools, judge, share):
    x, target = Agreement(Batches(pools, QUICK, "fused"), judge, share)()
    same, usual = Batches(pools, QUICK, "fused")()
    assert (x == same).all()
    pairs = x[:, :40].any(dim=1) & x[:, 40:].any(dim=1)
    assert 0 < pairs.sum() < len(x)
    assert_allclose(target[~pairs], usual[~pairs])
    assert_allclose(target[pairs], (1 - share) * usual[pairs] + share * product(judge, x[pairs]), atol=1e-6)


def test_a_student_is_told_what_was_said_of_the_clean_recording(pools):
    recipe = replace(QUICK, altered=1.0)
    teachers = [Notebook([0.3, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1]), Notebook([0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.3])]
    x, target = Lessons(Batches(pools, recipe, "fused"), teachers, 0.7)()
    clean, altered, usual = Batches(pools, recipe, "fused").twins()
    assert (x == altered).all()
    assert all((teacher.shown == clean).all() for teacher in teachers)
    heard = x[:, :40].any(dim=1)
    assert (clean[heard, :40] != altered[heard, :40]).any(dim=1).all()
    assert (clean[:, 40:] == altered[:, 40:]).all()
    said = torch.tensor([0.2, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.2])
    assert_allclose(target, 0.3 * usual + 0.7 * said, atol=1e-6)


def test_fused_is_the_student_of_as_many_as_the_recipe_says(pools, corpus, monkeypatch):
    seeds: list[tuple[int, float]] = []

    def teach(_, recipe):
        seeds.append((recipe.seed, recipe.altered))
        return Notebook([1 / 8] * 8)

    monkeypatch.setattr("models.distillation.teach", teach)
    network, history = distil(pools, replace(QUICK, seed=4, teachers=3))
    assert seeds == [(4, 0.0), (5, 0.0), (6, 0.0)]
    assert [row["epoch"] for row in history] == [1, 2]
    assert not network.training
    seeds.clear()
    train(*corpus, replace(QUICK, teachers=0), pools=pools)
    train(*corpus, QUICK, pools=pools, architecture="voice")
    assert not seeds

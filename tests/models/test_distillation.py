"""What a student is told: of altered recordings, of pairs, and of mixtures of them."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from scipy.special import softmax
from torch import nn

from models.batches import Batches
from models.distillation import Lessons, distil, mixed, product
from models.pools import samples
from models.recipe import Recipe
from models.training import train

QUICK = replace(Recipe(), epochs=2, batch=64, epoch_size=128)


@pytest.fixture(scope="module")
def pools(corpus):
    return samples(*corpus, QUICK)


def linear(seed: int) -> nn.Module:
    torch.manual_seed(seed)
    return nn.Linear(552, 8)


def vectors(count: int, seed: int = 0) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(seed).normal(size=(count, 552)).astype(np.float32))


def is_pair(x: torch.Tensor) -> torch.Tensor:
    return x[:, :40].any(dim=1) & x[:, 40:].any(dim=1)


class Notebook(nn.Module):
    """Always of the same opinion; keeps what it was shown."""

    def __init__(self, opinion: list[float]) -> None:
        super().__init__()
        self.logits, self.shown = torch.tensor(opinion).log(), []

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.shown.append(x)
        return self.logits.expand(len(x), -1)


def test_the_product_of_opinions_by_hand():
    """A pair, a voice alone, a face alone; two teachers."""
    teachers, x = [linear(0), linear(1)], vectors(3)
    x[1, 40:], x[2, :40] = 0, 0
    weights = [(t.weight.detach().numpy(), t.bias.detach().numpy()) for t in teachers]
    voice = np.mean([softmax(x[:, :40] @ w[:, :40].T + b, axis=1) for w, b in weights], axis=0)
    face = np.mean([softmax(x[:, 40:] @ w[:, 40:].T + b, axis=1) for w, b in weights], axis=0)
    for trust in (1.0, 0.4):
        pair = voice[0] * face[0] ** trust
        wanted = np.stack([pair / pair.sum(), voice[1], face[2]])
        assert_allclose(product(teachers, x, trust), wanted, rtol=2e-4)


def test_what_is_mixed_lies_between_two_and_is_altered_in_full():
    clean, change = vectors(30, 1), vectors(30, 2)
    mixtures, altered = mixed(clean, clean + change, np.random.default_rng(0))
    assert_allclose(altered - mixtures, change, atol=1e-5)
    partners = []
    for part in (slice(0, 40), slice(40, 552)):
        found = []
        for row, mixture in zip(clean[:, part], mixtures[:, part], strict=True):
            away, others = mixture - row, clean[:, part] - row
            share = (others @ away) / (others**2).sum(dim=1).clamp(min=1e-9)
            left = (away - share[:, None] * others).abs().amax(dim=1)
            found.append((int(left.argmin()), float(share[left.argmin()])))
            assert left.min() < 1e-4
        assert len({partner for partner, _ in found}) > 15
        assert all(-1e-4 <= share <= 1 for _, share in found)
        assert np.std([share for partner, share in found if share]) > 0.15
        partners.append([partner for partner, _ in found])
    assert partners[0] != partners[1]  # a voice and a face of different people


def test_a_student_is_told_what_was_said_of_the_clean_recording(pools):
    recipe = replace(QUICK, altered=1.0)
    teachers = [Notebook([0.3, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1]), Notebook([0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.3])]
    recipe = replace(recipe, taught=0.7, taught_face_trust=0.5)
    x, target = Lessons(Batches(pools, recipe, "fused"), teachers, recipe)()
    clean, altered, usual = Batches(pools, recipe, "fused").twins()
    alone = ~is_pair(clean)
    assert 0 < alone.sum() < len(x)
    assert (x[alone] == altered[alone]).all()
    for teacher in teachers:
        heard, seen = teacher.shown
        assert (heard[alone, :40] == clean[alone, :40]).all()
        assert (seen[alone, 40:] == clean[alone, 40:]).all()
        assert not heard[:, 40:].any()
        assert not seen[:, :40].any()
    for part in (slice(0, 40), slice(40, 552)):
        there = clean[:, part].any(dim=1)
        assert (clean[there, part] != altered[there, part]).any(dim=1).all()
    said = torch.tensor([0.2, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.2])
    assert_allclose(target[alone], (0.3 * usual + 0.7 * said)[alone], atol=1e-6)
    assert_allclose(target[~alone], (said**1.5 / (said**1.5).sum()).expand(int((~alone).sum()), -1), atol=1e-6)


class Unaltered(Batches):
    """Of which the twin is the same."""

    def twins(self):
        clean, _, target = super().twins()
        return clean, clean.clone(), target


def test_of_pairs_mixtures_are_shown_and_labels_have_no_say(pools):
    teacher = linear(3)
    recipe = replace(QUICK, taught=0.0, taught_face_trust=0.6)
    x, target = Lessons(Unaltered(pools, recipe, "fused"), [teacher], recipe)()
    clean, _, usual = Unaltered(pools, QUICK, "fused").twins()
    pairs = is_pair(clean)
    assert (x[~pairs] == clean[~pairs]).all()
    assert_allclose(target[~pairs], usual[~pairs], atol=1e-6)
    for part in (slice(0, 40), slice(40, 552)):
        assert (x[pairs, part] != clean[pairs, part]).any(dim=1).float().mean() > 0.9
    assert_allclose(target[pairs], product([teacher], x[pairs], 0.6), atol=1e-6)


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

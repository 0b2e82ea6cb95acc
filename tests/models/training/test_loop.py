"""Descent reaches the bottom, and the average follows."""

from dataclasses import replace

import torch
from numpy.testing import assert_allclose
from torch import nn

from models.training.loop import fit, fit_average, follow
from models.training.recipe import Recipe

RECIPE = replace(Recipe(), epochs=20, batch=16, epoch_size=160, lr=0.05, weight_decay=0.0)
X = torch.randn(16, 4, generator=torch.Generator().manual_seed(0))
TARGET = torch.softmax(X @ torch.ones(4, 3).triu(), dim=1)


def draw():
    return X, TARGET


def entropy() -> float:
    return -(TARGET * TARGET.log()).sum(dim=1).mean().item()


def test_the_loss_falls_to_what_cannot_be_known():
    network, steps = nn.Linear(4, 3), []
    history = fit(network, draw, RECIPE, on_step=steps.append)
    assert steps == list(range(1, 201))
    assert [row["epoch"] for row in history] == list(range(1, 21))
    assert_allclose(history[-1]["loss"], entropy(), atol=2e-3)


def test_the_average_is_what_is_kept():
    network = nn.Linear(4, 3)
    kept, _ = fit_average(network, draw, RECIPE)
    assert not kept.training
    assert not any(p.requires_grad for p in kept.parameters())
    assert (kept.weight != network.weight).any()
    loss = -(TARGET * kept(X).log_softmax(dim=1)).sum(dim=1).mean().item()
    assert_allclose(loss, entropy(), atol=1e-2)


def test_following_is_exponential():
    slow, fast = nn.Linear(1, 1), nn.Linear(1, 1)
    nn.init.zeros_(slow.weight)
    nn.init.ones_(fast.weight)
    for _ in range(3):
        follow(slow, fast, 0.9)
    assert_allclose(slow.weight.item(), 1 - 0.9**3, rtol=1e-6)


def test_running_moments_are_followed_too():
    network, average = nn.BatchNorm1d(2), nn.BatchNorm1d(2)
    network.running_mean.copy_(torch.tensor([4.0, 8.0]))
    network.num_batches_tracked += 7
    follow(average, network, 0.75)
    torch.testing.assert_close(average.running_mean, torch.tensor([1.0, 2.0]))
    assert average.num_batches_tracked == 0

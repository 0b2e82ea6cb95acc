"""Descent reaches the bottom, and the average follows."""

from copy import deepcopy
from dataclasses import replace

import torch
from numpy.testing import assert_allclose
from torch import nn

from models.training.loop import averaged, fit, fit_average
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
    assert type(kept) is nn.Linear
    assert not kept.training
    assert not any(p.requires_grad for p in kept.parameters())
    assert (kept.weight != network.weight).any()
    loss = -(TARGET * kept(X).log_softmax(dim=1)).sum(dim=1).mean().item()
    assert_allclose(loss, entropy(), atol=1e-2)


def test_the_first_weights_count_and_are_soon_forgotten():
    """Weights that are 0 before the first step and 1 ever after: momenta are 1/10, 2/11, 3/12, …, at most 0.25."""
    network = nn.Linear(1, 1)
    nn.init.zeros_(network.weight)
    average = averaged(network, 0.25)
    nn.init.ones_(network.weight)
    left = 1.0
    for momentum in (1 / 10, 2 / 11, 3 / 12, 0.25, 0.25):
        average.update_parameters(network)
        left *= momentum
        assert_allclose(average.module.weight.item(), 1 - left, rtol=1e-6)


def test_the_average_is_that_of_running_moments_too():
    network = nn.BatchNorm1d(2)
    average = averaged(network)
    network.running_mean.copy_(torch.tensor([4.0, 8.0]))
    network.num_batches_tracked += 7
    average.update_parameters(network)
    torch.testing.assert_close(average.module.running_mean, torch.tensor([3.6, 7.2]))
    assert average.module.num_batches_tracked == 0


def test_the_average_is_bit_for_bit_that_of_every_step():
    """The order of operations decides the last bit: with another one, shipped weights could not be trained again."""
    network = nn.Sequential(nn.Linear(4, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Linear(16, 3))
    average, by_hand = averaged(network, 0.8), deepcopy(network).state_dict()

    def on_step(done: int) -> None:
        average.update_parameters(network)
        for name, value in network.state_dict().items():
            if value.is_floating_point():
                by_hand[name].lerp_(value, 1 - min(0.8, done / (9 + done)))

    fit(network, draw, replace(RECIPE, epochs=5), on_step=on_step)
    assert all(torch.equal(value, by_hand[name]) for name, value in average.module.state_dict().items())

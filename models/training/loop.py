"""Gradient descent, and the average of the weights on the way."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import nn
from torch.nn.functional import cross_entropy
from torch.optim.swa_utils import AveragedModel

from models.training.recipe import Recipe

OnEpoch = Callable[[int, float], None]  # epoch, from 1, and its mean loss
OnAverage = Callable[[nn.Module, int, float], None]  # the network with averaged weights, and the same
Draw = Callable[[], tuple[Any, torch.Tensor]]
Loss = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


def fit_average(
    network: nn.Module, draw: Draw, recipe: Recipe, on_epoch: OnAverage | None = None, loss: Loss = cross_entropy
) -> tuple[nn.Module, list[dict]]:
    """:func:`fit`; → the average of the weights on the way, in evaluation mode, and the loss of each epoch."""
    average = averaged(network)
    told = partial(on_epoch, average.module) if on_epoch else None
    history = fit(network, draw, recipe, told, lambda done: average.update_parameters(network), loss)
    return average.module, history


def averaged(network: nn.Module, momentum: float = 0.999) -> AveragedModel:
    """A copy of ``network`` in evaluation mode, for ``update_parameters(network)`` after each step; its ``module`` is the plain network.

    Weights, and the running moments of batch normalisation, become an exponential moving average (Polyak & Juditsky 1992,
    doi 10.1137/0330046). After n steps its momentum is min(``momentum``, n / (9 + n)): the first steps are soon forgotten.
    """

    def lerp(slow: tuple | list, fast: tuple | list, n: torch.Tensor | int) -> None:
        if slow[0].is_floating_point():  # not the number of batches that batch normalisation has seen
            for old, new in zip(slow, fast, strict=True):
                old.lerp_(new, 1 - min(momentum, int(n) / (9 + int(n))))

    average = AveragedModel(network, multi_avg_fn=lerp, use_buffers=True).requires_grad_(False).eval()
    average.n_averaged += 1  # the weights before the first step count: with 0, torch replaces them
    return average


def fit(
    network: nn.Module,
    draw: Draw,
    recipe: Recipe,
    on_epoch: OnEpoch | None = None,
    on_step: Callable[[int], None] = lambda done: None,
    loss: Loss = cross_entropy,
) -> list[dict]:
    """AdamW, one cycle (Loshchilov & Hutter 2019; Smith & Topin 2019); → the loss of each epoch.

    Args:
        draw: a batch that ``network`` takes, and (n, 8) wanted probabilities.
        on_step: told the number of steps done.
        loss: of the network's logits and the wanted probabilities; there may be more of the former, if it knows what to do with them.
    """
    steps = max(1, recipe.epoch_size // recipe.batch)
    optimiser = torch.optim.AdamW(network.parameters(), lr=recipe.lr, weight_decay=recipe.weight_decay)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, recipe.lr, total_steps=recipe.epochs * steps + 1)
    history = []
    for epoch in range(recipe.epochs):
        network.train()
        total = 0.0
        for step in range(steps):
            x, target = draw()
            error = loss(network(x), target)
            optimiser.zero_grad()
            error.backward()
            torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimiser.step()
            schedule.step()
            on_step(epoch * steps + step + 1)
            total += error.item()
        history.append({"epoch": epoch + 1, "loss": round(total / steps, 4)})
        if on_epoch:
            on_epoch(epoch + 1, total / steps)
    return history

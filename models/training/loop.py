"""Gradient descent, and the average of the weights on the way."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import torch
from torch import nn
from torch.nn.functional import log_softmax

from models.training.recipe import Recipe

_EMA = 0.999
OnEpoch = Callable[[int, float], None]
Draw = Callable[[], tuple[Any, torch.Tensor]]
Loss = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


def cross_entropy(logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Of logits (n, 8) with soft targets (n, 8), in nats."""
    return -(target * log_softmax(logits, dim=1)).sum(dim=1).mean()


def fit_average(
    network: nn.Module, draw: Draw, recipe: Recipe, on_epoch: OnEpoch | None = None, loss: Loss = cross_entropy
) -> tuple[nn.Module, list[dict]]:
    """:func:`fit`, and the average of the weights on the way, in evaluation mode: what is kept."""
    kept = deepcopy(network).requires_grad_(False).eval()
    history = fit(network, draw, recipe, on_epoch, lambda done: follow(kept, network, min(_EMA, done / (9 + done))), loss)
    return kept, history


def fit(
    network: nn.Module,
    draw: Draw,
    recipe: Recipe,
    on_epoch: OnEpoch | None = None,
    on_step: Callable[[int], None] = lambda done: None,
    loss: Loss = cross_entropy,
) -> list[dict]:
    """AdamW, one cycle; → the loss of each epoch.

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


def follow(average: nn.Module, network: nn.Module, momentum: float) -> None:
    """Exponential moving average of the weights (Polyak & Juditsky 1992), and of running moments, as of batch normalisation."""
    with torch.no_grad():
        for part in (nn.Module.parameters, nn.Module.buffers):
            for slow, fast in zip(part(average), part(network), strict=True):
                if slow.is_floating_point():
                    slow.lerp_(fast, 1 - momentum)

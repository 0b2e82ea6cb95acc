"""Observers of a training: after every epoch they are called with its number, its loss and the network."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from torch import nn

if TYPE_CHECKING:
    from models.model import EmotionModel


class Monitor:
    """Told how one training goes on; this one does nothing with it.

    None may influence the training: a monitor draws no random numbers, changes no network, and nothing is asked of it.
    """

    def start(self, epochs: int, model_of: Callable[[nn.Module], EmotionModel]) -> None:
        """Before the first epoch.

        Args:
            epochs: of the network and all its teachers together.
            model_of: a network → the model that is kept if training ends with it.
        """

    def teacher(self, name: str, network: nn.Module, epoch: int, loss: float) -> None:
        """After an epoch of one of the teachers, before the model's own first."""

    def epoch(self, network: nn.Module, epoch: int, loss: float) -> None:
        """After an epoch, counted from 1; ``network`` has the averaged weights, which are those that are kept."""

    def finish(self, model: EmotionModel) -> None:
        """After the last epoch; a model that is computed at once has none."""


UNWATCHED = Monitor()


class Monitors(Monitor):
    """Several, told one after another."""

    def __init__(self, *monitors: Monitor) -> None:
        self.monitors = monitors

    def start(self, epochs: int, model_of: Callable[[nn.Module], EmotionModel]) -> None:
        for monitor in self.monitors:
            monitor.start(epochs, model_of)

    def teacher(self, name: str, network: nn.Module, epoch: int, loss: float) -> None:
        for monitor in self.monitors:
            monitor.teacher(name, network, epoch, loss)

    def epoch(self, network: nn.Module, epoch: int, loss: float) -> None:
        for monitor in self.monitors:
            monitor.epoch(network, epoch, loss)

    def finish(self, model: EmotionModel) -> None:
        for monitor in self.monitors:
            monitor.finish(model)

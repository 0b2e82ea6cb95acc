"""Networks that read a film: R3D-18 with random weights, and one that takes no time."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torchvision.models.video import r3d_18

from models.networks.film_backbone import STEPS, FilmBackbone


def random_film_backbone(seed: int = 0) -> FilmBackbone:
    torch.manual_seed(seed)
    return FilmBackbone(r3d_18().eval(), "random", f"random-{seed}")


class QuickFilm(FilmBackbone):
    """Its 512 maps are random mixtures of the film's colours, part by part and cell by cell."""

    def __init__(self) -> None:
        torch.manual_seed(0)
        layers = {name: nn.Identity() for name in ("stem", "layer1", "layer2", "layer3")}
        super().__init__(SimpleNamespace(**layers, layer4=nn.Conv3d(3, 512, 1)), "quick", "quick-film")

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.relu(super().forward(F.adaptive_avg_pool3d(x, (STEPS, 7, 7))))


@pytest.fixture
def quick_film(monkeypatch) -> FilmBackbone:
    """It takes the place of R3D-18."""
    from models.networks import backbone

    film = QuickFilm()
    monkeypatch.setitem(backbone._LOADERS, "r3d_18", lambda: film)
    backbone._load.cache_clear()
    yield film
    backbone._load.cache_clear()

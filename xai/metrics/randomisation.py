"""Does an explanation depend on what was learned? It must change once the weights are scrambled.

Adebayo et al. 2018 (arXiv:1810.03292). The values of every parameter are shuffled: their distribution stays, the
knowledge is gone. An edge detector, or a habit of marking the middle, looks the same before and after.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import deepcopy
from typing import Any

import numpy as np
import torch
from torch import nn

from models.model import EmotionModel
from models.networks.backbone import FaceBackbone
from xai.metrics.stability import rank_correlation
from xai.score import Measure, Score

_WINDOW = 7  # of the structural similarity
NOT_SCRAMBLED = "Whether it depends on what was learned was not checked: the weights of this model cannot be scrambled here."


def scramble(network: nn.Module, seed: int) -> nn.Module:
    """A copy whose parameters are each shuffled."""
    return _shuffled(deepcopy(network), seed)


def _shuffled(network: nn.Module, seed: int) -> nn.Module:
    rng = np.random.default_rng(seed)
    for parameter in network.requires_grad_(False).parameters():
        parameter.copy_(torch.from_numpy(rng.permutation(parameter.numpy().ravel())).reshape(parameter.shape))
    return network


def scrambled_model(model: EmotionModel, seed: int) -> EmotionModel:
    """The model with its classifier scrambled."""
    return model.with_classifier(scramble(model.classifier, seed).eval(), f"scrambled-{seed}")


def scrambled_backbone(backbone: nn.Module, seed: int) -> Callable[[np.ndarray], np.ndarray]:
    """The backbone scrambled. Batch normalisation keeps activations in range, which the learned moments would not."""
    own = backbone.unfolded() if isinstance(backbone, FaceBackbone) else deepcopy(backbone)
    copy: Any = _shuffled(own, seed)
    for module in copy.modules():
        if isinstance(module, nn.BatchNorm2d | nn.BatchNorm3d):
            module.train()
            module.track_running_stats, module.running_mean, module.running_var = False, None, None
    return copy.maps


def compare(measure: Measure, own: np.ndarray, others: Sequence[np.ndarray]) -> Score:
    """Mean rank correlation of an explanation with those of scrambled networks; structural similarity in the details.

    Args:
        own: 1-d, or pictures (…, h, w): then structural similarity is measured too.
    """
    ranks = [rank_correlation(own, other) for other in others]
    details: dict[str, Any] = {"networks": len(others)}
    if own.ndim > 1:
        details["structural_similarity"] = round(float(np.mean([structural_similarity(own, other) for other in others])), 4)
    return Score(measure, float(np.mean(ranks)), (min(ranks), max(ranks)), details=details)


def structural_similarity(a: np.ndarray, b: np.ndarray) -> float:
    """Wang et al. 2004 of two explanations (…, h, w), each scaled to [−1, 1]; ``skimage.metrics.structural_similarity``.

    A side shorter than the smallest window, 3, is continued with its last cells.
    """
    from skimage.metrics import structural_similarity as ssim

    beyond = [(0, 0)] + [(0, max(0, 3 - side)) for side in a.shape[-2:]]
    pictures = [np.pad(_scaled(x).reshape(-1, *x.shape[-2:]), beyond, mode="edge") for x in (a, b)]
    window = min(_WINDOW, *[side - (side + 1) % 2 for side in pictures[0].shape[-2:]])
    return float(np.mean([ssim(x, y, win_size=window, data_range=2.0) for x, y in zip(*pictures, strict=True)]))


def _scaled(picture: np.ndarray) -> np.ndarray:
    peak = np.abs(picture).max(initial=0.0)
    return picture / peak if peak > 0 else picture

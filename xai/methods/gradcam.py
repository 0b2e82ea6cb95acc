"""Grad-CAM on the fused prediction, for every frame and every class, without a second pass.

Selvaraju et al. 2017 (arXiv:1610.02391). ResNet-18 ends in a global average pool and the frames are averaged, so the
gradient of a logit on each cell of ``layer4`` is ∂logit/∂feature_k ÷ (49 · frames): constant over the map. What
``pytorch-grad-cam`` computes end to end is therefore a product of the classifier's Jacobian with maps already at hand.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from features import N_AUDIO, Features
from models.checkpoint import AnyModel, TokenModel
from models.labels import LABELS
from xai.tokens import frame_gradients


@dataclass(frozen=True)
class CamExplanation:
    """Class-activation maps.

    Attributes:
        maps: float32 (8, n, 7, 7), one for each class and sampled frame, signed, in units of the logit's gradient;
            zeros for frames that were left out.
        method: name of the method.
    """

    maps: np.ndarray
    method: str = "Grad-CAM"

    def signed(self, target: int, against: int | None = None) -> np.ndarray:
        """(n, 7, 7) maps of a class, or of a class rather than another (the difference of their logits)."""
        return self.maps[target] - (self.maps[against] if against is not None else 0.0)

    def heat(self, target: int, against: int | None = None) -> np.ndarray:
        """(n, 7, 7) evidence in [−1, 1]: one scale for all frames, so that frames can be compared.

        Grad-CAM keeps what speaks for the class; against another class, both signs are kept.
        """
        maps = self.signed(target, against)
        if against is None:
            maps = np.maximum(maps, 0.0)
        peak = np.abs(maps).max(initial=0.0)
        return maps / peak if peak > 0 else maps


def explain_cam(features: Features, model: AnyModel) -> CamExplanation | None:
    """Grad-CAM of all eight logits; None without a video."""
    video = features.video
    if video is None:
        return None
    if isinstance(model, TokenModel):  # every frame is a token of its own, with its own gradient
        alphas = (frame_gradients(features, model) / 49).astype(np.float32)
        maps = np.zeros((len(LABELS), *video.maps[:, 0].shape), np.float32)
        maps[:, video.used] = np.einsum("cnk,nkij->cnij", alphas, video.maps[video.used])
        return CamExplanation(maps)
    jacobian = model.jacobian(features.vector)[:, N_AUDIO:]
    alpha = jacobian / (49 * video.used.sum())
    maps = np.einsum("ck,nkij->cnij", alpha.astype(np.float32), video.maps)
    assert maps.shape[0] == len(LABELS)
    return CamExplanation(maps)


def upsample(heat: np.ndarray, side: int) -> np.ndarray:
    """(7, 7) → (side, side), bilinear: the resizing that pytorch-grad-cam uses."""
    return cv2.resize(heat.astype(np.float32), (side, side))

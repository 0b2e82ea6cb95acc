"""Other class-activation methods, run end to end by ``pytorch-grad-cam`` (Gildenblat 2021) on the fused prediction.

They need their own passes through ResNet-18 and are computed when asked for. Plain Grad-CAM from here is the reference
that the tests hold :mod:`xai.methods.gradcam` to.
"""

from __future__ import annotations

from copy import deepcopy

import numpy as np
import torch
from torch import nn

from features import N_AUDIO, Features
from models.checkpoint import EmotionModel
from models.labels import LABELS
from models.networks.backbone import FaceBackbone
from xai.methods.gradcam import CamExplanation

# ScoreCAM and AblationCAM score each frame by itself, which a prediction from the mean of the frames does not have.
METHODS = ("GradCAM", "GradCAMPlusPlus", "XGradCAM", "LayerCAM", "HiResCAM", "EigenCAM")


class FusedNetwork(nn.Module):
    """Preprocessed frames (n, 3, 224, 224) → one row of calibrated logits (1, 8), with the voice held fixed."""

    def __init__(self, backbone: FaceBackbone, model: EmotionModel, vector: np.ndarray) -> None:
        super().__init__()
        self.backbone, self._model = backbone, model
        self.classifier = model.classifier
        self.voice: torch.Tensor
        self.mean: torch.Tensor
        self.std: torch.Tensor
        self.register_buffer("voice", model.standardise(vector[None])[:, :N_AUDIO])
        self.register_buffer("mean", torch.from_numpy(model.mean[N_AUDIO:]).float())
        self.register_buffer("std", torch.from_numpy(model.std[N_AUDIO:]).float())

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        face = self.backbone(x).mean(dim=(0, 2, 3))
        face = (face - self.mean) / self.std
        return self._model.forward(torch.cat([self.voice, face[None]], dim=1))


def explain_cam_with(features: Features, model: EmotionModel, backbone: FaceBackbone, method: str) -> CamExplanation | None:
    """Maps of one of :data:`METHODS`, before the library's own rescaling; None without a video.

    Raises:
        ValueError: there is no such method.
    """
    if method not in METHODS:
        raise ValueError(f"unknown method {method!r}: choose one of {', '.join(METHODS)}")
    video = features.video
    if video is None:
        return None
    frames = backbone.preprocessing(video.crops[video.used])
    # A copy: the library hooks its layers, and others may be using the shared network at this moment.
    network = FusedNetwork(deepcopy(backbone), model, features.vector)
    maps = np.zeros((len(LABELS), len(video.used), 7, 7), np.float32)
    for target in range(len(LABELS)):
        if method == "EigenCAM" and target:  # it does not ask for which class
            maps[target] = maps[0]
        else:
            maps[target, video.used] = _run(method, network, frames, target)
    return CamExplanation(maps, method)


def _run(method: str, network: FusedNetwork, frames: torch.Tensor, target: int) -> np.ndarray:
    import pytorch_grad_cam
    from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget

    layer = network.backbone.layer4[-1]
    with getattr(pytorch_grad_cam, method)(network, [layer]) as cam:
        targets = [ClassifierOutputTarget(target)]
        outputs = cam.activations_and_grads(frames.clone().requires_grad_(True))
        network.zero_grad()
        sum(t(output) for t, output in zip(targets, outputs, strict=True)).backward()
        activations = cam.activations_and_grads.activations[0].cpu().data.numpy()
        gradients = cam.activations_and_grads.gradients[0].cpu().data.numpy()
        return cam.get_cam_image(frames, layer, targets, activations, gradients, eigen_smooth=False)

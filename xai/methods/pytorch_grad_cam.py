"""Other class-activation methods, run end to end by ``pytorch-grad-cam`` (Gildenblat 2021) on the fused prediction.

They need their own passes through ResNet-18 and are computed when asked for. Plain Grad-CAM from here is the reference
that :mod:`xai.methods.gradcam` is held to.
"""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import numpy as np
import torch
from torch import nn

from features import Modality
from models.labels import LABELS
from models.model import EmotionModel
from xai.explanation import Attribution, FrameCells, Method, Panel, Say, Subject, silent
from xai.metrics.looking import whole_film

# ScoreCAM and AblationCAM score each frame by itself, which a prediction from all frames does not have.
_ALGORITHMS = {
    "GradCAM": "",
    "GradCAMPlusPlus": "Chattopadhay et al. 2018 (arXiv:1710.11063)",
    "XGradCAM": "Fu et al. 2020 (arXiv:2008.02312)",
    "LayerCAM": "Jiang et al. 2021 (doi 10.1109/TIP.2021.3089943)",
    "HiResCAM": "Draelos & Carin 2020 (arXiv:2011.08891)",
    "EigenCAM": "Muhammad & Yeasin 2020 (arXiv:2008.00299)",
}


class FusedNetwork(nn.Module):
    """Preprocessed frames (m, 3, 224, 224) → one row of calibrated logits (1, 8), with all else held fixed."""

    def __init__(self, backbone: Any, model: EmotionModel, inputs: Any) -> None:
        super().__init__()
        self.backbone, self.classifier, self._model, self._inputs = backbone, model.classifier, model, inputs

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self._model.forward(self._inputs.with_faces(self.backbone(x).mean(dim=(2, 3))[None]))


def library_maps(subject: Subject, algorithm: str = "GradCAM", say: Say = silent) -> np.ndarray:
    """float32 (8, n, 7, 7) by one of the library's algorithms, before the library's own rescaling.

    Raises:
        ValueError: the algorithm is not on the list.
    """
    if algorithm not in _ALGORITHMS:
        raise ValueError(f"unknown algorithm {algorithm!r}: choose one of {', '.join(_ALGORITHMS)}")
    video = subject.features.video
    assert video is not None
    backbone: Any = deepcopy(subject.backbone)  # the library hooks its layers, and others may be using the shared network now
    frames = backbone.preprocessing(video.crops[video.used])
    network = FusedNetwork(backbone, subject.model, subject.inputs)
    maps = np.zeros((len(LABELS), *video.maps[:, 0].shape), np.float32)
    for target, label in enumerate(LABELS):
        if algorithm == "EigenCAM" and target:  # it does not ask for which class
            maps[target] = maps[0]
        else:
            say(f"Computing {algorithm} for {label}…")
            maps[target, video.used] = _run(algorithm, network, frames, target)
    return maps


def _run(algorithm: str, network: FusedNetwork, frames: torch.Tensor, target: int) -> np.ndarray:
    import pytorch_grad_cam
    from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget

    layer = network.backbone.layer4[-1]
    with getattr(pytorch_grad_cam, algorithm)(network, [layer]) as cam:
        targets = [ClassifierOutputTarget(target)]
        outputs = cam.activations_and_grads(frames.clone().requires_grad_(True))
        network.zero_grad()
        sum(t(output) for t, output in zip(targets, outputs, strict=True)).backward()
        activations = cam.activations_and_grads.activations[0].cpu().data.numpy()
        gradients = cam.activations_and_grads.gradients[0].cpu().data.numpy()
        return cam.get_cam_image(frames, layer, targets, activations, gradients, eigen_smooth=False)


class LibraryCam(Method):
    """One of the library's algorithms."""

    panel, modality = Panel.SAW, Modality.VIDEO
    needs_gradients = True
    question = "Which part of which frame spoke for the emotion, by another weighting of the same maps?"
    how = "``pytorch-grad-cam`` runs the face network and the classifier once more for each emotion."
    limits = "Between two emotions, the difference of their maps is an approximation: only Grad-CAM is linear in the logits."

    def __init__(self, algorithm: str) -> None:
        self.algorithm = algorithm
        self.key, self.title = algorithm.lower(), algorithm  # type: ignore[misc]
        self.paper = _ALGORITHMS[algorithm]  # type: ignore[misc]
        if algorithm == "EigenCAM":
            self.limits = "The emotion: it shows where the network looks, whatever is asked."  # type: ignore[misc]

    def applies(self, subject: Subject) -> bool:
        return super().applies(subject) and not whole_film(subject)

    def explain(self, subject: Subject, seed: int = 0, say: Say = silent) -> Attribution:
        return Attribution(self.key, library_maps(subject, self.algorithm, say), FrameCells())


LIBRARY_CAMS = tuple(LibraryCam(algorithm) for algorithm, paper in _ALGORITHMS.items() if paper)

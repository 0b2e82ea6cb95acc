"""Grad-CAM on the fused prediction, for every frame and every class, without a second pass.

Selvaraju et al. 2017 (arXiv:1610.02391). ResNet-18 ends in a global average pool, so the gradient of a logit on each cell of
``layer4`` is its derivative by the feature ÷ 49: constant over the map. What ``pytorch-grad-cam`` computes end to end is therefore
a product of the classifier's gradients with maps already at hand. The library is the reference in the tests, and on request for
any clip (:mod:`xai.reference`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from features import Features, Modality
from models.labels import LABELS
from models.model import EmotionModel
from xai.explanation import Attribution, Contrast, FrameCells, Method, Panel, Say, Subject, silent
from xai.masking import CELLS, chosen_frames
from xai.metrics.randomisation import compare, scrambled_backbone, scrambled_model
from xai.metrics.stability import slight_changes, steadiness
from xai.score import LEARNED_BACKBONE, LEARNED_CLASSIFIER, Score

_CLASSIFIERS, _BACKBONES = 8, 3  # scrambled networks


def class_activation(features: Features, model: EmotionModel) -> np.ndarray:
    """float32 (8, n, 7, 7): Grad-CAM of all eight logits, signed; zeros for frames that were left out."""
    video = features.video
    assert video is not None
    alphas = (model.frame_gradients(model.encode(features)) / CELLS**2).astype(np.float32)
    maps = np.zeros((len(LABELS), *video.maps[:, 0].shape), np.float32)
    maps[:, video.used] = np.einsum("cnk,nkij->cnij", alphas, video.maps[video.used])
    return maps


class GradCam(Method):
    """See the module."""

    key, title, panel, modality, at_once = "gradcam", "Grad-CAM", Panel.SAW, Modality.VIDEO, True
    question = "Which part of which frame spoke for the emotion?"
    how = "The gradient of the *fused* prediction weighs the last maps of the face network, from the pass that made it."
    limits = "Anything finer than 7 × 7 cells a face."
    paper = "Selvaraju et al. 2017 (arXiv:1610.02391)"
    hint = "Under Method, Occlusion asks the model itself: it may do better."

    def explain(self, subject: Subject, seed: int = 0, say: Say = silent) -> Attribution:
        return Attribution(self.key, class_activation(subject.features, subject.model), FrameCells())

    def checks(self, subject: Subject, attribution: Attribution, contrast: Contrast, say: Say = silent) -> Iterator[Score]:
        yield from super().checks(subject, attribution, contrast, say)
        features, model, backbone, frames = subject.features, subject.model, subject.backbone, chosen_frames(subject)
        video = features.video
        assert video is not None
        crops, own = video.crops[frames], attribution.of(contrast)[frames]

        def seen(changed: Features, judge: EmotionModel) -> np.ndarray:
            say("Checking the heat: other pictures, scrambled networks…")
            return self.explain(replace(subject, features=changed, model=judge)).of(contrast)[frames]

        def with_maps(maps: np.ndarray) -> Features:
            return features.with_part(Modality.VIDEO, video.with_maps(maps, frames))

        changes = [seen(with_maps(backbone.maps(pictures)), model) for pictures in slight_changes(crops)]
        yield steadiness(own, changes)
        yield compare(LEARNED_CLASSIFIER, own, [seen(features, scrambled_model(model, k)) for k in range(_CLASSIFIERS)])
        others = (scrambled_backbone(backbone, k) for k in range(_BACKBONES))  # type: ignore[arg-type]
        yield compare(LEARNED_BACKBONE, own, [seen(with_maps(maps(crops)), model) for maps in others])

"""Grad-CAM on the fused prediction, for every frame and every class, without a second pass.

Selvaraju et al. 2017 (arXiv:1610.02391). ResNet-18 ends in a global average pool, so the gradient of a logit on each cell of
``layer4`` is its derivative by the feature ÷ 49: constant over the map. What ``pytorch-grad-cam`` computes end to end is therefore
a product of the classifier's gradients with maps already at hand. The library is the reference in the tests, and on request for
any clip (:mod:`xai.reference`). The same holds in time and space for a network of films, whose maps are shared out among the frames: the
sum over them is that of 3-d Grad-CAM, cell by cell of the face.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial

import numpy as np

from features import Features, Modality
from models.labels import LABELS
from models.model import EmotionModel
from xai.explanation import Attribution, Contrast, FrameCells, Method, Panel, Say, Subject, silent
from xai.masking import CELLS, chosen_frames
from xai.metrics.looking import look_again
from xai.metrics.measures import LEARNED_BACKBONE, LEARNED_CLASSIFIER
from xai.metrics.randomisation import compare, scrambled_backbone, scrambled_model
from xai.metrics.stability import slight_changes, steadiness
from xai.score import Score

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
    needs_gradients = True
    question = "Which part of which frame spoke for the emotion?"
    how = "The gradient of the *fused* prediction weighs the last maps of the face network, from the pass that made it."
    limits = "Anything finer than 7 × 7 cells a face."
    paper = "Selvaraju et al. 2017 (arXiv:1610.02391)"
    hint = "Under Method, Occlusion asks the model itself: it may do better."
    stand_ins = ("layercam3", "occlusion")

    def explain(self, subject: Subject, seed: int = 0, say: Say = silent) -> Attribution:
        return Attribution(self.key, class_activation(subject.features, subject.model), FrameCells())

    def checks(self, subject: Subject, attribution: Attribution, contrast: Contrast, say: Say = silent) -> Iterator[Score]:
        yield from super().checks(subject, attribution, contrast, say)
        features, model, backbone, frames = subject.features, subject.model, subject.backbone, chosen_frames(subject)
        video = features.video
        assert video is not None
        crops, own = video.crops[frames], attribution.of(contrast)[frames]

        def seen(what: str, number: int, changed: Callable[[], Subject]) -> np.ndarray:
            say("Checking the heat: other pictures, scrambled networks…")
            values = subject.memo.of((self.key, what, number), lambda: self.explain(changed()).values[:, frames])
            return contrast.of(values)

        def looked_at(maps: np.ndarray, frames: np.ndarray) -> Subject:
            return replace(subject, features=features.with_part(Modality.VIDEO, video.with_maps(maps, frames)))

        def other_backbone(k: int) -> Subject:
            return looked_at(*look_again(subject, crops, frames, scrambled_backbone(backbone, k)))  # type: ignore[arg-type]

        def other_pictures(pictures: np.ndarray) -> Subject:
            return looked_at(*look_again(subject, pictures, frames))

        def other_classifier(k: int) -> Subject:
            return replace(subject, model=scrambled_model(model, k))

        changes = [partial(other_pictures, pictures) for pictures in slight_changes(crops)]
        yield steadiness(own, [seen("pictures", k, change) for k, change in enumerate(changes)])
        yield compare(LEARNED_CLASSIFIER, own, [seen("classifier", k, partial(other_classifier, k)) for k in range(_CLASSIFIERS)])
        yield compare(LEARNED_BACKBONE, own, [seen("backbone", k, partial(other_backbone, k)) for k in range(_BACKBONES)])

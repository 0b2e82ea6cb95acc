"""Grad-CAM with the gradient averaged on the way from an average face to this one.

Sattarzadeh et al. 2021, Integrated Grad-CAM (arXiv:2102.07805): where the classifier is saturated, the gradient at the recording itself
says little about what brought it there. A feature is the mean of its map, so the path is one of features (from their mean in training),
and the maps of the first pass are weighed in closed form.
"""

from __future__ import annotations

import numpy as np

from features import Modality
from models.labels import LABELS
from xai.explanation import Attribution, FrameCells, Method, Panel, Say, Subject, silent
from xai.masking import CELLS

NODES = 12  # on the path, in the middle of equal steps


def averaged_gradients(subject: Subject, nodes: int = NODES, say: Say = silent) -> np.ndarray:
    """float64 (8, m, 512): mean derivative of each logit by each face feature, from the mean of training to the m frames that count."""
    video, model = subject.features.video, subject.model
    assert video is not None
    rows = video.frame_vectors
    start = np.broadcast_to(model.space.part(model.standardise.mean, Modality.VIDEO), rows.shape)
    total = np.zeros((len(LABELS), *rows.shape))
    for place in (np.arange(nodes) + 0.5) / nodes:
        say("Walking from an average face to this one…")
        total += model.frame_gradients(subject.inputs.with_faces((start + place * (rows - start))[None]))
    return total / nodes


class IntegratedGradCam(Method):
    """See the module."""

    key, title, panel, modality = "integrated_gradcam", "Integrated Grad-CAM", Panel.SAW, Modality.VIDEO
    needs_gradients = True
    question = "Which part of which frame spoke for the emotion, on the way from an average face to this one?"
    how = "As Grad-CAM, but the gradient is averaged along the straight path from the mean face of training to this face."
    limits = "Anything finer than 7 × 7 cells a face; it still trusts the gradient, and does not ask what happens without a part."
    paper = "Sattarzadeh et al. 2021 (arXiv:2102.07805)"

    def explain(self, subject: Subject, seed: int = 0, say: Say = silent) -> Attribution:
        video = subject.features.video
        assert video is not None
        weights = averaged_gradients(subject, say=say) / CELLS**2
        found = np.zeros((len(LABELS), *video.maps[:, 0].shape), np.float32)
        found[:, video.used] = np.einsum("cnk,nkij->cnij", weights.astype(np.float32), video.maps[video.used])
        return Attribution(self.key, found, FrameCells(), {"nodes": NODES})

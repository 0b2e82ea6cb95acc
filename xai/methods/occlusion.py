"""Occlusion: how much the logit falls when one cell of one frame is blurred.

Zeiler & Fergus 2014 (arXiv:1311.2901). Slower than Grad-CAM, as every cell is a pass through the backbone, but it asks
the model instead of its gradient, and so holds where a gradient says little about what really happens.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from features import Features
from models.checkpoint import AnyModel
from models.labels import LABELS
from xai.masking import BLUR, CELLS, Maps, blend, face_logits, frame_features
from xai.methods.gradcam import CamExplanation

METHOD = "Occlusion"
FRAMES = 24  # of a long clip, evenly spaced: each is 49 passes


def explain_occlusion(
    features: Features, model: AnyModel, maps: Maps, say: Callable[[int, int], None] = lambda done, total: None
) -> CamExplanation:
    """Fall of all eight logits for every cell of the frames that count (at most :data:`FRAMES`); zeros in all others.

    Args:
        maps: the backbone.
        say: told the number of frames done and of all, before each.
    """
    video = features.video
    assert video is not None
    rows = frame_features(video)
    found = np.zeros((len(LABELS), *video.maps[:, 0].shape), np.float32)
    whole = face_logits(features, model, rows[None])[0]
    used = np.flatnonzero(video.used)
    places = np.unique(np.linspace(0, len(used) - 1, min(FRAMES, len(used))).round().astype(int))
    for done, (place, frame) in enumerate(zip(places, used[places], strict=True)):
        say(done, len(places))
        altered = np.repeat(rows[None], CELLS * CELLS, axis=0)
        altered[:, place] = maps(_each_cell_blurred(video.crops[frame])).mean(axis=(2, 3))
        fall = whole - face_logits(features, model, altered)
        found[:, frame] = fall.T.reshape(len(LABELS), CELLS, CELLS)
    return CamExplanation(found, METHOD)


def _each_cell_blurred(crop: np.ndarray) -> np.ndarray:
    """uint8 (224, 224, 3) → (49, 224, 224, 3)."""
    blurred = cv2.GaussianBlur(crop, (0, 0), BLUR)
    kept = ~np.eye(CELLS * CELLS, dtype=bool).reshape(-1, 1, CELLS, CELLS)
    return np.stack([blend(crop[None], blurred[None], cell)[0] for cell in kept])

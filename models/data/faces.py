"""Faces of one file as features: as they are, augmented, and under each corruption."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from pathlib import Path

import cv2
import numpy as np

from features import Modality
from features.faces import Box, FaceTracker, crop_square, cut
from features.media import read_frames
from features.video import N_FACE, extract_video
from models.data.augmentation import random_camera, random_face
from models.data.cache import cached, seed_of
from models.data.corruptions import CORRUPTIONS
from models.data.ravdess import Take
from models.networks.backbone import load_backbone

log = logging.getLogger(__name__)

_CAMERAS = ("left", "right", "blur", "dim", "jpeg")
_CHAINS = 5
FACE_VARIANTS = 1 + _CHAINS + len(_CAMERAS)
_VERSION = 2  # of what is computed below: part of the cache's keys
_STRIP_SIDE = 224
# In the face strips of actor 05 the faces are stored 4:3 too flat (compare any of them with its MP4).
_STRIP_ASPECT = {5: 4 / 3}


def face_views(take: Take, cache: Path, backbone: str) -> np.ndarray:
    """float32 (views, frames, 512): the face as it was filmed, augmented copies up to :data:`FACE_VARIANTS`, then corruptions."""
    data = take.path.read_bytes()

    def compute() -> dict[str, np.ndarray]:
        crops = _strip_crops(data, take.actor) if take.kind == "strip" else _video_crops(data)
        rng = np.random.default_rng(seed_of(data))
        views = [crops] + [np.stack([random_face(crop, rng) for crop in crops]) for _ in range(_CHAINS)]
        views += [np.stack([random_camera(crop, rng, kind) for crop in crops]) for kind in _CAMERAS]
        views += [np.stack([corrupt(crop) for crop in crops]) for corrupt in CORRUPTIONS[Modality.VIDEO].values()]
        return {"views": np.stack([pooled(view, backbone) for view in views])}

    return cached(cache, f"{face_settings(backbone)} {FACE_VARIANTS}", data, compute)["views"]


def face_settings(backbone: str) -> str:
    """What features of faces depend on besides the pictures: part of the cache's keys."""
    return f"face {_VERSION} {load_backbone(backbone).digest}"


def pooled(crops: np.ndarray, backbone: str) -> np.ndarray:
    """uint8 (n, 224, 224, 3) crops → float32 (n, 512) features."""
    return load_backbone(backbone).maps(crops).mean(axis=(2, 3))


def _video_crops(data: bytes) -> np.ndarray:
    video = extract_video(read_frames(data), lambda crops: np.zeros((len(crops), N_FACE, 7, 7), np.float32))
    return video.crops[video.used]


def _strip_crops(data: bytes, actor: int) -> np.ndarray:
    """Cut the pictures of a strip as the app would cut the frames they come from."""
    strip = cv2.cvtColor(np.asarray(cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)), cv2.COLOR_BGR2RGB)
    tracker, crops = FaceTracker(), []
    for index, frame in enumerate(_strip_frames(strip, _STRIP_ASPECT.get(actor, 1.0))):
        face = tracker(frame)
        if face is None:
            log.warning("no face in picture %d of a strip of actor %02d: its middle is used", index, actor)
            side = 0.5 * min(frame.shape[:2])
            face = Box((frame.shape[1] - side) / 2, (frame.shape[0] - side) / 2, side, side)
        crops.append(cut(frame, crop_square(face)))
    return np.stack(crops)


def _strip_frames(strip: np.ndarray, aspect: float) -> Iterable[np.ndarray]:
    for left in range(0, strip.shape[1] - _STRIP_SIDE + 1, _STRIP_SIDE):
        picture = strip[:, left : left + _STRIP_SIDE]
        picture = cv2.resize(picture, (_STRIP_SIDE, round(_STRIP_SIDE * aspect)), interpolation=cv2.INTER_LINEAR)
        border = _STRIP_SIDE // 2  # the detector wants to see something around the face
        yield cv2.copyMakeBorder(picture, border, border, border, border, cv2.BORDER_REPLICATE)

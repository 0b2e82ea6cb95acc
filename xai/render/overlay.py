"""Heat on the original frames, at the face it was computed from."""

from __future__ import annotations

import cv2
import numpy as np

from features.faces import Box
from features.video import VideoFeatures
from xai.render.colours import evidence_rgba

_BOX_COLOUR = (255, 255, 255)


def overlay_frames(video: VideoFeatures, heat: np.ndarray, opacity: float = 0.6, boxes: bool = True) -> list[np.ndarray]:
    """Every sampled frame with its heat.

    Args:
        heat: (n, 7, 7) evidence in [−1, 1].
        opacity: 0 to 1, at the strongest evidence.
        boxes: draw the detected face.

    Returns:
        n uint8 (h, w, 3) pictures, in the frames' own geometry.
    """
    out = []
    for picture, face, square, cells in zip(video.pictures, video.faces, video.squares, heat, strict=True):
        shown = picture.copy()
        if square is not None:
            _blend(shown, cells, square.scaled(1 / video.picture_scale), opacity)
        if boxes and face is not None:
            _rectangle(shown, face.scaled(1 / video.picture_scale))
        out.append(shown)
    return out


def zoom_to_faces(video: VideoFeatures, pictures: list[np.ndarray]) -> list[np.ndarray]:
    """Cut every picture to twice the square around its face; pictures without a face stay whole."""
    return [_around(p, s.scaled(1 / video.picture_scale)) if s else p for p, s in zip(pictures, video.squares, strict=True)]


def _around(picture: np.ndarray, square: Box) -> np.ndarray:
    x, y = square.centre
    x0, y0 = max(0, round(x - square.w)), max(0, round(y - square.w))
    return picture[y0 : round(y + square.w), x0 : round(x + square.w)]


def _blend(picture: np.ndarray, cells: np.ndarray, square: Box, opacity: float) -> None:
    """Lay the heat of one square onto ``picture`` in place; what lies outside the picture is cut off."""
    side = max(1, round(square.w))
    rgba = evidence_rgba(upsample(cells, side), opacity)
    left, top = round(square.x), round(square.y)
    x0, y0 = max(left, 0), max(top, 0)
    x1, y1 = min(left + side, picture.shape[1]), min(top + side, picture.shape[0])
    if x1 <= x0 or y1 <= y0:
        return
    part = rgba[y0 - top : y1 - top, x0 - left : x1 - left].astype(np.float32)
    alpha = part[..., 3:] / 255
    under = picture[y0:y1, x0:x1]
    under[:] = (under * (1 - alpha) + part[..., :3] * alpha).round().astype(np.uint8)


def upsample(heat: np.ndarray, side: int) -> np.ndarray:
    """(7, 7) → (side, side), bilinear: the resizing that pytorch-grad-cam uses."""
    return cv2.resize(heat.astype(np.float32), (side, side))


def _rectangle(picture: np.ndarray, box: Box) -> None:
    corner = round(box.x), round(box.y)
    opposite = round(box.x + box.w), round(box.y + box.h)
    width = max(1, picture.shape[1] // 320)
    # A dark line under the light one is seen on any background.
    cv2.rectangle(picture, corner, opposite, (0, 0, 0), 2 * width + 1)
    cv2.rectangle(picture, corner, opposite, _BOX_COLOUR, width)

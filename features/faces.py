"""Find a face, follow it from frame to frame, and cut it out as a square.

The detector is dlib's HOG + linear SVM (Dalal & Triggs 2005; King 2015, arXiv:1502.00046): it ships inside its wheel,
needs no download, and finds frontal faces rolled by up to about 30°.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

import cv2
import numpy as np

CROP = 224
MARGIN = 1.05  # side of the square ÷ width of dlib's box: the cut that the training faces have
_DETECT_SIDES = (640, 1280)
_SMALLEST = 60
MIN_OVERLAP = 0.2
_PROBED = 3


class Box(NamedTuple):
    """A rectangle in pixels: left, top, width, height."""

    x: float
    y: float
    w: float
    h: float

    @property
    def area(self) -> float:
        return self.w * self.h

    @property
    def centre(self) -> tuple[float, float]:
        return self.x + self.w / 2, self.y + self.h / 2

    def scaled(self, factor: float) -> Box:
        return Box(*(v * factor for v in self))

    def overlap(self, other: Box) -> float:
        """Intersection over union, 0 to 1."""
        wide = min(self.x + self.w, other.x + other.w) - max(self.x, other.x)
        high = min(self.y + self.h, other.y + other.h) - max(self.y, other.y)
        shared = max(0.0, wide) * max(0.0, high)
        union = self.area + other.area - shared
        return shared / union if union > 0 else 0.0


_idle: list = []  # detectors that nobody uses at the moment


@contextmanager
def _detector() -> Iterator:
    """A detector for one thread at a time: it keeps scratch memory, tens of MB, so there are no more than are used at once."""
    try:
        detector = _idle.pop()
    except IndexError:
        import dlib

        detector = dlib.get_frontal_face_detector()
    try:
        yield detector
    finally:
        _idle.append(detector)


def detect_faces(rgb: np.ndarray) -> list[Box]:
    """All faces in a uint8 (h, w, 3) picture, largest first, as boxes in its pixels.

    The picture is searched at up to 640 pixels; only if nothing is found there, once more at twice the size.
    """
    return next((found for side in _DETECT_SIDES if (found := search(rgb, side))), [])


def search(rgb: np.ndarray, side: int = _DETECT_SIDES[0]) -> list[Box]:
    """Faces in the picture after scaling its longer side to ``side``: dlib sees none under 80 pixels."""
    height, width = rgb.shape[:2]
    factor = side / max(height, width)
    size = max(1, round(width * factor)), max(1, round(height * factor))
    if min(size) < _SMALLEST:
        return []
    grey = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
    small = cv2.resize(grey, size, interpolation=cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR)
    with _detector() as detector:
        boxes = [Box(r.left(), r.top(), r.width(), r.height()).scaled(1 / factor) for r in detector(small, 0)]
    return sorted(boxes, key=lambda box: -box.area)


class FaceTracker:
    """Follows one face: the largest at first, then the one that overlaps it most; the largest again once it is lost."""

    def __init__(self) -> None:
        self._last: Box | None = None
        self.most_faces = 0

    def __call__(self, rgb: np.ndarray, searched: list[Box] | None = None) -> Box | None:
        """The followed face in the next frame, or None where there is no face.

        Args:
            searched: what :func:`search` has found in it, if it was asked.
        """
        last, best = self._last, None
        for side in _DETECT_SIDES:
            found = searched if searched is not None and side == _DETECT_SIDES[0] else search(rgb, side)
            self.most_faces = max(self.most_faces, len(found))
            if not found:
                continue
            best = best or found[0]
            if last is None:
                break
            nearest = max(found, key=last.overlap)
            if nearest.overlap(last) >= MIN_OVERLAP:
                best = nearest
                break
        self._last = best or last
        return best


def quarter_turns(pictures: Sequence[np.ndarray]) -> int:
    """By how many quarters, counter-clockwise, a film must be turned so that faces are seen upright; 0 where that shows none either.

    Args:
        pictures: uint8 (h, w, 3), in which no face was found as they are; three of them are looked at, 20 ms for each and turn.
    """
    some = [pictures[k] for k in np.unique(np.linspace(0, len(pictures) - 1, _PROBED).round().astype(int))]
    found = {turn: sum(bool(search(np.ascontiguousarray(np.rot90(picture, turn)))) for picture in some) for turn in (1, 3, 2)}
    best = max(found, key=lambda turn: found[turn])
    return best if found[best] > len(some) / 2 else 0


def crop_square(box: Box) -> Box:
    """The square that is cut out for a face: centred on the box, ``MARGIN`` times as wide."""
    side = MARGIN * max(box.w, box.h)
    x, y = box.centre
    return Box(x - side / 2, y - side / 2, side, side)


def centre_square(height: int, width: int) -> Box:
    """The largest centred square: what is used when no frame shows a face."""
    side = min(height, width)
    return Box((width - side) / 2, (height - side) / 2, side, side)


def cut(rgb: np.ndarray, square: Box) -> np.ndarray:
    """Cut ``square`` from a uint8 (h, w, 3) picture and scale it to uint8 (224, 224, 3); edges repeat outside."""
    factor = CROP / square.w
    if factor < 0.5:  # shrink by area first, or fine texture turns into noise
        shrink = 2 * factor
        rgb = cv2.resize(rgb, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA)
        square, factor = square.scaled(shrink), 0.5
    # OpenCV's pixel centres lie on whole numbers, hence the half pixels.
    shift_x = (-square.x + 0.5) * factor - 0.5
    shift_y = (-square.y + 0.5) * factor - 0.5
    matrix = np.array([[factor, 0, shift_x], [0, factor, shift_y]])
    return cv2.warpAffine(rgb, matrix, (CROP, CROP), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)

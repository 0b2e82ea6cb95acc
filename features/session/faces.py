"""Faces followed through a film that is looked at once a second.

A track ends at cuts, and where somebody else may have taken the place.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from features.faces import CROP, Box, crop_square, cut, search
from features.people import ALIKE_IN_PLACE, small_grey
from features.session.film import Look

_FINE, _COARSE = 1280, 640  # longest side at which a whole picture is searched: dlib sees no face under 80 pixels
_WHOLE = 5  # looks after which the whole picture is searched again
_NEAR = 2.2  # side of the square around a known face that is searched ÷ side of the face
_SIDE = 280  # to which that square is scaled: a face then has some 127 pixels
_OVERLAP = 0.3
_AT_HOME = 0.5
_STEP = 1.3  # between sizes of one face
_SHIFT = 4  # of 32 pixels
_LOST = 2  # looks in which a face is not found and its place still kept


@dataclass(frozen=True)
class Seen:
    """One face in one look.

    Attributes:
        time: seconds on the clock.
        track: number of the stretch over which this face is followed.
        box: in pixels of the film.
        crop: uint8 (224, 224, 3); soon: the same square a moment later, if there is such a picture.
    """

    time: float
    track: int
    box: Box
    crop: np.ndarray
    soon: np.ndarray | None


@dataclass(eq=False)
class _Track:
    """``home`` is where it is searched: it moves only with the face, as boxes found around boxes drift."""

    number: int
    box: Box
    grey: np.ndarray
    home: Box
    missed: int = 0


class FaceFollower:
    """Told the looks of a film in order, says which faces are seen, and which were seen before.

    Faces that are known are looked for where they were, which takes 4 ms each; the whole picture (20 ms, or 80 in full size) is searched
    after cuts, when a face is lost, and every few looks.
    """

    def __init__(self) -> None:
        self._tracks: list[_Track] = []
        self._count = 0
        self._since = _WHOLE
        self._fine = True

    def __call__(self, look: Look) -> list[Seen]:
        """The faces of the next look, from left to right."""
        rgb = look.frame.rgb
        if look.cuts:
            self._tracks, self._since = [], _WHOLE
        boxes: list[tuple[_Track | None, Box]] = []
        for track in self._tracks:
            box = self._near(rgb, track.home)
            if box is not None and not _known(box, [own for _, own in boxes]):
                boxes.append((track, box))
        if len(boxes) < len(self._tracks) or self._since >= _WHOLE:
            boxes = self._searched(rgb, boxes)
        else:
            self._since += 1
        return self._seen(look, boxes)

    def _near(self, rgb: np.ndarray, box: Box) -> Box | None:
        """The face that was at ``box``, in the square around it."""
        (x, y), half = box.centre, _NEAR * max(box.w, box.h) / 2
        left, top = max(0, int(x - half)), max(0, int(y - half))
        part = rgb[top : int(y + half), left : int(x + half)]
        if min(part.shape[:2]) < 20:
            return None
        boxes = [Box(b.x + left, b.y + top, b.w, b.h) for b in search(part, _SIDE)]
        return max(boxes, key=box.overlap, default=None)

    def _searched(self, rgb: np.ndarray, known: list[tuple[_Track | None, Box]]) -> list[tuple[_Track | None, Box]]:
        """Those that are known, and what else is in the whole picture."""
        self._since = 0
        found = search(rgb, _COARSE)
        if self._fine or not found or not all(_known(box, found) for _, box in known):
            fine = search(rgb, _FINE) if max(rgb.shape) > _COARSE else []
            self._fine = len(fine) > len(found) or any(box.w < rgb.shape[1] / 8 for box in fine)
            found += [box for box in fine if not _known(box, found)]
        # Boxes of the whole picture come in other sizes than those of its parts: the same face would look like another.
        new = [self._near(rgb, box) or box for box in found if not _known(box, [own for _, own in known])]
        return known + [(None, box) for box in new]

    def _seen(self, look: Look, boxes: list[tuple[_Track | None, Box]]) -> list[Seen]:
        seen, kept = [], []
        missing = [track for track in self._tracks if all(track is not own for own, _ in boxes)]
        for track, found in boxes:
            box = found if track is None else _steadied(found, track.box)
            square = crop_square(box)
            crop = cut(look.frame.rgb, square)
            grey = small_grey(crop)
            if track is None or track.box.overlap(box) < _OVERLAP or _alike(track.grey, grey) < ALIKE_IN_PLACE:
                track = _Track(self._count, box, grey, box)
                self._count += 1
            track.box, track.grey, track.missed = box, grey, 0
            if track.home.overlap(box) < _AT_HOME:
                track.home = box
            kept.append(track)
            soon = cut(look.soon.rgb, square) if look.soon is not None else None
            seen.append(Seen(look.frame.time, track.number, box.scaled(look.frame.scale), crop, soon))
        for track in missing:
            track.missed += 1
        self._tracks = kept + [track for track in missing if track.missed <= _LOST and not _known(track.box, [own.box for own in kept])]
        return sorted(seen, key=lambda one: one.box.x)


def _steadied(box: Box, before: Box) -> Box:
    """The face where it is found, but of nearly the size that it had: the detector knows sizes only in steps of a fifth."""
    if not 1 / _STEP < box.w / before.w < _STEP:
        return box
    (x, y), side = box.centre, 0.8 * before.w + 0.2 * box.w
    return Box(x - side / 2, y - side / 2, side, side)


def _alike(one: np.ndarray, other: np.ndarray) -> float:
    """Correlation of two small grey faces, moved so that they fit best: the detector knows places only in steps, too."""
    side = round(len(one) ** 0.5)
    inner = one.reshape(side, side)[_SHIFT:-_SHIFT, _SHIFT:-_SHIFT]
    return float(cv2.matchTemplate(other.reshape(side, side), np.ascontiguousarray(inner), cv2.TM_CCOEFF_NORMED).max())


def _known(box: Box, others: list[Box]) -> bool:
    return any(box.overlap(other) >= _OVERLAP for other in others)


def mouth_movement(crop: np.ndarray, soon: np.ndarray, points: np.ndarray, later: np.ndarray) -> float:
    """How much the mouth changes from one picture to another a tenth of a second later, in units of the rest of the face.

    Args:
        crop, soon: uint8 (224, 224, 3), the same square of both pictures.
        points, later: (5, 2), landmarks of both: the corners of the eyes and the base of the nose.
    """
    moved = np.round(later[4] - points[4]).astype(int)
    eyes = (points[:2].mean(axis=0), points[2:4].mean(axis=0))
    apart = max(float(np.linalg.norm(eyes[0] - eyes[1])), 8.0)
    down = np.array([0.0, 1.0])
    mouth = _change(crop, soon, points[4] + 0.62 * apart * down, 0.45 * apart, 0.42 * apart, moved)
    rest = _change(crop, soon, (eyes[0] + eyes[1]) / 2, 0.85 * apart, 0.3 * apart, moved)
    return mouth / (rest + _NOISE)


_NOISE = 1.0  # of 255: what compression changes anyway


def _change(one: np.ndarray, other: np.ndarray, centre: np.ndarray, half_width: float, half_height: float, moved: np.ndarray) -> float:
    """Mean absolute difference of grey values around ``centre``, after the face has moved by so many pixels; 0.0 outside the pictures."""
    x, y = np.round(centre).astype(int)
    wide, high = round(half_width), round(half_height)
    dx, dy = np.clip(moved, -20, 20)
    top, bottom = max(0, y - high, dy * -1), min(CROP, y + high, CROP - dy)
    left, right = max(0, x - wide, dx * -1), min(CROP, x + wide, CROP - dx)
    if bottom - top < 4 or right - left < 4:
        return 0.0
    first = one[top:bottom, left:right].mean(axis=2, dtype=np.float32)
    second = other[top + dy : bottom + dy, left + dx : right + dx].mean(axis=2, dtype=np.float32)
    return float(np.abs((first - first.mean()) - (second - second.mean())).mean())

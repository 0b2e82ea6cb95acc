"""Can the face be seen in a crop? Turned away, out of focus, eyes or mouth covered: measured in the picture, by five landmarks.

Thresholds lie where hardly any face of two actors (RAVDESS, all emotions) or of FER+ does, and drawn masks, sunglasses and blur do:
``python -m tests.bench.people`` prints the table.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

AWAY = 0.25  # nose beside the middle of the eyes ÷ their distance
BLURRED = 0.025  # of the variance of a crop, what its Laplacian has
EYES, MOUTH = 0.8, 0.65  # edges there ÷ edges in the face
DARK = 0.33  # brightness of the eyes ÷ that of the cheeks: dark glasses reflect, and so have edges
_INNER = slice(30, 200), slice(30, 194)
_CRISP = slice(12, 100)


@dataclass(frozen=True)
class Visibility:
    """What is wrong with each of n faces: bool (n,) each."""

    away: np.ndarray
    blurred: np.ndarray
    eyes: np.ndarray
    mouth: np.ndarray


def visibility(crops: np.ndarray, points: np.ndarray) -> Visibility:
    """What hinders the view.

    Args:
        crops: uint8 (n, 224, 224, 3).
        points: (n, 5, 2), from :func:`models.identity.person.landmarks`.
    """
    found = np.array([measures(crop, five) for crop, five in zip(crops, points, strict=True)]).reshape(-1, 5)
    turn, sharp, eyes, dark, mouth = found.T
    return Visibility(turn > AWAY, sharp < BLURRED, (eyes < EYES) | (dark < DARK), mouth < MOUTH)


def measures(crop: np.ndarray, points: np.ndarray) -> tuple[float, float, float, float, float]:
    """Turn, sharpness, edges of the eyes, their brightness and edges of the mouth, as the thresholds of this module mean them.

    Args:
        crop: uint8 (224, 224, 3).
        points: (5, 2): outer and inner corner of one eye and of the other, and the base of the nose.
    """
    grey = cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY)
    face = grey.astype(np.float32)
    eyes, nose = (points[:2].mean(axis=0), points[2:4].mean(axis=0)), points[4]
    apart = max(float(np.linalg.norm(eyes[0] - eyes[1])), 1.0)
    middle = (eyes[0] + eyes[1]) / 2
    turn = abs(float((nose - middle) @ (eyes[0] - eyes[1]))) / apart**2
    small = cv2.resize(grey, (112, 112), interpolation=cv2.INTER_AREA).astype(np.float32)
    crisp = cv2.Laplacian(small, cv2.CV_32F)[_CRISP, _CRISP].var() / max(float(small[_CRISP, _CRISP].var()), 1.0)
    edges = _edges(face[_INNER]) + 0.5
    at_eyes = [_part(face, eye, 0.22 * apart, 0.16 * apart) for eye in eyes]
    cheeks = [_part(face, np.array([eye[0], nose[1]]), 0.18 * apart, 0.15 * apart) for eye in eyes]
    mouth = _part(face, nose + np.array([0, 0.45 * apart]), 0.42 * apart, 0.25 * apart)
    bright = np.mean([part.mean() for part in at_eyes]) / (np.mean([part.mean() for part in cheeks]) + 1)
    return turn, float(crisp), max(_edges(part) for part in at_eyes) / edges, float(bright), _edges(mouth) / edges


def _part(face: np.ndarray, centre: np.ndarray, half_width: float, half_height: float) -> np.ndarray:
    """What lies around ``centre``; at least one pixel of the picture."""
    x, y = (int(np.clip(round(v), 0, size - 1)) for v, size in zip(centre, face.shape[::-1], strict=True))
    wide, high = round(half_width), round(half_height)
    return face[max(0, y - high) : y + high + 1, max(0, x - wide) : x + wide + 1]


def _edges(part: np.ndarray) -> float:
    """Mean change from row to row: brows, lids and lips lie across."""
    return float(np.abs(cv2.Sobel(np.ascontiguousarray(part), cv2.CV_32F, 0, 1)).mean())

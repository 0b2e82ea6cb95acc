"""A face network looks again: at single pictures, or, where it reads a film as a whole, at all of it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from xai.explanation import Subject

Maps = Callable[[np.ndarray], np.ndarray]


def whole_film(subject: Subject) -> bool:
    """Whether the maps of a picture by its face network depend on the others (:mod:`models.networks.film_backbone`)."""
    return getattr(subject.backbone, "whole_film", False)


def look_again(subject: Subject, pictures: np.ndarray, frames: np.ndarray, maps: Maps | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Other pictures in some frames → maps (f, 512, 7, 7), and of which frames they are, int (f,): of those, or of all that count.

    Args:
        pictures: uint8 (f, 224, 224, 3); frames: int (f,).
        maps: of another face network of the same kind; the subject's own by default.
    """
    look = maps or subject.backbone.maps
    video = subject.features.video
    if not whole_film(subject) or video is None:
        return look(pictures), frames
    used = np.flatnonzero(video.used)
    film = video.crops[used]
    film[np.searchsorted(used, frames)] = pictures
    return look(film), used

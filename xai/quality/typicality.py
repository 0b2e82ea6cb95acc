"""How unlike the clips that the model knows a recording is: distance to its nearest neighbours, as a percentile.

k-nearest-neighbour distance in the space of standardised features (Sun et al. 2022, arXiv:2204.06507, who use it on
embeddings). What counts as usual is measured between people: the distance of each reference clip to its neighbours among
other actors, as a clip of an unseen speaker would have it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from features import SPACE, Features, Modality
from models.model import EmotionModel
from models.reference import load_reference

NEIGHBOURS = 5


@dataclass(frozen=True)
class Typicality:
    """Attributes:
    distance: mean over the nearest reference clips, in deviations per feature; nearest: that of the very nearest.
    percentile: share (0 to 100) of held-out reference clips that lie nearer to theirs.
    usual: the distance that 95 of 100 held-out clips do not exceed.
    clips, actors: size of the reference.
    """

    distance: float
    nearest: float
    percentile: float
    usual: float
    clips: int
    actors: int


def typicality(features: Features, model: EmotionModel, modality: Modality) -> Typicality | None:
    """Of the features of one modality; None where it is missing."""
    if modality not in features.parts:
        return None
    deviation = np.maximum(SPACE.part(model.reference, modality).std(axis=0), 1e-6)
    clips, held_out = _known(modality, tuple(deviation.tolist()))
    z = features.parts[modality].vector / deviation
    distance, nearest = (float(knn_distance(z[None], clips, count)[0]) for count in (NEIGHBOURS, 1))
    actors = len(np.unique(load_reference(modality.noun).actor))
    return Typicality(distance, nearest, float(100 * (held_out < distance).mean()), float(np.percentile(held_out, 95)), len(clips), actors)


@cache
def _known(modality: Modality, deviation: tuple[float, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Standardised reference clips (n, d), and the distance of each to its neighbours among other actors (n,)."""
    reference = load_reference(modality.noun)
    z = SPACE.part(reference.vectors(), modality) / np.array(deviation)
    held_out = np.empty(len(z))
    for actor in np.unique(reference.actor):
        own = reference.actor == actor
        held_out[own] = knn_distance(z[own], z[~own])
    return z, held_out


def knn_distance(points: np.ndarray, clips: np.ndarray, count: int = NEIGHBOURS) -> np.ndarray:
    """(m, d) and (n, d) → (m,): mean distance to the ``count`` nearest, divided by √d so that modalities can be compared."""
    squared = (points**2).sum(axis=1)[:, None] - 2 * points @ clips.T + (clips**2).sum(axis=1)[None]
    nearest = np.sort(np.sqrt(np.maximum(squared, 0.0)), axis=1)[:, :count]
    return nearest.mean(axis=1) / np.sqrt(points.shape[1])

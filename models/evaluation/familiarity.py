"""How unlike the voices of the training a voice is, and how much less sure a model may be of it.

A voice is the mean of its tokens by Whisper's encoder, on the first principal axes of the training voices, each divided by its
deviation. What counts is the distance to its nearest neighbours there (Sun et al. 2022, arXiv:2204.06507), in units of the distance
that 95 of 100 recordings of people who were left out do not exceed: 1 is where the usual ends. Beyond it logits are divided by
:func:`softening`, on top of the temperature of their model, so that what it says of music, noise or another language approaches chance.

``python -m models.reference --data DIR`` makes the map; ``python -m tests.bench.unlike`` measures what it does.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np

from models.evaluation.protocols import FOLDS
from models.labels import LABELS
from models.registry import RESULTS

PATH = RESULTS / "known_voices.npz"
NEIGHBOURS = 5
AXES = 96
WINDOW = 9  # tokens: a longer voice is compared stretch by stretch, as the training has none that is longer
_USUAL = 95  # percentile of recordings of people who were left out
_STEEPNESS = 15.0  # of the logarithm of the softening: 1.05 times the usual distance is twice the temperature, 1.15 ten times
_MOST = 50.0  # temperature: of logits up to 10 nothing is left that is not chance
WORTH_NAMING = 2 / len(LABELS)
"""Probability below which no emotion stands out: twice that of a guess."""


@dataclass(frozen=True)
class VoiceMap:
    """Where the training voices lie.

    Attributes:
        mean, scale: float32 (d,), of the means of tokens.
        axes: float32 (d, k), principal axes of the standardised voices, each divided by its deviation.
        points: float32 (n, k), the training voices.
        left_out: float64 (n,), distance of each when its actor's fold was left out of the map.
        actors: how many people they are of.
    """

    mean: np.ndarray
    scale: np.ndarray
    axes: np.ndarray
    points: np.ndarray
    left_out: np.ndarray
    actors: int = 0

    @property
    def usual(self) -> float:
        """The distance that 95 of 100 recordings of people who were left out do not exceed."""
        return float(np.percentile(self.left_out, _USUAL))

    def place(self, means: np.ndarray) -> np.ndarray:
        """Means of tokens (m, d) → float (m, k)."""
        return ((means - self.mean) / self.scale) @ self.axes

    def distance(self, means: np.ndarray) -> np.ndarray:
        """(m, d) → float64 (m,): mean distance to the nearest training voices."""
        return knn_distance(self.place(means), self.points)

    def ratio(self, tokens: np.ndarray) -> float:
        """Tokens (k, d) of one voice → its distance ÷ :attr:`usual`; of a long one the median of its stretches.

        >>> voices = load_map()
        >>> voices.ratio(np.tile(voices.mean, (4, 1))) < 1  # the average voice is within the usual
        True
        """
        stretches = np.array_split(tokens, -(-len(tokens) // WINDOW))
        return float(np.median(self.distance(np.stack([part.mean(axis=0) for part in stretches])))) / self.usual


def fit_map(means: np.ndarray, actors: np.ndarray) -> VoiceMap:
    """A map of voices.

    Args:
        means: float (n, d), of the tokens of each voice.
        actors: int (n,), who speaks: the folds of :data:`models.evaluation.protocols.FOLDS` are left out one by one.
    """
    left_out = np.zeros(len(means))
    for fold in FOLDS:
        own = np.isin(actors, fold)
        if own.any() and not own.all():
            left_out[own] = _fitted(means[~own]).distance(means[own])
    return replace(_fitted(means), left_out=left_out, actors=len(np.unique(actors)))


def _fitted(means: np.ndarray) -> VoiceMap:
    means = means.astype(np.float32)
    mean, scale = means.mean(axis=0), means.std(axis=0) + 1e-6
    z = (means - mean) / scale
    _, sizes, rows = np.linalg.svd(z, full_matrices=False)
    count = min(AXES, len(means) - 1)
    axes = (rows[:count] / np.maximum(sizes[:count, None] / np.sqrt(len(means)), 1e-6)).T
    return VoiceMap(mean, scale, axes, z @ axes, np.zeros(0))


def save_map(voices: VoiceMap, path: Path = PATH) -> None:
    """Half precision: a distance changes by less than a thousandth."""
    arrays = {name: getattr(voices, name).astype(np.float16) for name in ("mean", "scale", "axes", "points", "left_out")}
    np.savez_compressed(path, allow_pickle=False, actors=np.array(voices.actors), **arrays)


@cache
def load_map(path: Path = PATH) -> VoiceMap:
    """The one that ships, once."""
    with np.load(path, allow_pickle=False) as file:
        arrays = {name: file[name].astype(np.float32) for name in file.files if name != "actors"}
        return VoiceMap(**arrays, actors=int(file["actors"]))


def softening(ratio: float) -> float:
    """Distance ÷ the usual one → by what logits are divided: 1 up to 1, then more and more.

    >>> softening(0.8), softening(1.0), round(softening(1.1), 2), softening(9.0)
    (1.0, 1.0, 4.48, 50.0)
    """
    return float(min(_MOST, np.exp(_STEEPNESS * max(0.0, ratio - 1.0))))


def knn_distance(points: np.ndarray, known: np.ndarray, count: int = NEIGHBOURS) -> np.ndarray:
    """(m, d) and (n, d) → (m,): mean of the ``count`` smallest :func:`distances`."""
    return np.sort(distances(points, known), axis=1)[:, :count].mean(axis=1)


def distances(points: np.ndarray, known: np.ndarray) -> np.ndarray:
    """(m, d) and (n, d) → (m, n): Euclidean, divided by √d so that modalities can be compared."""
    squared = (points**2).sum(axis=1)[:, None] - 2 * points @ known.T + (known**2).sum(axis=1)[None]
    return np.sqrt(np.maximum(squared, 0.0) / points.shape[1])

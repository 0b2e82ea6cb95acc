"""Would the explanation look the same a second time? LIME under other seeds, Grad-CAM under small changes of the picture.

Alvarez-Melis & Jaakkola 2018 (arXiv:1806.08049): neighbouring inputs should have similar explanations.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations

import cv2
import numpy as np

from features.faces import CROP
from xai.metrics.measures import STEADY, TOP_FIVE
from xai.score import Score

_TOP = 5
_CROPS = ((0.94, 0.0, 0.0), (0.94, 1.0, 1.0), (0.97, 0.5, 0.0))  # share of the side that is kept, and where it lies
_NOISE = (4.0, 8.0)  # standard deviations, of 255


def rank_correlation(a: np.ndarray, b: np.ndarray) -> float:
    """Spearman's ρ of two explanations of one shape; 0 where one of them is the same everywhere, and so ranks nothing."""
    from scipy.stats import rankdata  # some 40 MB that no prediction needs

    ranks = np.stack([rankdata(a.ravel()), rankdata(b.ravel())])
    ranks -= ranks.mean(axis=1, keepdims=True)
    size = np.linalg.norm(ranks, axis=1)
    return float(ranks[0] @ ranks[1] / (size[0] * size[1])) if size.all() else 0.0


def top_overlap(a: np.ndarray, b: np.ndarray, count: int = _TOP) -> float:
    """Share of the ``count`` highest parts that two explanations have in common."""
    best = [set(np.argsort(-values, kind="stable")[:count].tolist()) for values in (a, b)]
    return len(best[0] & best[1]) / count


def agreement(explanations: Sequence[np.ndarray]) -> list[Score]:
    """Mean rank correlation and mean overlap of the top five, of all pairs of explanations that were made with different seeds."""
    pairs = list(combinations(explanations, 2))
    ranks = [rank_correlation(a, b) for a, b in pairs]
    tops = [top_overlap(a.ravel(), b.ravel()) for a, b in pairs]
    return [
        Score(measure, float(np.mean(values)), _ends(values), details={"seeds": len(explanations)})
        for measure, values in ((STEADY, ranks), (TOP_FIVE, tops))
    ]


def steadiness(own: np.ndarray, others: Sequence[np.ndarray]) -> Score:
    """Mean rank correlation of an explanation with those of slightly changed inputs."""
    ranks = [rank_correlation(own, other) for other in others]
    return Score(STEADY, float(np.mean(ranks)), _ends(ranks), details={"changes": len(ranks)})


def slight_changes(crops: np.ndarray) -> Iterator[np.ndarray]:
    """uint8 (f, 224, 224, 3) → the same pictures cut a little closer, and with a little noise."""
    rng = np.random.default_rng(0)
    for place in _CROPS:
        yield np.stack([recrop(crop, *place) for crop in crops])
    for deviation in _NOISE:
        yield np.clip(crops + rng.normal(0, deviation, crops.shape), 0, 255).round().astype(np.uint8)


def recrop(crop: np.ndarray, share: float, right: float, down: float) -> np.ndarray:
    """uint8 (224, 224, 3) → a part of it, enlarged to the same size: ``share`` of the side, at 0 (left, top) to 1."""
    side = round(share * CROP)
    x, y = round(right * (CROP - side)), round(down * (CROP - side))
    return cv2.resize(crop[y : y + side, x : x + side], (CROP, CROP), interpolation=cv2.INTER_LINEAR)


def _ends(values: Sequence[float]) -> tuple[float, float]:
    return float(min(values)), float(max(values))

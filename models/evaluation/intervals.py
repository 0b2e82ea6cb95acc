"""How far a share of few clips, or of few people, may be from what it would be of many: 95 % intervals."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping

import numpy as np

_RESAMPLES = 1000
_INTERVAL = (2.5, 97.5)
_FEW_ACTORS = 5  # fewer do not make a sample of people: their clips are resampled instead
_Z = 1.959964


def bootstrap(groups: np.ndarray, score: Callable[[np.ndarray], np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Bounds of the percentile interval (Efron & Tibshirani 1993) of ``score`` (positions of clips) → numbers.

    Args:
        groups: (n,) actors. Whole actors are resampled, as clips of one person are alike; where there are fewer than 5,
            clips are resampled within each.
    """
    rng = np.random.default_rng(0)
    members = [np.flatnonzero(groups == g) for g in np.unique(groups)]

    def once() -> np.ndarray:
        if len(members) < _FEW_ACTORS:
            return np.concatenate([rng.choice(m, len(m)) for m in members])
        return np.concatenate([members[k] for k in rng.integers(len(members), size=len(members))])

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "All-NaN slice")  # an emotion that nobody portrayed has no score, and no interval
        low, high = np.nanpercentile([score(once()) for _ in range(_RESAMPLES)], _INTERVAL, axis=0)
    return low, high


def wilson(share: float, count: int) -> tuple[float, float]:
    """Bounds of the interval of a share of ``count`` independent clips (Wilson 1927, doi 10.1080/01621459.1927.10502953)."""
    if not count:
        return 0.0, 1.0
    width = _Z * np.sqrt(share * (1 - share) / count + (_Z / (2 * count)) ** 2)
    low, high = ((share + _Z**2 / (2 * count) + side * width) / (1 + _Z**2 / count) for side in (-1, 1))
    return max(0.0, float(low)), min(1.0, float(high))


def share_of(hits: np.ndarray, actors: np.ndarray) -> dict[str, float]:
    """The mean of ``hits`` with its interval: over actors by :func:`bootstrap`; of few, or where nothing varies, :func:`wilson`'s.

    Args:
        hits: (n,) 0 or 1; of clips that were judged several times, their mean.
        actors: int (n,).
    """
    share = float(hits.mean())
    few = len(np.unique(actors)) < _FEW_ACTORS or hits.min() == hits.max()
    low, high = wilson(share, len(hits)) if few else bootstrap(actors, lambda rows: hits[rows].mean())
    return {"value": round(share, 4), "low": round(float(low), 4), "high": round(float(high), 4)}


def bounds_of(share: Mapping[str, float | None], count: int) -> tuple[float, float]:
    """The interval of a kept share; where all or none of ``count`` are right, and resampling finds nothing else, :func:`wilson`'s.

    Args:
        share: ``value``, ``low`` and ``high``, None for an emotion that nobody portrayed.
    """
    value, low, high = (share[key] for key in ("value", "low", "high"))
    if value is None or low is None or high is None:
        return value or 0.0, value or 0.0
    return wilson(value, count) if low == high and value in (0, 1) else (low, high)

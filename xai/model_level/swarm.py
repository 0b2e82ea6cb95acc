"""Where the dots of a beeswarm lie, and how they are coloured."""

from __future__ import annotations

import numpy as np

WIDTH = 0.38


def spread(values: np.ndarray, bins: int = 40) -> np.ndarray:
    """(n,) → offsets in ±0.38 that keep dots of nearly the same value apart: the swarm is as wide as the clips are many."""
    low, high = float(values.min()), float(values.max())
    place = ((values - low) / max(high - low, 1e-9) * (bins - 1)).astype(int)
    counts = np.bincount(place, minlength=bins)
    offsets = np.zeros(len(values))
    for b in np.flatnonzero(counts > 1):
        mine = np.flatnonzero(place == b)
        reach = WIDTH * counts[b] / counts.max()
        offsets[mine] = np.linspace(-reach, reach, len(mine))
    return offsets


def ranks(values: np.ndarray) -> np.ndarray:
    """(n,) → ranks in [0, 1]: colours by rank are not washed out by a few extreme values."""
    return np.argsort(np.argsort(values)) / max(1, len(values) - 1)

"""Shapley values of moments: what each half second of a voice and each frame of a face adds, over all orders in which they may come.

Lundberg & Lee 2017 (arXiv:1705.07874), with moments that are taken away (Covert et al. 2021, arXiv:2011.14878), a state that models of
tokens know from training. Up to ten moments every set is played; of more, orders are drawn in pairs, each with its reverse (Mitchell et
al. 2022, arXiv:2104.12199). Either way the values add up to the logits less those of nothing, exactly.
"""

from __future__ import annotations

from math import factorial

import numpy as np

from xai.explanation import Moments
from xai.masking import Masker

_EXACT = 10  # players: 1,024 sets
_MOST = 40  # players; of more moments, neighbours are one player and share alike
_PASSES, _FEWEST, _MOST_ORDERS = 400_000, 4, 64  # moments that are judged in all, orders


def shapley_of_moments(masker: Masker, parts: Moments, seed: int = 0) -> tuple[np.ndarray, np.ndarray, str]:
    """float64 (8, p) values, (8,) logits with nothing there, and how they came about: ``exact`` or ``orders``."""
    owner = players(parts)
    count = int(owner.max(initial=-1)) + 1

    def judge(there: np.ndarray) -> np.ndarray:
        return masker(there[:, owner])

    found, base = _exact(judge, count) if count <= _EXACT else _sampled(judge, count, len(owner), seed)
    return found[:, owner] / np.bincount(owner, minlength=count)[owner], base, "exact" if count <= _EXACT else "orders"


def players(parts: Moments, most: int = _MOST) -> np.ndarray:
    """int (p,): which player each moment belongs to; neighbours of one modality are one where there are more than ``most``."""
    sizes = [len(segments) for segments in parts.segments.values()]
    each = max(1, -(-sum(sizes) // most))
    found, first = [], 0
    for size in sizes:
        found.append(first + np.arange(size) // each)
        first += -(-size // each)
    return np.concatenate(found).astype(int)


def _exact(judge, count: int) -> tuple[np.ndarray, np.ndarray]:
    sets = (np.arange(2**count)[:, None] >> np.arange(count)) & 1 == 1
    logits, sizes = judge(sets), sets.sum(axis=1)
    weights = np.array([factorial(size) * factorial(count - size - 1) / factorial(count) for size in range(count)])
    values = np.zeros((logits.shape[1], count))
    for player in range(count):
        without = np.flatnonzero(~sets[:, player])
        values[:, player] = weights[sizes[without]] @ (logits[without + 2**player] - logits[without])
    return values, logits[0]


def _sampled(judge, count: int, moments: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    pairs = int(np.clip(_PASSES // (count * moments), _FEWEST, _MOST_ORDERS)) // 2
    orders = [order for _ in range(pairs) for order in [rng.permutation(count)] for order in (order, order[::-1])]
    steps = np.stack([np.argsort(order)[None] < np.arange(count + 1)[:, None] for order in orders])  # (orders, count + 1, players)
    logits = judge(steps.reshape(-1, count)).reshape(len(orders), count + 1, -1)
    added = np.diff(logits, axis=1)
    values = np.zeros((logits.shape[2], count))
    for order, gains in zip(orders, added, strict=True):
        values[:, order] += gains.T / len(orders)
    return values, logits[0, 0]

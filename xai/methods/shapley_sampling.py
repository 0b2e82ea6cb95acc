"""Shapley values of the features by asking the model: what each adds when features arrive one by one, in random orders.

Castro et al. 2009 (doi 10.1016/j.cor.2008.04.004); Štrumbelj & Kononenko 2014 (doi 10.1007/s10115-013-0679-x). No gradient is needed,
so a model that can only be asked has its features weighed, too. Every order comes with its reverse, which halves what chance leaves where
features work in pairs. The values of each order add up to the whole change exactly.

Moments of a model of tokens are few: up to ten, every set is played (Lundberg & Lee 2017, arXiv:1705.07874, with moments that are taken
away, Covert et al. 2021, arXiv:2011.14878, a state that such models know from training); of more, neighbours arrive together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import factorial

import numpy as np

from models.labels import LABELS
from xai.explanation import Attribution, Contrast, Method, Moments, Panel, Say, Subject, silent
from xai.masking import FeatureMasker, Masker, weighed_parts
from xai.metrics.stability import steadiness
from xai.score import Score

NOTHING = "nothing heard and nothing seen"
PAIRS = 4  # of orders
_FEWER = 1  # where every state is a sequence, or is computed anew
_EXACT = 10  # players: 1,024 sets
_MOST = 40  # players; of more moments, neighbours are one player and share alike
_PASSES, _FEWEST, _MOST_ORDERS = 400_000, 4, 64  # moments that are judged in all, orders

Judge = Callable[[np.ndarray], np.ndarray]


class ShapleySampling(Method):
    """See the module. A missing modality gets zeros."""

    key, title, panel, instead = "shapley_sampling", "Shapley sampling", Panel.WEIGHED, True
    question = "How much did each of the 552 numbers add, as the model itself answers?"
    how = "Features arrive one by one, in random orders, instead of their usual values; what each adds on average is its share."
    limits = "Small weights: with so few orders, what is left of chance is checked by drawing them again."
    paper = "Castro et al. 2009 (doi 10.1016/j.cor.2008.04.004), Štrumbelj & Kononenko 2014 (doi 10.1007/s10115-013-0679-x)"

    def explain(self, subject: Subject, seed: int = 0, say: Say = silent) -> Attribution:
        parts, masker = weighed_parts(subject), FeatureMasker(subject, "Adding feature after feature…", say)
        pairs = PAIRS if subject.inputs.tensor is not None else _FEWER
        values = np.zeros((len(LABELS), len(parts.present)))
        found, base = sampled(masker, len(masker), pairs, seed)
        values[:, parts.present] = found
        baseline = NOTHING if isinstance(parts, Moments) else "the usual value of every number"
        return Attribution(self.key, values, parts, {"orders": 2 * pairs, "seed": seed}, {"base": base}, baseline)

    def checks(self, subject: Subject, attribution: Attribution, contrast: Contrast, say: Say = silent) -> Iterator[Score]:
        yield from super().checks(subject, attribution, contrast, say)
        again = self.explain(subject, attribution.settings["seed"] + 1, say)
        present = weighed_parts(subject).present
        yield steadiness(attribution.of(contrast)[present], [again.of(contrast)[present]])


def sampled(judge: Judge, parts: int, pairs: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """float64 (8, p), what each part adds on average, and (8,), the logits without any; both from ``2 * pairs`` orders."""
    rng = np.random.default_rng(seed)
    orders = [order for _ in range(pairs) for order in _and_its_reverse(rng.permutation(parts))]
    total, base = np.zeros((len(LABELS), parts)), np.zeros(len(LABELS))
    for order in orders:
        arrived = np.argsort(order)[None] < np.arange(parts + 1)[:, None]
        logits = judge(arrived)
        total[:, order] += np.diff(logits, axis=0).T
        base = logits[0]
    return total / len(orders), base


def _and_its_reverse(order: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return order, order[::-1]


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


def _exact(judge: Judge, count: int) -> tuple[np.ndarray, np.ndarray]:
    sets = (np.arange(2**count)[:, None] >> np.arange(count)) & 1 == 1
    logits, sizes = judge(sets), sets.sum(axis=1)
    weights = np.array([factorial(size) * factorial(count - size - 1) / factorial(count) for size in range(count)])
    values = np.zeros((logits.shape[1], count))
    for player in range(count):
        without = np.flatnonzero(~sets[:, player])
        values[:, player] = weights[sizes[without]] @ (logits[without + 2**player] - logits[without])
    return values, logits[0]


def _sampled(judge: Judge, count: int, moments: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    pairs = int(np.clip(_PASSES // (count * moments), _FEWEST, _MOST_ORDERS)) // 2
    return sampled(judge, count, pairs, seed)

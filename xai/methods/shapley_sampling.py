"""Shapley values of the features by asking the model: what each adds when features arrive one by one, in random orders.

Castro et al. 2009 (doi 10.1016/j.cor.2008.04.004); Štrumbelj & Kononenko 2014 (doi 10.1007/s10115-013-0679-x). No gradient is needed,
so a model that can only be asked has its features weighed, too. Every order comes with its reverse, which halves what chance leaves where
features work in pairs. The values of each order add up to the whole change exactly.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from models.labels import LABELS
from xai.explanation import Attribution, Contrast, Method, Panel, Say, Subject, silent
from xai.masking import FeatureMasker, weighed_parts
from xai.metrics.stability import steadiness
from xai.score import Score

PAIRS = 4  # of orders
_FEWER = 1  # where every state is a sequence, or is computed anew


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
        found, base = sampled(masker, pairs, seed)
        values[:, parts.present] = found
        return Attribution(self.key, values, parts, {"orders": 2 * pairs, "seed": seed}, {"base": base})

    def checks(self, subject: Subject, attribution: Attribution, contrast: Contrast, say: Say = silent) -> Iterator[Score]:
        yield from super().checks(subject, attribution, contrast, say)
        again = self.explain(subject, attribution.settings["seed"] + 1, say)
        present = weighed_parts(subject).present
        yield steadiness(attribution.of(contrast)[present], [again.of(contrast)[present]])


def sampled(masker: FeatureMasker, pairs: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """float64 (8, p), what each part adds on average, and (8,), the logits without any; both from ``2 * pairs`` orders."""
    rng, parts = np.random.default_rng(seed), len(masker)
    orders = [order for _ in range(pairs) for order in _and_its_reverse(rng.permutation(parts))]
    total, base = np.zeros((len(LABELS), parts)), np.zeros(len(LABELS))
    for order in orders:
        arrived = np.argsort(order)[None] < np.arange(parts + 1)[:, None]
        logits = masker(arrived)
        total[:, order] += np.diff(logits, axis=0).T
        base = logits[0]
    return total / len(orders), base


def _and_its_reverse(order: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return order, order[::-1]

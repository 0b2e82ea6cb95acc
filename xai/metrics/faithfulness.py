"""Does what an explanation marks matter to the model? Deletion and insertion curves against random orders.

Petsiuk et al. 2018 (arXiv:1806.07421): take away the parts of a recording, the highest ranked first, and watch the
logit fall (deletion); begin with nothing and put them back, the highest ranked first, and watch it rise (insertion).
The areas mean nothing by themselves: the same is done in random orders, and what counts is the lead over these.

What is left when the k lowest ranked parts are deleted is what is there when the others have been inserted, so the
insertion curve of an order is the deletion curve of its reverse, read backwards: each state is judged once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from xai.explanation import Attribution, Contrast, Panel, Say, Subject, silent
from xai.masking import Remembering, masker_of
from xai.metrics.measures import FAITHFULNESS
from xai.score import Score

Judge = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Curves:
    """Logits while parts are taken away or put back in equal steps.

    Attributes:
        deletion, insertion: (s + 1,) in the order of the explanation.
        random_deletion: (m, r + 1) in random orders, in half as many steps; read backwards, they are insertion curves of random orders.
    """

    deletion: np.ndarray
    insertion: np.ndarray
    random_deletion: np.ndarray

    @property
    def random_insertion(self) -> np.ndarray:
        return self.random_deletion[:, ::-1]

    @property
    def range(self) -> float:
        """Lowest to highest logit of all that was tried."""
        everything = np.concatenate([c.ravel() for c in (self.deletion, self.insertion, self.random_deletion)])
        return float(everything.max() - everything.min())

    @property
    def lead(self) -> float:
        """In [−½, ½]: area between insertion and deletion as a share of :attr:`range`, halved; random orders have 0 on average."""
        return self._share(float(_area(self.insertion) - _area(self.deletion)))

    @property
    def random_leads(self) -> np.ndarray:
        """(m,) how far random orders get from 0 by chance.

        The reverse of a random order was not tried; its area is taken to lie as far on the other side of the mean.
        """
        areas = _area(self.random_deletion)
        return np.array([self._share(2 * float(areas.mean() - area)) for area in areas])

    def _share(self, area: float) -> float:
        return area / (2 * self.range) if self.range > 1e-9 else 0.0


def measure_curves(evidence: np.ndarray, judge: Judge, steps: int, randoms: int, seed: int = 0) -> Curves:
    """Curves of parts ranked by ``evidence``.

    Random orders take half the steps: they are compared with each other only, so a coarser area shifts them all alike.

    Args:
        evidence: (p,) signed: how much each part speaks for the class. Equal parts are taken in random order.
        judge: bool (n, p), the parts that are there → (n,) logits.
        steps: how many steps from everything to nothing, at most p.
        randoms: number of random orders.
    """
    parts = len(evidence)
    rng = np.random.default_rng(seed)
    by_evidence = np.lexsort((rng.random(parts), -evidence))
    own = _states(np.stack([by_evidence, by_evidence[::-1]]), steps)
    others = _states(np.stack([rng.permutation(parts) for _ in range(randoms)]), max(1, steps // 2))
    logits = judge(np.concatenate([np.ones((1, parts), bool), np.zeros((1, parts), bool), *own[:, 1:-1], *others[:, 1:-1]]))
    ends, inner = logits[:2], logits[2:]
    split = own.shape[0] * (own.shape[1] - 2)
    deletion, backwards = _curves(ends, inner[:split], own)
    return Curves(deletion, backwards[::-1], _curves(ends, inner[split:], others))


def _states(orders: np.ndarray, steps: int) -> np.ndarray:
    """bool (m, s + 1, p): what is there while parts are taken away in each of the orders, int (m, p)."""
    parts = orders.shape[1]
    counts = np.unique(np.linspace(0, parts, min(steps, parts) + 1).round().astype(int))
    return np.argsort(orders, axis=1)[:, None, :] >= counts[None, :, None]


def _curves(ends: np.ndarray, inner: np.ndarray, states: np.ndarray) -> np.ndarray:
    """(m, s + 1): the logits of all states, between those of everything and of nothing."""
    first, last = (np.full((len(states), 1), end) for end in ends)
    return np.concatenate([first, inner.reshape(len(states), -1), last], axis=1)


def check_faithfulness(subject: Subject, attribution: Attribution, contrast: Contrast, say: Say = silent) -> Score:
    """:func:`faithfulness` of what an attribution shows, with its own parts removed."""
    parts = attribution.parts
    masker = Remembering(masker_of(parts, subject, f"Checking {_PANEL_WORDS[parts.panel]}…", say), subject, parts)
    evidence = masker.select(attribution.shown(contrast))
    seed = attribution.settings.get("seed", 0)
    return faithfulness(evidence, lambda kept: contrast.of_logits(masker(kept)), *masker.effort, seed)


_PANEL_WORDS = {
    Panel.SAW: "the heat: blurring parts of the face",
    Panel.HEARD: "the sound: fading its patches",
    Panel.WEIGHED: "the weights: taking features away",
}


def faithfulness(evidence: np.ndarray, judge: Judge, steps: int, randoms: int, seed: int = 0) -> Score:
    """The lead of an explanation over random orders, with its curves and with the reversed order, which leads as far below 0."""
    curves = measure_curves(evidence, judge, steps, randoms, seed)
    chance = curves.random_leads
    spread = (float(chance.min()), float(chance.max()))
    reverse = measure_reverse(curves)
    details = {
        "reversed": round(reverse.lead, 4),
        "logit_range": round(curves.range, 4),
        "deletion": curves.deletion.round(4).tolist(),
        "insertion": curves.insertion.round(4).tolist(),
        "random_deletion": curves.random_deletion.mean(axis=0).round(4).tolist(),
        "random_insertion": curves.random_insertion.mean(axis=0).round(4).tolist(),
        "random_orders": randoms,
    }
    return Score(FAITHFULNESS, curves.lead, spread, float(np.abs(chance).max()), details)


def measure_reverse(curves: Curves) -> Curves:
    """The same curves for the reversed order."""
    return Curves(curves.insertion[::-1], curves.deletion[::-1], curves.random_deletion)


def _area(curve: np.ndarray) -> np.ndarray:
    """Mean height (…,) of curves (…, s + 1) over the share of parts, from 0 to 1."""
    return np.trapezoid(curve, axis=-1) / (curve.shape[-1] - 1)

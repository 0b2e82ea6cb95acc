"""How often a model was right about people who were not in its training, and what it mistakes for what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from models.labels import LABELS
from models.registry import BOTH, read_result, shown_in

PROTOCOL = "actor-5fold"
_OFTEN = 0.15  # of the clips that were given one name: a mistake worth a word


@dataclass(frozen=True)
class Mistake:
    """Of the clips that were called ``named``, the ``share`` that portrayed ``portrayed``, another emotion."""

    named: str
    portrayed: str
    share: float


def speaker_independent_scores(name: str, state: str) -> Mapping[str, Any] | None:
    """What is kept of a model in a state (see :data:`models.registry.STATES`); None where it was not measured."""
    result = read_result(PROTOCOL, name)
    return result["states"].get(state) if result else None


def times_in_ten(accuracy: Mapping[str, float]) -> str:
    """An interval in words.

    >>> times_in_ten({"low": 0.43, "high": 0.61})
    '4 to 6 times in 10'
    """
    low, high = round(10 * accuracy["low"]), round(10 * accuracy["high"])
    return f"{low} times in 10" if low == high else f"{low} to {high} times in 10"


def usual_mistake(confusion: np.ndarray, named: int) -> Mistake | None:
    """The most frequent one among the clips that were called ``named``; None if it is rare.

    Args:
        confusion: counts (8, 8), rows what was portrayed.
    """
    counts = np.asarray(confusion)[:, named]
    other = int(np.where(np.arange(len(counts)) == named, -1, counts).argmax())
    share = float(counts[other] / max(counts.sum(), 1))
    return Mistake(LABELS[named], LABELS[other], share) if share >= _OFTEN else None


def in_words(name: str, state: str, named: int) -> str:
    """Both in a sentence or two, for the verdict ``named`` in that state."""
    scores = speaker_independent_scores(name, state)
    if scores is None:
        return "How often this model is right was not measured."
    shown = " and ".join(m.noun for m in shown_in(state)) if state == BOTH else f"a {state} alone"
    often = f"On {scores['actors']} actors who were not in its training it was right {times_in_ten(scores['accuracy'])} with {shown}."
    mistake = usual_mistake(scores["confusion"], named)
    if mistake is None:
        return often
    return f"{often} When it said {mistake.named} there, {mistake.share:.0%} of the clips were portrayed as {mistake.portrayed}."

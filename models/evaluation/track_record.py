"""How often a model was right about people who were not in its training, when it was this sure, and what it mistakes for what."""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from models.evaluation.intervals import wilson
from models.evaluation.metrics import BINS
from models.labels import LABELS
from models.registry import BOTH, MODELS, STATES, read_result, shown_in

PROTOCOL = "actor-5fold"
_OFTEN = 0.1  # of the clips that were given one name: a mistake worth a word
_MISTAKES = 2
_GUESS = 1 / len(LABELS)
_FEW = 10  # clips: of fewer no share is given


@dataclass(frozen=True)
class Mistake:
    """Of the ``clips`` that were called ``named``, the ``share`` that portrayed ``portrayed``, another emotion."""

    named: str
    portrayed: str
    share: float
    clips: int


@dataclass(frozen=True)
class Bin:
    """The held-out clips about which a model was sure to between ``low`` and ``high``: how many, and how many of them it got right."""

    low: float
    high: float
    count: int
    right: int

    @property
    def share(self) -> float:
        """Of right answers; not a number where there are no clips."""
        return self.right / self.count if self.count else float("nan")

    @property
    def interval(self) -> tuple[float, float]:
        """95 % interval of :attr:`share` (Wilson 1927), as if the clips were of as many people."""
        return wilson(self.share, self.count)


def speaker_independent_scores(name: str, state: str) -> Mapping[str, Any] | None:
    """What is kept of a model in a state (see :data:`models.registry.STATES`); None where it was not measured."""
    result = read_result(PROTOCOL, name)
    return result["states"].get(state) if result else None


def accuracy_of(name: str, state: str) -> float | None:
    """Share of right answers about people who were not in its training; None where it was not measured."""
    scores = speaker_independent_scores(name, state)
    return None if scores is None else float(scores["accuracy"]["value"])


def most_accurate(state: str, besides: Container[str] = ()) -> str | None:
    """Of the models that can be shown a state, the one that is right most often in it about people who were not in its training.

    Few clips have a face, so several models may be as accurate as the best, but for one standard error of its score (the rule of Breiman
    et al. 1984, Classification and regression trees). Of these it is the one that is right most often in all states on average.

    Args:
        besides: models that are left out.

    Returns:
        Key in MODELS, of equals the first there; None where no other was measured in this state.
    """
    states = {name: spec.states for name, spec in MODELS.items() if name not in besides}
    found = {name: accuracy for name, own in states.items() if state in own and (accuracy := accuracy_of(name, state)) is not None}
    if not found:
        return None
    best = max(found, key=found.__getitem__)
    scores = speaker_independent_scores(best, state)
    assert scores is not None
    least = found[best] - (found[best] * (1 - found[best]) / scores["clips"]) ** 0.5
    return max((name for name in found if found[name] >= least), key=_on_average)


def _on_average(name: str) -> float:
    """Mean accuracy over the states; one that it cannot be shown, or was not measured in, counts as a guess."""
    return sum(accuracy_of(name, state) or _GUESS for state in STATES) / len(STATES)


def reliability(name: str, state: str, confidence: float) -> Bin | None:
    """Of the ten equally wide bins of the kept calibration the one in which a confidence lies; None where it was not measured.

    Args:
        confidence: calibrated probability of the verdict.
    """
    scores = speaker_independent_scores(name, state)
    return None if scores is None else bin_of(scores["calibration"]["curve"], confidence)


def bin_of(curve: list[Mapping[str, float]], confidence: float) -> Bin:
    """As :func:`reliability`, of a curve by :func:`models.evaluation.metrics.calibration_curve`, which leaves empty bins out."""
    place = _place(confidence)
    for row in curve:
        if _place(row["confidence"]) == place:
            return Bin(place / BINS, (place + 1) / BINS, int(row["clips"]), round(row["accuracy"] * row["clips"]))
    return Bin(place / BINS, (place + 1) / BINS, 0, 0)


def _place(confidence: float) -> int:
    return min(int(confidence * BINS), BINS - 1)


def confusions(name: str, state: str, named: int) -> list[Mistake]:
    """The two most frequent :func:`mistakes` of a model in a state among the clips that it called ``named``, as far as not rare."""
    scores = speaker_independent_scores(name, state)
    return [] if scores is None else mistakes(scores["confusion"], named)


def mistakes(confusion: np.ndarray, named: int) -> list[Mistake]:
    """The two most frequent ones, each of at least a tenth of the clips that were called ``named``; of few clips none is given.

    Args:
        confusion: counts (8, 8), rows what was portrayed.
    """
    counts = np.asarray(confusion)[:, named]
    clips = int(counts.sum())
    others = [int(k) for k in np.argsort(-counts, kind="stable") if k != named][:_MISTAKES]
    found = [Mistake(LABELS[named], LABELS[k], float(counts[k] / max(clips, 1)), clips) for k in others]
    return [mistake for mistake in found if mistake.share >= _OFTEN and clips >= _FEW]


def times_in_ten(accuracy: Mapping[str, float]) -> str:
    """An interval in words.

    >>> times_in_ten({"low": 0.43, "high": 0.61})
    '4 to 6 times in 10'
    """
    low, high = round(10 * accuracy["low"]), round(10 * accuracy["high"])
    return f"{low} times in 10" if low == high else f"{low} to {high} times in 10"


def how_often(name: str, state: str) -> str:
    """How often it is right about new people, whatever it says."""
    scores = speaker_independent_scores(name, state)
    if scores is None:
        return "How often this model is right was not measured."
    shown = " and ".join(m.noun for m in shown_in(state)) if state == BOTH else f"a {state} alone"
    return f"On {scores['actors']} actors who were not in its training it was right {times_in_ten(scores['accuracy'])} with {shown}."


def how_often_when_sure(name: str, state: str, confidence: float) -> str:
    """How often it is right about new people when it is this sure; empty where it was not measured."""
    found = reliability(name, state, confidence)
    if found is None:
        return ""
    sure = f"({100 * found.low:.0f}–{100 * found.high:.0f} %)"
    if found.count < _FEW:
        clips = f"{found.count or 'no'} clip{'s' * (found.count != 1)}"
        return f"It was this sure {sure} about {clips} of unseen actors: too few to tell how often it is right then."
    return (
        f"Of {found.count} clips of unseen actors about which it was this sure {sure}, "
        f"it was right about {found.right} ({100 * found.share:.0f} %)."
    )


def usual_mistakes(name: str, state: str, named: int) -> str:
    """What the clips that it calls so portray when it is wrong; empty where no mistake is frequent."""
    found = confusions(name, state, named)
    if not found:
        return ""
    first, *others = found
    rest = "".join(f" and {100 * mistake.share:.0f} % as {mistake.portrayed}" for mistake in others)
    return f"When it says {first.named}, {100 * first.share:.0f} % of the {first.clips} clips were portrayed as {first.portrayed}{rest}."

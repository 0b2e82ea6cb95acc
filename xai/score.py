"""How far an explanation can be trusted: each score with the declaration that says how to read it.

A score without its range, direction and threshold persuades whether or not it is good, so none is shown without them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import Any


class Level(StrEnum):
    """What a score means, from best to worst: rely on it, take care, do not rely on it."""

    GREEN = "green"
    AMBER = "amber"
    RED = "red"


_DIGITS = 2  # of a printed number, unless it would seem to lie beyond a threshold then
_MOST_DIGITS = 40
_NOISE = 9  # digits: a mean of three times 0.8 is 0.7999999999999999


@dataclass(frozen=True)
class Measure:
    """A declared score.

    Attributes:
        name: key in ``result.json``; title: on the page.
        low, high: range of values.
        higher_is_better: direction.
        good: green from here on; enough: amber from here on, red beyond.
        words: one sentence for each level, in plain words, with ``{percent}`` where it helps.
        paper: where the measure comes from.
        figure: what a technical reader finds behind the sentence, with ``{value}`` or, with its sign, ``{signed}``.
    """

    name: str
    title: str
    low: float
    high: float
    higher_is_better: bool
    good: float
    enough: float
    words: Mapping[Level, str]
    paper: str
    figure: str = ""

    def level(self, value: float) -> Level:
        """Green, amber or red; a value that is not a number is red."""
        sign, value = 1 if self.higher_is_better else -1, round(value, _NOISE)
        if sign * value >= sign * self.good:
            return Level.GREEN
        return Level.AMBER if sign * value >= sign * self.enough else Level.RED


@dataclass(frozen=True)
class Score:
    """A measured value.

    Attributes:
        spread: lowest and highest of what ``value`` is the mean of, or of the random control.
        chance: what random orders reach at most; no better than that is red whatever the thresholds say.
        details: more numbers, for ``result.json``.
    """

    measure: Measure
    value: float
    spread: tuple[float, float] | None = None
    chance: float | None = None
    details: Mapping[str, Any] = field(default_factory=dict)

    @property
    def level(self) -> Level:
        if self.chance is not None and not self.value > self.chance:
            return Level.RED
        return self.measure.level(self.value)

    @property
    def sentence(self) -> str:
        """What the value means, with the value."""
        return self.words(technical=True)

    def words(self, technical: bool) -> str:
        """The same for a reader who knows what the figures of the field mean, or in plain words."""
        figure = f" ({self.measure.figure})." if technical and self.measure.figure else "."
        numbers = {"value": self.number, "signed": self._printed(self.value, "+"), "percent": f"{self._percent} %"}
        return (self.measure.words[self.level].removesuffix(".") + figure).format(**numbers)

    @property
    def number(self) -> str:
        """The value as it is printed: with as many digits as it takes to stay on its side of every threshold and of chance."""
        return self._printed(self.value)

    def beside(self, other: float) -> str:
        """Another number, such as ``chance`` or an end of ``spread``, with as many digits as :attr:`number`."""
        return self._printed(other)

    @property
    def _percent(self) -> str:
        return _rounded(100 * Decimal(self.value), self._digits - 2) if math.isfinite(self.value) else str(self.value)

    def _printed(self, value: float, sign: str = "") -> str:
        return _rounded(Decimal(value), self._digits, sign) if math.isfinite(value) else f"{value:{sign}}"

    @property
    def _digits(self) -> int:
        return next((digits for digits in range(_DIGITS, _MOST_DIGITS) if self._true_at(digits)), _MOST_DIGITS)

    def _true_at(self, digits: int) -> bool:
        """Whether the rounded value has the level of the value, and lies on the same side of chance, rounded as well."""
        if not math.isfinite(self.value):
            return True
        shown = Decimal(_rounded(Decimal(self.value), digits))
        if self.measure.level(float(shown)) is not self.measure.level(self.value):
            return False
        if self.chance is None or not math.isfinite(self.chance):
            return True
        return (shown > Decimal(_rounded(Decimal(self.chance), digits))) == (self.value > self.chance)

    def to_dict(self) -> dict[str, Any]:
        """The value with its declaration; None stands for what is no finite number, which JSON cannot hold."""
        measure, digits = self.measure, max(4, self._digits)
        return {
            "name": measure.name,
            "value": _plain(round(self.value, digits)),
            "spread": _plain([round(v, 4) for v in self.spread]) if self.spread else None,
            "chance": _plain(round(self.chance, digits)) if self.chance is not None else None,
            "range": _plain([measure.low, measure.high]),
            "higher_is_better": measure.higher_is_better,
            "green": measure.good,
            "amber": measure.enough,
            "level": self.level,
            "sentence": self.sentence,
            "paper": measure.paper,
            **{key: _plain(value) for key, value in self.details.items()},
        }


def _rounded(value: Decimal, digits: int, sign: str = "") -> str:
    """With that many digits behind the point, and no sign before zero."""
    return f"{value:{sign}z.{digits}f}"


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return [_plain(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


@dataclass(frozen=True)
class Trust:
    """All scores of one explanation of one class (or of one rather than another).

    Attributes:
        seconds: that measuring took.
        left_out: what could not be measured with this model, a sentence for each.
    """

    scores: tuple[Score, ...]
    seconds: float = 0.0
    left_out: tuple[str, ...] = ()

    @property
    def level(self) -> Level:
        """That of the worst score: an explanation is not better than where it fails."""
        return max((score.level for score in self.scores), key=tuple(Level).index, default=Level.RED)

    @property
    def reasons(self) -> tuple[str, ...]:
        """Sentences of the scores that are red."""
        return tuple(score.sentence for score in self.scores if score.level is Level.RED)

    def of(self, name: str) -> Score:
        """The score of that name.

        Raises:
            KeyError: it was not measured.
        """
        return {score.measure.name: score for score in self.scores}[name]

    def to_dict(self) -> dict[str, Any]:
        scores = [score.to_dict() for score in self.scores]
        return {"level": self.level, "scores": scores, "left_out": list(self.left_out), "seconds": round(self.seconds, 3)}

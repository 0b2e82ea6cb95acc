"""Ways to divide RAVDESS into clips to learn from and clips to be tested on."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from models.data.ravdess import ACTORS, Take

# The folds of Luna-Jiménez et al. 2021 (doi 10.3390/s21227665), which others have used since.
FOLDS = ((2, 5, 14, 15, 16), (3, 6, 7, 13, 18), (10, 11, 12, 19, 20), (8, 17, 21, 23, 24), (1, 4, 9, 22))
_RANDOM_FOLDS = 5


@dataclass(frozen=True)
class Split:
    """One part of a protocol: ``tests(take)`` says whether a take is held out; all others are learned from."""

    name: str
    tests: Callable[[Take], bool]

    def mask(self, takes: Iterable[Take | None]) -> np.ndarray:
        """bool (n,): which of ``takes`` are held out. Photographs (None) never are."""
        return np.array([take is not None and self.tests(take) for take in takes], bool)


@dataclass(frozen=True)
class Protocol:
    """How a score came about.

    Attributes:
        title: for a table.
        question: what it asks, in a sentence.
        speaker_independent: no actor is both learned from and tested on.
        splits: every take is held out in exactly one of them.
    """

    title: str
    question: str
    speaker_independent: bool
    splits: Callable[[Iterable[Take | None]], list[Split]]


def _split(name: str, attribute: str, values: tuple[int, ...]) -> Split:
    return Split(name, lambda take: getattr(take, attribute) in values)


def _by_fold(_) -> list[Split]:
    return [_split(f"actors {', '.join(map(str, fold))}", "actor", fold) for fold in FOLDS]


def _by_actor(_) -> list[Split]:
    return [_split(f"actor {actor:02d}", "actor", (actor,)) for actor in ACTORS]


def _by_sentence(_) -> list[Split]:
    return [_split(f"sentence {number}", "statement", (number,)) for number in (1, 2)]


def _at_random(takes: Iterable[Take | None]) -> list[Split]:
    keys = sorted({take.key for take in takes if take is not None})
    places = np.random.default_rng(0).permutation(len(keys)) % _RANDOM_FOLDS
    parts = [{keys[k] for k in np.flatnonzero(places == part)} for part in range(_RANDOM_FOLDS)]
    return [_part(f"part {number}", part) for number, part in enumerate(parts, 1)]


def _part(name: str, keys: set[tuple]) -> Split:
    return Split(name, lambda take: take.key in keys)


PROTOCOLS = {
    "actor-5fold": Protocol(
        "actors left out, five at a time", "How often is it right about a person it has never seen or heard?", True, _by_fold
    ),
    "leave-one-actor-out": Protocol(
        "actors left out, one at a time", "How often is it right about a person it has never seen or heard?", True, _by_actor
    ),
    "sentence": Protocol(
        "one sentence left out", "How often is it right about words it has never heard, from people it knows?", False, _by_sentence
    ),
    "random": Protocol(
        "clips left out at random", "How much better does it look when the same people are learned from and tested on?", False, _at_random
    ),
}

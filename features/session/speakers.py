"""Who speaks: stretches of speech are grouped by the sound of their voices (Ward 1963), and where the evidence is thin nobody is named."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

# float32 (n,) samples at 16 kHz and starts (k,) of windows of 1.6 s → float32 (k, e) of unit length (models.identity.speaker).
SpeakerCodes = Callable[[np.ndarray, np.ndarray], np.ndarray]
WINDOW, HOP = 1.6, 0.5  # seconds
MOST = 8  # speakers
NOBODY = -1
# Two halves of a group are two speakers where their codes are so much less alike than those within the halves; it depends on how long the
# stretches are. One voice in two emotions can lie as far apart as two voices do: too many speakers are found rather than too few
# (tests/bench/sessions.py), so their number is better given where it is known.
_RATIO = ((1.5, 0.86), (3.0, 0.9), (6.0, 0.91))
_FEWEST, _LEAST = 3, 4.0  # stretches and seconds that a speaker must have to be distinguished from another
_THIN = 0.6  # seconds of speech that are too little to know a voice by
_SURE = 0.03  # by which the nearest speaker must be more alike than the next
_CHANGE = 1.2  # seconds for which another voice must go on within a stretch


@dataclass(frozen=True)
class Voice:
    """A stretch of speech as its windows sound.

    Attributes:
        start, end: seconds.
        codes: float32 (k, e), of unit length, of windows that begin every half second.
    """

    start: float
    end: float
    codes: np.ndarray

    @property
    def seconds(self) -> float:
        return self.end - self.start

    @property
    def code(self) -> np.ndarray:
        """float32 (e,) of unit length: their mean."""
        mean = self.codes.mean(axis=0)
        return mean / max(float(np.linalg.norm(mean)), 1e-9)


def windows_of(seconds: float) -> np.ndarray:
    """float64 (k,): when windows of a stretch begin, in seconds from its start.

    >>> windows_of(1.0).tolist(), windows_of(2.7).tolist()
    ([0.0], [0.0, 0.5, 1.0])
    """
    return np.arange(0.0, max(0.0, seconds - WINDOW) + 1e-6, HOP)


def group_speakers(voices: Sequence[Voice], count: int | None = None) -> np.ndarray:
    """int (n,): who speaks in each stretch, numbered in the order of appearance; :data:`NOBODY` where it is not clear.

    Args:
        count: how many speak, if that is known; else it is found.
    """
    if not voices:
        return np.zeros(0, int)
    seconds = np.array([voice.seconds for voice in voices])
    codes = np.stack([voice.code for voice in voices])
    known = np.flatnonzero(seconds >= _THIN)
    if not len(known):
        return np.full(len(voices), NOBODY)
    groups = _grouped(codes[known], seconds[known], count)
    centres = _centres(codes[known], seconds[known], groups)
    who = np.full(len(voices), NOBODY)
    alike = codes @ centres.T
    ranked = np.sort(alike, axis=1)
    sure = np.ones(len(voices), bool) if len(centres) == 1 else ranked[:, -1] - ranked[:, -2] >= _SURE
    clear = sure & (seconds >= _THIN)
    who[clear] = alike[clear].argmax(axis=1)
    return _in_order(who)


def changes(voice: Voice, centres: np.ndarray, own: int) -> list[tuple[float, int]]:
    """Where within a stretch another speaker takes over: seconds at which each part begins, and who speaks in it.

    Args:
        centres: float (s, e), the codes of the speakers.
        own: who speaks in the stretch as a whole.
    """
    if len(centres) < 2 or len(voice.codes) < 2 * _CHANGE / HOP:
        return [(voice.start, own)]
    alike = voice.codes @ centres.T
    best = alike.argmax(axis=1)
    parts: list[tuple[float, int]] = []
    for first, last, who in _runs(best):
        if (last - first) * HOP >= _CHANGE and (not parts or parts[-1][1] != who):
            begins = voice.start if not parts else voice.start + first * HOP + WINDOW / 2 - HOP / 2
            parts.append((begins, int(who)))
    return parts or [(voice.start, own)]


def centres_of(voices: Sequence[Voice], who: np.ndarray) -> np.ndarray:
    """float (s, e) of unit length: the code of each speaker."""
    seconds, codes = np.array([voice.seconds for voice in voices]), np.stack([voice.code for voice in voices])
    return _centres(codes[who >= 0], seconds[who >= 0], who[who >= 0])


def _centres(codes: np.ndarray, seconds: np.ndarray, groups: np.ndarray) -> np.ndarray:
    sums = np.stack([(codes[groups == group] * seconds[groups == group, None]).sum(axis=0) for group in range(groups.max() + 1)])
    return sums / np.linalg.norm(sums, axis=1, keepdims=True)


def _grouped(codes: np.ndarray, seconds: np.ndarray, count: int | None) -> np.ndarray:
    from scipy.cluster.hierarchy import fcluster, linkage

    if len(codes) < 2 or count == 1:
        return np.zeros(len(codes), int)
    if count is not None:
        return fcluster(linkage(codes, "ward"), count, "maxclust") - 1
    groups, waiting = np.zeros(len(codes), int), [0]
    while waiting and groups.max() + 1 < MOST:
        group = waiting.pop()
        own = np.flatnonzero(groups == group)
        halves = _halves(codes[own], seconds[own])
        if halves is not None:
            new = int(groups.max()) + 1
            groups[own[halves]] = new
            waiting += [group, new]
    return groups


def _halves(codes: np.ndarray, seconds: np.ndarray) -> np.ndarray | None:
    """bool (n,): the second of two speakers; None where it is one."""
    from scipy.cluster.hierarchy import fcluster, linkage

    if len(codes) < 2 * _FEWEST:
        return None
    second = fcluster(linkage(codes, "ward"), 2, "maxclust") == 2
    if min(second.sum(), (~second).sum()) < _FEWEST or min(seconds[second].sum(), seconds[~second].sum()) < _LEAST:
        return None
    alike = codes @ codes.T
    pairs = ~np.eye(len(codes), dtype=bool)
    within = np.mean([alike[np.ix_(part, part)][pairs[np.ix_(part, part)]].mean() for part in (second, ~second)])
    limit = np.interp(float(np.median(seconds)), [length for length, _ in _RATIO], [ratio for _, ratio in _RATIO])
    return second if alike[np.ix_(second, ~second)].mean() / within < limit else None


def _runs(values: np.ndarray) -> list[tuple[int, int, int]]:
    """First, last (exclusive) and value of each run of equal values."""
    edges = np.flatnonzero(np.diff(values)) + 1
    starts = np.r_[0, edges]
    return [(int(a), int(b), int(values[a])) for a, b in zip(starts, np.r_[edges, len(values)], strict=True)]


def _in_order(who: np.ndarray) -> np.ndarray:
    """The same, numbered in the order of appearance."""
    named = [w for w in dict.fromkeys(who.tolist()) if w != NOBODY]
    return np.array([NOBODY if w == NOBODY else named.index(w) for w in who.tolist()])

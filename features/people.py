"""Whose face is it? The faces of a film are compared, and those of the person who is seen longest are judged."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import cv2
import numpy as np

# uint8 (n, 224, 224, 3) crops → float (n, k): the nearer, the more likely one person (models.identity.person).
WhoseFace = Callable[[np.ndarray], np.ndarray]
SAME = 0.58  # mean distance between the faces of two groups: tests/bench/people.py has the table
# Two crops whose small grey copies correlate better are one person: no network is asked. Of two people one pair in 40,000 does; one in
# 40 reaches the second (tests/bench/people.py), which is enough for a face that stays in its place in a film that is not cut there.
ALIKE, ALIKE_IN_PLACE = 0.9, 0.66
_SIDE, _BORDER = 32, 20
_ASKED = 3  # pictures of one run that are compared with those of others


def who_is_who(crops: np.ndarray, whose: WhoseFace, in_place: np.ndarray | None = None) -> np.ndarray:
    """int (n,): who each face belongs to, numbered in the order of appearance.

    Args:
        crops: uint8 (n, 224, 224, 3), in the order of time.
        in_place: bool (n − 1,), whether each next face is at the place of the one before, and the film not cut in between.
    """
    runs = _runs(crops, np.zeros(len(crops) - 1, bool) if in_place is None else in_place)
    if runs[-1] == 0:
        return runs
    asked = np.concatenate([_some(np.flatnonzero(runs == run)) for run in range(runs[-1] + 1)])
    codes = whose(crops[asked])
    return group_people(np.stack([codes[runs[asked] == run].mean(axis=0) for run in range(runs[-1] + 1)]))[runs]


def _some(pictures: np.ndarray) -> np.ndarray:
    return pictures[np.unique(np.linspace(0, len(pictures) - 1, _ASKED).round().astype(int))]


def _runs(crops: np.ndarray, in_place: np.ndarray) -> np.ndarray:
    """int (n,): crops one after another that look the same have one number."""
    small = np.stack([small_grey(crop) for crop in crops])
    breaks = (small[1:] * small[:-1]).sum(axis=1) < np.where(in_place, ALIKE_IN_PLACE, ALIKE)
    return np.r_[0, np.cumsum(breaks)]


def small_grey(crop: np.ndarray) -> np.ndarray:
    """float32 (1024,), of mean 0 and length 1: the product of two is their correlation."""
    inner = cv2.cvtColor(crop[_BORDER:-_BORDER, _BORDER:-_BORDER], cv2.COLOR_RGB2GRAY)
    grey = cv2.GaussianBlur(cv2.resize(inner, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA), (0, 0), 1).astype(np.float32)
    grey -= grey.mean()
    return grey.ravel() / max(float(np.linalg.norm(grey)), 1e-6)


def group_people(codes: np.ndarray) -> np.ndarray:
    """int (n,): who each face belongs to, numbered in the order of appearance.

    Groups of faces are joined as long as their mean distance is below :data:`SAME` (average linkage), so that one picture with an
    unusual expression does not part what the others hold together.

    Args:
        codes: float (n, k), of faces in the order of time.

    >>> group_people(np.array([[0.0], [0.1], [2.0], [0.2], [2.1]])).tolist()
    [0, 0, 1, 0, 1]
    """
    if len(codes) < 2:
        return np.zeros(len(codes), int)
    # Imported where it is needed: most films show one face, again and again.
    from scipy.cluster.hierarchy import fcluster, linkage
    from scipy.spatial.distance import pdist

    groups = fcluster(linkage(pdist(codes), "average"), SAME, "distance")
    _, first, which = np.unique(groups, return_index=True, return_inverse=True)
    return first.argsort().argsort()[which]


def shown_for(times: np.ndarray, end: float) -> np.ndarray:
    """float64 (n,): seconds from each picture that is looked at to the next, of the last to the end of the film."""
    return np.maximum(np.diff(np.r_[times, max(end, times[-1])]), 0.0)


def seen_longest(who: np.ndarray, seconds: np.ndarray) -> int:
    """The person with most seconds; of two with the same, to a tenth of a second, the first.

    Args:
        who: int (n,), −1 where no face is.
        seconds: (n,), how long each picture stands for.
    """
    totals = [seconds[who == person].sum().round(1) for person in range(who.max() + 1)]
    return int(np.argmax(totals))


def stretches(
    who: np.ndarray, seconds: np.ndarray, times: np.ndarray, judged: int, cuts: Sequence[float] = ()
) -> Iterator[tuple[float, float]]:
    """From when to when somebody else than ``judged`` is seen, in seconds; pictures without a face interrupt nobody.

    Args:
        cuts: when the film is cut; where it is between two pictures that are looked at, that is when it changes.
    """
    other, start, end, last = False, 0.0, 0.0, -np.inf
    for person, time, lasts in zip(who, times, seconds, strict=True):
        between = [cut for cut in cuts if last < cut <= time]
        if person == judged:
            if other:
                yield start, between[-1] if between else end
            other = False
        elif person >= 0:
            start, end, other = (start if other else between[-1] if between else time), time + lasts, True
        last = time
    if other:
        yield start, end

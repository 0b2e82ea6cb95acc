"""How far a person is from what is usual for them: from a marked stretch of the session, in logits, with that stretch's own noise."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from pyannote.core import Segment

from xai.session.numbers import Source, counted, recognised
from xai.session.session import UNKNOWN, Recognised, Session

FEWEST = 5  # moments of a baseline
SMALLEST = 1e-6  # a probability below this counts as this where its logarithm is taken


@dataclass(frozen=True)
class Baseline:
    """What is usual for one person: mean and standard deviation (8,) of the centred log-probabilities of a stretch's moments."""

    person: str
    source: Source
    mean: np.ndarray
    deviation: np.ndarray
    moments: tuple[int, ...]


@dataclass(frozen=True)
class Difference:
    """How far one moment lies from a baseline.

    Attributes:
        value: float64 (8,), in logits.
        z: float64 (8,), in standard deviations of single moments of the baseline; NaN where these do not vary.
        inside: whether the moment is itself one of the baseline's.
        moments: the moment, then those of the baseline.
    """

    value: np.ndarray
    z: np.ndarray
    inside: bool
    moments: tuple[int, ...]


def baseline(session: Session, person: str, stretch: Segment, source: Source, fewest: int = FEWEST) -> Baseline | None:
    """Mean and standard deviation (n − 1) of the :func:`centred` log-probabilities of the moments that lie wholly in a stretch.

    Args:
        source: voice, face or both; the best of each moment would compare a voice with a face.
        fewest: None is returned where fewer moments lie in the stretch, and of :data:`UNKNOWN`.

    Raises ValueError: for the source ``best``, and where a baseline would have fewer than two moments.
    """
    if source == "best" or fewest < 2:
        raise ValueError("A baseline is of voice, face or both, and of at least two moments.")
    found = [] if person == UNKNOWN else [(i, m) for i, m in counted(session, person, source) if m.segment in stretch]
    if len(found) < fewest:
        return None
    values = np.array([centred(recognised(moment, source).probabilities) for _, moment in found])
    return Baseline(person, source, values.mean(0), values.std(0, ddof=1), tuple(i for i, _ in found))


def differences(session: Session, usual: Baseline) -> tuple[Difference, ...]:
    """Of each moment of the baseline's person: d = c(p) − mean and z = d / standard deviation, c as in :func:`centred`."""
    return tuple(_difference(i, recognised(m, usual.source), usual) for i, m in counted(session, usual.person, usual.source))


def centred(probabilities: np.ndarray) -> np.ndarray:
    """Logits of which the mean is 0: log pₖ − mean log pⱼ, the centred log-ratio (Aitchison 1986); of (…, 8), p at least 1e-6."""
    logs = np.log(np.maximum(probabilities, SMALLEST))
    return logs - logs.mean(-1, keepdims=True)


def _difference(index: int, found: Recognised, usual: Baseline) -> Difference:
    value = centred(found.probabilities) - usual.mean
    varies = usual.deviation > 1e-9
    z = np.where(varies, value / np.where(varies, usual.deviation, 1.0), np.nan)
    return Difference(value, z, index in usual.moments, (index, *usual.moments))

"""Numbers of the emotions in a session: computed here, drawn elsewhere. Each knows the moments behind it.

A moment that touches an excluded stretch is left out whole, as its emotion was recognised in part by what lies there. Moments of
:data:`~xai.session.session.UNKNOWN` may be of several people: they are never smoothed, followed or compared with each other.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from pyannote.core import Segment
from scipy.special import rel_entr

from models.labels import LABELS
from xai.session.session import UNKNOWN, Moment, Recognised, Session

Source = Literal["voice", "face", "both", "best"]  # an attribute of a moment

_SHORTEST = 1e-3  # seconds; a shorter window is none
LONGEST_GAP = 5.0  # seconds between two moments that still follow each other


@dataclass(frozen=True)
class Turn:
    """One person speaks, with pauses shorter than those that end a turn.

    Attributes:
        segments: of :attr:`Session.speech` without what is excluded, in order of time.
    """

    person: str
    segments: tuple[Segment, ...]

    @property
    def start(self) -> float:
        return self.segments[0].start

    @property
    def end(self) -> float:
        return self.segments[-1].end

    @property
    def spoken(self) -> float:
        """Seconds of speech, without the pauses."""
        return float(sum(segment.duration for segment in self.segments))


@dataclass(frozen=True)
class Number:
    """A number and what it was computed from.

    Attributes:
        value: NaN where there is nothing to compute it from.
        moments: positions in :attr:`Session.moments`.
        turns: of speech.
    """

    value: float
    moments: tuple[int, ...] = ()
    turns: tuple[Turn, ...] = ()


@dataclass(frozen=True)
class Curve:
    """Probabilities of one person over time.

    Attributes:
        times: float64 (n,), seconds.
        probabilities: float64 (n, 8); a row of NaN is a gap.
        held: bool (n,): whether a recognised moment holds the instant itself, and not only its neighbourhood.
        moments: n tuples of the moments behind each row.
        window: seconds.
    """

    person: str
    source: Source
    times: np.ndarray
    probabilities: np.ndarray
    held: np.ndarray
    moments: tuple[tuple[int, ...], ...]
    window: float


@dataclass(frozen=True)
class Disagreement:
    """Voice and face of one moment: their divergence in bits, 0 (the same) to 1 (nothing in common), and both labels."""

    moment: int
    divergence: float
    voice: str
    face: str

    @property
    def labels_differ(self) -> bool:
        return self.voice != self.face


@dataclass(frozen=True)
class Distribution:
    """Emotions of one person in one part of a session.

    Attributes:
        expected: by label, the probability averaged over the time of the moments (NaN without any): Σ tᵢ pᵢ / Σ tᵢ.
        seconds: by label, the time of the moments in which it is the most probable.
    """

    person: str
    part: Segment
    expected: Mapping[str, Number]
    seconds: Mapping[str, Number]


@dataclass(frozen=True)
class Transitions:
    """How often one label follows another.

    Attributes:
        counts: int (8, 8), from the label of the row to that of the column.
        pairs: by (from, to), the pairs of moments that were counted.
    """

    person: str
    counts: np.ndarray
    pairs: Mapping[tuple[str, str], tuple[tuple[int, int], ...]]


def touches(segment: Segment, stretches: Iterable[Segment]) -> bool:
    """Whether they have more than a microsecond in common."""
    return any(segment & stretch for stretch in stretches)


def keys_of(session: Session) -> tuple[str, ...]:
    """Everybody in order of appearance, then :data:`UNKNOWN` if somebody is."""
    known = tuple(person.key for person in session.people)
    others = UNKNOWN in session.speech.labels() or any(moment.person == UNKNOWN for moment in session.moments)
    return (*known, UNKNOWN) if others else known


def counted(session: Session, person: str | None = None, source: Source | None = None) -> Iterator[tuple[int, Moment]]:
    """Moments outside the excluded stretches with their positions: of one person, with an emotion by one source, or all."""
    for index, moment in enumerate(session.moments):
        if person not in (None, moment.person) or touches(moment.segment, session.excluded):
            continue
        if source is None or getattr(moment, source) is not None:
            yield index, moment


def source_of(moment: Moment) -> Source | None:
    """Which source :attr:`Moment.best` is of; None for a moment without an emotion."""
    order: tuple[Source, ...] = ("both", "voice", "face")
    return next((source for source in order if getattr(moment, source) is not None), None)


def recognised(moment: Moment, source: Source) -> Recognised:
    """What one source made of a moment of which it is known that it made something."""
    found = getattr(moment, source)
    assert isinstance(found, Recognised)
    return found


def curve(session: Session, person: str, source: Source, window: float = 0.0, times: Sequence[float] | None = None) -> Curve:
    """Probabilities of a person over time, smoothed or not.

    With a window of w > 0 seconds the row at t is the mean of the moments within w/2, each with the weight of its time under a
    triangle: p(t) = Σ aᵢ pᵢ / Σ aᵢ, aᵢ = ∫ max(0, 1 − 2|s − t|/w) ds from its start to its end (Nadaraya 1964, Watson 1964). Where none
    lies within the window there is a gap. The mean is one of probabilities, and so none is ever larger or smaller than in
    some moment behind it: that of logits would turn (0.50, 0.49, 0.01) and (0.50, 0.01, 0.49) into (0.78, 0.11, 0.11). Without a window,
    and of :data:`UNKNOWN` always, a row is the moment that holds t (start ≤ t < end) as it is.

    Args:
        times: seconds; by default the middles of all moments of the person, with gaps where the source recognised nothing.
    """
    if times is None:
        times = [moment.segment.middle for _, moment in counted(session, person)]
    found = list(counted(session, person, source))
    start, end = (np.array([getattr(moment, side) for _, moment in found]) for side in ("start", "end"))
    values = np.array([recognised(moment, source).probabilities for _, moment in found]).reshape(-1, len(LABELS))
    window = 0.0 if person == UNKNOWN or window < _SHORTEST else window
    rows, held, behind = np.full((len(times), len(LABELS)), np.nan), np.zeros(len(times), bool), []
    for row, t in enumerate(times):
        holds = (start <= t) & (t < end)
        weights = _under_triangle(start - t, end - t, window / 2) if window > 0 else holds.astype(float)
        used = np.flatnonzero(weights > 0)
        if len(used):
            rows[row] = weights[used] @ values[used] / weights[used].sum()
        held[row] = holds.any()
        behind.append(tuple(found[i][0] for i in used))
    return Curve(person, source, np.array(times, float), rows, held, tuple(behind), window)


def disagreements(session: Session, person: str | None = None) -> tuple[Disagreement, ...]:
    """Of every moment that has a voice and a face: the Jensen–Shannon divergence (Lin 1991) in bits, and both labels.

    JSD(p, q) = ½ Σ p log₂(p/m) + ½ Σ q log₂(q/m), m = (p + q)/2.
    """
    pairs = ((i, m.voice, m.face) for i, m in counted(session, person))
    return tuple(
        Disagreement(i, divergence(voice.probabilities, face.probabilities), voice.label, face.label)
        for i, voice, face in pairs
        if voice is not None and face is not None
    )


def disagreement(session: Session, person: str) -> tuple[Number, Number]:
    """Over the time of the moments with voice and face: the mean divergence in bits, and the share of time in which the labels differ."""
    found = disagreements(session, person)
    time = np.array([session.moments[one.moment].segment.duration for one in found])
    behind = tuple(one.moment for one in found)
    return (
        Number(_mean(np.array([one.divergence for one in found]), time), behind),
        Number(_mean(np.array([float(one.labels_differ) for one in found]), time), behind),
    )


def divergence(p: np.ndarray, q: np.ndarray) -> float:
    """Jensen–Shannon divergence in bits.

    >>> divergence(np.array([1.0, 0.0]), np.array([0.0, 1.0]))
    1.0
    """
    middle = (p + q) / 2
    return float(np.clip((rel_entr(p, middle).sum() + rel_entr(q, middle).sum()) / (2 * np.log(2)), 0, 1))


def distributions(session: Session, person: str, source: Source = "best", parts: int = 4) -> tuple[Distribution, ...]:
    """Emotions in each of equal parts of a session's length; a moment across a border counts on each side with its time there."""
    borders = np.linspace(0.0, session.seconds, parts + 1).tolist()
    found = list(counted(session, person, source))
    return tuple(_distribution(person, Segment(*part), found, source) for part in zip(borders, borders[1:], strict=False))


def transitions(session: Session, person: str, source: Source = "best", longest_gap: float = LONGEST_GAP) -> Transitions:
    """Count which label follows which in successive moments of a person.

    Args:
        longest_gap: seconds from the end of one to the start of the next; over a longer one, or an excluded stretch, nothing is counted.
    """
    found = [] if person == UNKNOWN else list(counted(session, person, source))
    counts, pairs = np.zeros((len(LABELS), len(LABELS)), int), dict[tuple[str, str], tuple[tuple[int, int], ...]]()
    for (i, before), (j, after) in zip(found, found[1:], strict=False):
        if after.start - before.end > longest_gap or touches(Segment(before.end, after.start), session.excluded):
            continue
        one, next_ = recognised(before, source).label, recognised(after, source).label
        counts[LABELS.index(one), LABELS.index(next_)] += 1
        pairs[one, next_] = (*pairs.get((one, next_), ()), (i, j))
    return Transitions(person, counts, pairs)


def _distribution(person: str, part: Segment, moments: Sequence[tuple[int, Moment]], source: Source) -> Distribution:
    inside = [(i, recognised(m, source), (m.segment & part).duration) for i, m in moments if m.segment & part]
    time, behind = np.array([seconds for _, _, seconds in inside]), tuple(i for i, _, _ in inside)
    expected, seconds = dict[str, Number](), dict[str, Number]()
    for k, label in enumerate(LABELS):
        expected[label] = Number(_mean(np.array([found.probabilities[k] for _, found, _ in inside]), time), behind)
        named = [(i, s) for i, found, s in inside if found.label == label]
        seconds[label] = Number(float(sum(s for _, s in named)), tuple(i for i, _ in named))
    return Distribution(person, part, expected, seconds)


def _mean(values: np.ndarray, weights: np.ndarray) -> float:
    return float(values @ weights / weights.sum()) if weights.sum() > 0 else float("nan")


def _under_triangle(start: np.ndarray, end: np.ndarray, half: float) -> np.ndarray:
    """∫ max(0, 1 − |s|/half) ds from start to end."""

    def up_to(t: np.ndarray) -> np.ndarray:
        u = np.clip(t / half, -1, 1)
        return half * (u + 0.5 - np.sign(u) * u**2 / 2)

    return up_to(end) - up_to(start)

"""Numbers of the conversation in a session: who speaks how much, how soon after the other, and at once. Each knows the turns behind it.

Speech in excluded stretches counts for nothing: a turn is cut there, and nothing is measured across. Speech of
:data:`~xai.session.session.UNKNOWN` may be of several people: its stretches are not merged, and nobody answers it or is answered by it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from pyannote.core import Annotation, Segment, Timeline

from xai.session.numbers import Number, Turn, keys_of, touches
from xai.session.session import UNKNOWN, Session

PAUSE = 0.5  # seconds of silence that end a turn
_NEAR = 1e-3  # seconds


@dataclass(frozen=True)
class Talk:
    """What one person's part of a conversation is like.

    Attributes:
        seconds: of speech, without the pauses in turns.
        share: of the speech of all, 0 to 1; where two speak at once, each counts.
        turns: how many.
        length: median length of a turn in seconds, with its pauses.
        response: median response time in seconds, negative where it begins before the other has ended.
        pauses: seconds of silence between two successive turns of this person.
        overlap: seconds in which another speaks, too.
    """

    person: str
    seconds: Number
    share: Number
    turns: Number
    length: Number
    response: Number
    pauses: Number
    overlap: Number


def counted_speech(session: Session) -> Annotation:
    """:attr:`Session.speech` outside the excluded stretches; what touches or overlaps with the same label is one segment."""
    speech = session.speech
    return (speech.extrude(session.excluded) if speech and session.excluded else speech).support()


def turns(session: Session, pause: float = PAUSE) -> tuple[Turn, ...]:
    """Speech by turns, in order of their starts: segments of one person with less than ``pause`` seconds between them are one turn."""
    speech = counted_speech(session)
    found = [
        Turn(person, group)
        for person in speech.labels()
        for group in _groups(list(speech.label_timeline(person)), session, 0.0 if person == UNKNOWN else pause)
    ]
    return tuple(sorted(found, key=lambda turn: (turn.start, turn.end, turn.person)))


def responses(session: Session, pause: float = PAUSE) -> tuple[Number, ...]:
    """Seconds from the end of the other's turn to the beginning of one's own; negative where both speak at once.

    The floor-transfer offset of Heldner & Edlund 2010 (doi 10.1016/j.wocn.2010.08.002). The other's turn is, of those that began before,
    the one that ends last; what is said wholly within it ("mhm") answers nothing. ``turns`` are the other's and one's own.
    """
    found = []
    for other, own in _with_floor(turns(session, pause)):
        around = Segment(min(other.end, own.start) - _NEAR, max(other.end, own.start) + _NEAR)
        if UNKNOWN in (other.person, own.person) or other.person == own.person or own.end <= other.end:
            continue
        if not touches(around, session.excluded):
            found.append(Number(own.start - other.end, turns=(other, own)))
    return tuple(found)


def pauses(session: Session, pause: float = PAUSE) -> tuple[Number, ...]:
    """Seconds of silence of all between two turns, at least ``pause``; ``turns`` are those before and after."""
    return tuple(
        Number(after.start - before.end, turns=(before, after))
        for before, after in _with_floor(turns(session, pause))
        if after.start - before.end >= pause and not touches(Segment(before.end, after.start), session.excluded)
    )


def overlaps(session: Session) -> tuple[Number, ...]:
    """Seconds in which two speak at once, in order of time; ``turns`` are the two segments of speech, of which this is the intersection."""
    segments = sorted((segment, person) for segment, _, person in counted_speech(session).itertracks(yield_label=True))
    found, speaking = [], list[tuple[Segment, str]]()
    for segment, person in segments:
        speaking = [(other, who) for other, who in speaking if other.end > segment.start]
        for other, who in speaking:
            if segment & other:  # of others: one person's segments are apart
                found.append(Number((segment & other).duration, turns=(Turn(who, (other,)), Turn(person, (segment,)))))
        speaking.append((segment, person))
    return tuple(found)


def talk(session: Session, pause: float = PAUSE) -> dict[str, Talk]:
    """The part of each person, and of :data:`UNKNOWN` if somebody is, in the conversation."""
    everything, answers, silences, at_once = turns(session, pause), responses(session, pause), pauses(session, pause), overlaps(session)
    total = sum(turn.spoken for turn in everything)
    found = {}
    for person in keys_of(session):
        own = tuple(turn for turn in everything if turn.person == person)
        seconds = float(sum(turn.spoken for turn in own))
        found[person] = Talk(
            person,
            Number(seconds, turns=own),
            Number(seconds / total if total else float("nan"), turns=own),
            Number(len(own), turns=own),
            Number(_median([turn.end - turn.start for turn in own]), turns=own),
            _together([one for one in answers if one.turns[1].person == person], middle=True),
            _together([one for one in silences if {turn.person for turn in one.turns} == {person} != {UNKNOWN}]),
            _overlap([one for one in at_once if person in {turn.person for turn in one.turns}]),
        )
    return found


def _groups(segments: Sequence[Segment], session: Session, pause: float) -> Iterator[tuple[Segment, ...]]:
    group = segments[:1]
    for before, after in pairwise(segments):
        between = Segment(before.end, after.start)
        if after.start - before.end < pause and not touches(between, session.excluded):
            group = [*group, after]
        else:
            yield tuple(group)
            group = [after]
    yield tuple(group)


def _with_floor(ordered: Sequence[Turn]) -> Iterator[tuple[Turn, Turn]]:
    """Each turn but the first, after the one that ends last of those that began before it."""
    floor: Turn | None = None
    for turn in ordered:
        if floor is not None:
            yield floor, turn
        if floor is None or turn.end > floor.end:
            floor = turn


def _median(values: Sequence[float]) -> float:
    return float(np.median(values)) if len(values) else float("nan")


def _together(numbers: Sequence[Number], middle: bool = False) -> Number:
    values = [number.value for number in numbers]
    behind = dict.fromkeys(turn for number in numbers for turn in number.turns)
    return Number(_median(values) if middle else float(sum(values)), turns=tuple(behind))


def _overlap(numbers: Sequence[Number]) -> Number:
    """Where three speak at once, a second counts once."""
    common = Timeline(number.turns[0].segments[0] & number.turns[1].segments[0] for number in numbers)
    return Number(float(common.duration()), turns=_together(numbers).turns)

"""How far a session that was read agrees with one that was made: :mod:`tests.bench.sessions` prints it.

Sessions are data (:class:`xai.session.session.Session`), so that nothing here needs what reads them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from pyannote.core import Annotation, Segment, Timeline
from pyannote.metrics.diarization import DiarizationErrorRate
from scipy.optimize import linear_sum_assignment

from features.faces import Box
from tests.sessions.truth import Truth
from xai.session.session import UNKNOWN, Session

COLLAR = 0.25  # seconds to either side of each boundary of the truth that are not scored; pyannote's collar is both together
BOUNDARY = 0.3  # seconds by which a boundary may be off
JOINED = 0.3  # seconds of silence of one person that do not end a turn
SHORT = 1.0  # seconds; turns below may well be left unknown
_OVERLAPS = 0.3  # intersection over union from which two boxes are of one face
_NEAR = 0.55  # seconds from a second of the truth to a picture that was looked at
_NOBODY = "nobody"

Scores = dict[str, float]


def score(session: Session, truth: Truth, singles: Mapping[str, Mapping[str, str]] | None = None) -> Scores:
    """All figures by name, shares as 0 to 1; NaN where there is nothing to score.

    Args:
        singles: by ``voice``, ``face`` and ``both``, what the model recognises in each recording on its own, by name of the file.
    """
    found = {**diarisation(session.speech, truth), **unknown(session.speech, truth), **boundaries(session.speech, truth)}
    if truth.faces:
        found |= {**tracks(session, truth), **ties(session, truth)}
    if truth.cuts:
        found |= cuts(session.cuts, truth)
    return found | emotions(session, truth, singles or {})


def _whole(truth: Truth) -> Timeline:
    return Timeline([Segment(0, truth.seconds)])


def known(speech: Annotation) -> Annotation:
    """Speech of those who are known."""
    return speech.subset([UNKNOWN], invert=True)


def diarisation(speech: Annotation, truth: Truth) -> Scores:
    """Diarisation error rate as by NIST, overlaps included; of UNKNOWN's speech nothing counts, so it is missed."""
    metric = DiarizationErrorRate(collar=2 * COLLAR, skip_overlap=False)
    parts = metric(truth.speech, known(speech), uem=_whole(truth), detailed=True)
    total = parts["total"] or float("nan")
    shares = {"missed": parts["missed detection"], "false alarm": parts["false alarm"], "confusion": parts["confusion"]}
    return {"DER": parts["diarization error rate"], **{name: value / total for name, value in shares.items()}}


def unknown(speech: Annotation, truth: Truth) -> Scores:
    """Share of the speech that is called unknown, and share of that where two speak at once or a turn is shorter than a second."""
    spoken = truth.speech.get_timeline().support()
    called = speech.label_timeline(UNKNOWN, copy=True).support().crop(spoken) if UNKNOWN in speech.labels() else Timeline()
    short = Timeline([turn for turn in truth.speech.itersegments() if turn.duration < SHORT])
    hard = truth.speech.get_overlap().union(short).support()
    duration = called.duration()
    rightly = called.crop(hard).duration() / duration if duration else float("nan")
    return {"unknown": duration / spoken.duration(), "unknown rightly": rightly}


def turns(speech: Annotation) -> list[tuple[Segment, str]]:
    """Turns of each person, short silences joined."""
    return [(segment, label) for segment, _, label in speech.support(collar=JOINED).itertracks(yield_label=True)]


def boundaries(speech: Annotation, truth: Truth) -> Scores:
    """Beginnings and ends of turns, whoever's, each with at most one of the truth within 0.3 s."""
    made, read = turns(truth.speech), turns(speech)
    edges = [(lambda segment: segment.start), (lambda segment: segment.end)]
    matched = sum(matches([edge(s) for s, _ in read], [edge(s) for s, _ in made]) for edge in edges)
    return {
        "boundary precision": matched / (2 * len(read)) if read else float("nan"),
        "boundary recall": matched / (2 * len(made)) if made else float("nan"),
    }


def cuts(read: Sequence[float], truth: Truth) -> Scores:
    """Of a film that is cut from one person to another; a jump of the head counts neither way."""

    def near(time: float, times: Sequence[float]) -> bool:
        return any(abs(time - other) <= BOUNDARY for other in times)

    counted = [time for time in read if near(time, truth.cuts) or not near(time, truth.jumps)]
    matched = matches(counted, truth.cuts)
    return {"cut precision": matched / len(counted) if counted else float("nan"), "cut recall": matched / len(truth.cuts)}


def matches(read: Sequence[float], made: Sequence[float], within: float = BOUNDARY) -> int:
    """How many moments can be paired with one of the others each, no farther apart than ``within``: the most that can.

    >>> matches([1.0, 1.2, 5.0], [1.1, 5.5])
    1
    """
    own, others, count = sorted(read), sorted(made), 0
    while own and others:
        if abs(own[-1] - others[-1]) <= within + 1e-9:
            own.pop()
            others.pop()
            count += 1
        else:
            (own if own[-1] > others[-1] else others).pop()
    return count


def whose_faces(session: Session, truth: Truth) -> list[str]:
    """Of each row of the frames, who it is by the place of the box; ``nobody`` where none is seen there."""
    owners = []
    for time, box in zip(session.frames.time, session.frames.box, strict=True):
        overlaps = {person: Box(*map(float, box)).overlap(place) for person, place in truth.seen(float(time)).items()}
        best = max(overlaps, key=lambda person: overlaps[person], default=None)
        owners.append(best if best is not None and overlaps[best] >= _OVERLAPS else _NOBODY)
    return owners


def purity(groups: Iterable, owners: Sequence[str]) -> float:
    """Share of the rows whose group's most frequent owner is theirs; a group of nobody's is not pure.

    >>> purity([1, 1, 1, 2], ["a", "a", "b", "b"])
    0.75
    """
    counts: dict[object, Counter] = {}
    for group, owner in zip(groups, owners, strict=True):
        counts.setdefault(group, Counter())[owner] += 1
    most = sum(max((n for owner, n in count.items() if owner != _NOBODY), default=0) for count in counts.values())
    return most / len(owners) if owners else float("nan")


def tracks(session: Session, truth: Truth) -> Scores:
    """Of the pictures that were looked at: purity of tracks and of people; how much of each face its one person covers; faces found.

    UNKNOWN is a person of its own in no figure: rows of it are left out of purity and are not covered.
    """
    owners, frames = whose_faces(session, truth), session.frames
    named = [k for k, person in enumerate(frames.person) if person != UNKNOWN]
    found, covered, total = 0, 0, 0
    for person, times in _seconds_seen(truth).items():
        keys = [_seen_as(session, owners, person, time) for time in times]
        total += len(times)
        found += sum(bool(key) for key in keys)
        counts = Counter(key for key in keys if key not in ("", UNKNOWN))
        covered += max(counts.values(), default=0)
    return {
        "track purity": purity(frames.track.tolist(), owners),
        "person purity": purity([frames.person[k] for k in named], [owners[k] for k in named]),
        "person coverage": covered / total if total else float("nan"),
        "faces found": found / total if total else float("nan"),
        "false faces": float(np.mean([owner == _NOBODY for owner in owners])) if owners else float("nan"),
    }


def _seconds_seen(truth: Truth) -> dict[str, list[float]]:
    """Whole seconds at which a person is seen, and just before and after."""
    seen: dict[str, list[float]] = {}
    for time in np.arange(1.0, truth.seconds - 1):
        always = set.intersection(*(set(truth.seen(float(time) + shift)) for shift in (-_NEAR, 0.0, _NEAR)))
        for person in always:
            seen.setdefault(person, []).append(float(time))
    return seen


def _seen_as(session: Session, owners: list[str], person: str, time: float) -> str:
    """The key of the row nearest to ``time`` that shows that person; empty where none does."""
    first, last = np.searchsorted(session.frames.time, [time - _NEAR, time + _NEAR])
    rows = [k for k in range(int(first), int(last)) if owners[k] == person]
    return session.frames.person[min(rows, key=lambda k: abs(session.frames.time[k] - time))] if rows else ""


def ties(session: Session, truth: Truth) -> Scores:
    """Of the time in which one person speaks alone and speech was found: whether the person who was found has the right face.

    Right for a voice whose face is never seen: a person without one. Unknown: a person without a face though there is one, or nobody known.
    """
    owners = whose_faces(session, truth)
    counts: dict[str, Counter] = {}
    for key, owner in zip(session.frames.person, owners, strict=True):
        if owner != _NOBODY:
            counts.setdefault(key, Counter())[owner] += 1
    faces = {key: count.most_common(1)[0][0] for key, count in counts.items() if key != UNKNOWN}
    times: Counter[str] = Counter()
    alone = truth.speech.get_overlap().gaps(support=Segment(0, truth.seconds))
    for speaker in truth.speech.labels():
        spoken = truth.speech.label_timeline(speaker).crop(alone).support()
        for key in session.speech.labels():
            shared = session.speech.label_timeline(key).support().crop(spoken).duration()
            times[_verdict(faces.get(key), key, truth.ties[speaker])] += shared
    total = sum(times.values()) or float("nan")
    return {
        "voice to face": times["right"] / total,
        "voice to face wrong": times["wrong"] / total,
        "face unknown": times["unknown"] / total,
    }


def _verdict(found: str | None, key: str, face: str | None) -> str:
    if found == face and key != UNKNOWN:
        return "right"
    return "unknown" if found is None else "wrong"


def people(session: Session, truth: Truth) -> dict[str, str]:
    """Of each key of a person who speaks, who it is: one to one, so that as much speech as possible agrees."""
    keys, names = known(session.speech).labels(), truth.speech.labels()
    shared = session.speech.subset(keys) * truth.speech if keys else np.zeros((0, len(names)))
    return {keys[row]: names[column] for row, column in zip(*linear_sum_assignment(-shared), strict=True)}


@dataclass(frozen=True)
class Judged:
    """What was made of a moment, and what is portrayed in it."""

    modality: str
    label: str
    portrayed: str
    file: str


def judged(session: Session, truth: Truth) -> tuple[list[Judged], int]:
    """Each modality of each moment in which a known person speaks, and how many such moments there are."""
    who, found, count = people(session, truth), [], 0
    for moment in session.moments:
        if not moment.speech or moment.person not in who:
            continue
        shares = [((e.segment & moment.segment).duration, e) for e in truth.emotions if e.person == who[moment.person]]
        longest, portrayed = max(shares, key=lambda share: share[0], default=(0.0, None))
        if portrayed is None or longest <= 0:
            continue
        count += 1
        parts = {"voice": moment.voice, "face": moment.face, "both": moment.both, "best": moment.best}
        found += [Judged(name, part.label, portrayed.label, portrayed.file) for name, part in parts.items() if part is not None]
    return found, count


def emotions(session: Session, truth: Truth, singles: Mapping[str, Mapping[str, str]]) -> Scores:
    """By modality: share of the moments whose label is the portrayed one; and of the recordings in them, each on its own (``… single``)."""
    found, count = judged(session, truth)
    scores: Scores = {
        "moments": float(count),
        "moments judged": sum(j.modality == "best" for j in found) / count if count else float("nan"),
    }
    for modality in ("voice", "face", "both", "best"):
        own = [j for j in found if j.modality == modality]
        scores[modality] = float(np.mean([j.label == j.portrayed for j in own])) if own else float("nan")
        alone = singles.get(modality, {})
        compared = [j for j in own if j.file in alone]
        scores[f"{modality} single"] = float(np.mean([alone[j.file] == j.portrayed for j in compared])) if compared else float("nan")
    return scores

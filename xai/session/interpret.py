"""From what was seen and heard to a session: people are named, voices tied to faces, and every moment gets its emotion or its gap."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import cast

import numpy as np
from pyannote.core import Annotation, Segment, Timeline

from features import Features, Modality
from features.audio import AudioFeatures
from features.people import group_people
from features.session.ties import Ties, speaker_at, tie
from features.tokens import TokenEncoder, TokenFeatures
from features.video import VideoFeatures
from models.evaluation.familiarity import load_map
from models.evaluation.metrics import softmax
from models.model import EmotionModel
from xai.quality.certainty import softened_by
from xai.quality.checks import FAR_VOICE
from xai.session.observations import HINDRANCES, Observations
from xai.session.session import UNKNOWN, Frames, Gap, Moment, Person, Recognised, Session

STEP = 2.0  # seconds of the face of one who does not speak that are judged as one
_FEW = 3  # pictures of a face that are somebody; fewer may be a mistake of the detector
_SHORT = 0.5  # seconds of speech that are too little to judge


@dataclass(frozen=True)
class Who:
    """Names for what was observed.

    Attributes:
        voices: key of the person of each voice; faces: of each face.
        face: int (n,), the number of the face in each sight, −1 where it is nobody's.
        ties: what the names rest on.
    """

    voices: Mapping[int, str]
    faces: Mapping[int, str]
    face: np.ndarray
    ties: Ties

    def of_piece(self, voice: int) -> str:
        return self.voices.get(voice, UNKNOWN)

    @cached_property
    def of_sights(self) -> tuple[str, ...]:
        return tuple(self.faces.get(int(face), UNKNOWN) for face in self.face)


def name_people(seen: Observations) -> Who:
    """Group the faces, tie them to voices, and give keys in the order of appearance."""
    group = group_people(seen.tracks.astype(float)) if len(seen.tracks) else np.zeros(0, int)
    face = group[seen.sights.track] if len(seen.sights) else np.zeros(0, int)
    counts = np.bincount(face, minlength=int(face.max(initial=-1)) + 1)
    face = np.where(counts[face] >= _FEW, face, -1) if len(face) else face
    ties = tie(seen.sights.time, face, seen.sights.mouth, seen.pieces, seen.voices)
    first: dict[tuple[str, int], float] = {}
    for (start, _), voice in zip(seen.pieces.tolist(), seen.voices.tolist(), strict=True):
        if voice >= 0:
            first.setdefault(("voice", voice), start)
    for time, own in zip(seen.sights.time.tolist(), face.tolist(), strict=True):
        if own >= 0:
            first.setdefault(("face", own), time)
    voices: dict[int, str] = {}
    faces: dict[int, str] = {}
    for kind, number in sorted(first, key=lambda one: first[one]):
        if kind == "voice" and number not in voices:
            key = _key(len(set(voices.values()) | set(faces.values())))
            voices[number] = key
            if number in ties.face_of:
                faces[ties.face_of[number]] = key
        elif kind == "face" and number not in faces:
            key = _key(len(set(voices.values()) | set(faces.values())))
            faces[number] = key
            for voice in (voice for voice, tied in ties.face_of.items() if tied == number):
                voices[voice] = key
    return Who(voices, faces, face, ties)


def _key(number: int) -> str:
    """A, B, …, Z, AA, AB, …"""
    return (_key(number // 26 - 1) if number >= 26 else "") + chr(ord("A") + number % 26)


def interpret(seen: Observations, model: EmotionModel) -> Session:
    """A session of what was observed.

    Args:
        model: the one by whose encoders it was read.
    """
    who = name_people(seen)
    keys = list(dict.fromkeys([*who.voices.values(), *who.faces.values()]))
    people = tuple(
        Person(key, f"Person {key}", voice=key in who.voices.values(), face=key in who.faces.values()) for key in sorted(keys, key=_order)
    )
    judge = _Judge(seen, model, who)
    moments = sorted([*judge.spoken(), *judge.silent()], key=lambda moment: (moment.start, moment.person))
    return Session(
        name=seen.name,
        digest=seen.digest,
        seconds=seen.seconds,
        people=people,
        speech=_speech(seen, who),
        seen=_seen(seen, who),
        moments=tuple(moments),
        frames=judge.frames(),
        cuts=tuple(seen.cuts.tolist()),
        excluded=Timeline(),
        models=dict.fromkeys(("voice", "face", "both"), model.name),
        settings={"step_s": STEP},
        notes=seen.notes,
    )


def _order(key: str) -> tuple[int, str]:
    return len(key), key


def _speech(seen: Observations, who: Who) -> Annotation:
    found = Annotation(uri=seen.name, modality="speech")
    for number, ((start, end), voice) in enumerate(zip(seen.pieces.tolist(), seen.voices.tolist(), strict=True)):
        found[Segment(start, end), number] = who.of_piece(voice)
    return found


def _seen(seen: Observations, who: Who) -> Annotation:
    """A segment for each track: from its first picture to a second after its last."""
    found = Annotation(uri=seen.name, modality="face")
    for track in np.unique(seen.sights.track).tolist():
        rows = np.flatnonzero(seen.sights.track == track)
        end = min(float(seen.sights.time[rows[-1]]) + 1.0, max(seen.seconds, float(seen.sights.time[rows[-1]]) + 0.1))
        found[Segment(float(seen.sights.time[rows[0]]), end), track] = who.of_sights[rows[0]]
    return found


class _Judge:
    """Asks the model about stretches of what was observed."""

    def __init__(self, seen: Observations, model: EmotionModel, who: Who) -> None:
        self._seen, self._model, self._who = seen, model, who
        self._people = np.array(who.of_sights, object)
        self._encoder = cast(TokenEncoder, model.load_encoders()[Modality.AUDIO])
        self._known = load_map()

    def spoken(self) -> list[Moment]:
        """A moment for each stretch of speech."""
        found = []
        for number, ((start, end), voice) in enumerate(zip(self._seen.pieces.tolist(), self._seen.voices.tolist(), strict=True)):
            key, gaps = self._who.of_piece(voice), {}
            rows, gap = self._rows(key, start, end)
            tokens = self._seen.tokens_of(number)
            if end - start < _SHORT or not len(tokens):
                gaps["voice"] = Gap.TOO_SHORT
            elif self._known.ratio(tokens) > FAR_VOICE[1]:
                gaps["voice"] = Gap.UNLIKE
            if gap is not None:
                gaps["face"] = gap
            moment = Moment(start, end, key, True, gaps=gaps)
            found.append(self._judged(moment, None if "voice" in gaps else tokens, rows))
        return found

    def silent(self) -> list[Moment]:
        """A moment for every two seconds in which a face is seen that does not speak."""
        found = []
        times, speaking = self._seen.sights.time, speaker_at(self._seen.sights.time, self._seen.pieces, self._seen.voices)
        for key in sorted({person for person in self._who.of_sights if person != UNKNOWN}, key=_order):
            own = {voice for voice, person in self._who.voices.items() if person == key}
            rows = np.flatnonzero((self._people == key) & ~np.isin(speaking, list(own)))
            for slot in np.unique((times[rows] // STEP).astype(int)).tolist():
                start = slot * STEP
                within, gap = self._rows(key, start, start + STEP)
                within = within[np.isin(within, rows)]
                gaps = {"voice": Gap.NOBODY_SPEAKS} | ({"face": gap or Gap.NOT_SEEN} if not len(within) else {})
                found.append(
                    self._judged(
                        Moment(start, min(start + STEP, max(self._seen.seconds, start + 0.1)), key, False, gaps=gaps), None, within
                    )
                )
        return found

    def frames(self) -> Frames:
        """Every picture of a face, each judged by itself."""
        sights = self._seen.sights
        probabilities = np.full((len(sights), 8), np.nan, np.float32)
        for row in np.flatnonzero((sights.hindrance == 0) & (self._people != UNKNOWN)):
            probabilities[row] = softmax(self._model.predict(self._features(None, np.array([row]))))
        hindrances = tuple(str(HINDRANCES[k]) for k in sights.hindrance.tolist())
        return Frames(sights.time, self._who.of_sights, sights.track, sights.box, hindrances, sights.mouth, probabilities)

    def _rows(self, key: str, start: float, end: float) -> tuple[np.ndarray, Gap | None]:
        """The pictures of a person's face in a stretch that can be judged, and why there are none."""
        sights = self._seen.sights
        within = (
            np.flatnonzero((sights.time >= start) & (sights.time < end) & (self._people == key)) if key != UNKNOWN else np.zeros(0, int)
        )
        good = within[sights.hindrance[within] == 0]
        if len(good):
            return good, None
        if key == UNKNOWN:
            return good, Gap.WHO_UNKNOWN
        return good, Gap.NOT_SEEN if not len(within) else Gap(HINDRANCES[int(np.bincount(sights.hindrance[within]).argmax())])

    def _judged(self, moment: Moment, tokens: np.ndarray | None, rows: np.ndarray) -> Moment:
        voice = None if tokens is None else self._recognised(tokens, np.zeros(0, int))
        face = self._recognised(None, rows) if len(rows) else None
        both = self._recognised(tokens, rows) if tokens is not None and len(rows) else None
        return replace(moment, voice=voice, face=face, both=both)

    def _recognised(self, tokens: np.ndarray | None, rows: np.ndarray) -> Recognised:
        distance = float("nan") if tokens is None else self._known.ratio(tokens)
        model = self._model if tokens is None else softened_by(self._model, distance, beside_a_face=len(rows) > 0)
        return Recognised(model.name, softmax(model.predict(self._features(tokens, rows))), distance)

    def _features(self, tokens: np.ndarray | None, rows: np.ndarray) -> Features:
        parts: dict[Modality, AudioFeatures | VideoFeatures] = {}
        if tokens is not None:
            nothing = np.zeros(0, np.float32)
            span = (0, 50 * len(tokens))
            parts[Modality.AUDIO] = TokenFeatures(
                nothing, np.zeros((80, 1), np.float32), tokens.mean(axis=0), encoder=self._encoder, tokens=tokens, speech=span
            )
        if len(rows):
            parts[Modality.VIDEO] = _film_of(self._seen.sights.vectors[rows], self._seen.sights.time[rows])
        return Features(parts)


def _film_of(vectors: np.ndarray, times: np.ndarray) -> VideoFeatures:
    """Frames of which only the features are kept: float16 (m, 512) and seconds (m,)."""
    count, nothing = len(vectors), [None] * len(vectors)
    maps = vectors.astype(np.float32)[:, :, None, None]
    crops = np.zeros((count, 1, 1, 3), np.uint8)
    return VideoFeatures(times, [crops[0]] * count, 1.0, list(nothing), list(nothing), crops, maps, np.ones(count, bool), False)

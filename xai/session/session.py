"""A session as data: who speaks, whose face is seen, and which emotion the models recognise when.

Time is :mod:`pyannote.core`'s, in seconds on the clock of the recording (:mod:`features.media.clock`). A person is known by a ``key``,
``A``, ``B`` and so on in the order of appearance; :data:`UNKNOWN` stands where the evidence does not say who it is, and is never a guess.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np
from pyannote.core import Annotation, Segment, Timeline

from models.labels import LABELS

UNKNOWN = "unknown"


class Gap(StrEnum):
    """Why a part of a session has no emotion of a voice or of a face. The values are keys in files."""

    NOBODY_SPEAKS = "nobody speaks"
    NOT_SEEN = "not seen"
    TURNED_AWAY = "face turned away"
    COVERED = "face covered"
    BLURRED = "face out of focus"
    TOO_SMALL = "face too small"
    TWO_AT_ONCE = "two speak at once"
    WHO_UNKNOWN = "not known who speaks"
    TOO_SHORT = "too short"
    UNLIKE = "unlike the voices that the model knows"
    EXCLUDED = "excluded"


@dataclass(frozen=True)
class Person:
    """Somebody in a session.

    Attributes:
        key: ``A``, ``B``, …; stays when the name changes.
        name: for a reader.
        client: whom the session is about.
        voice, face: whether one was tied to this person.
    """

    key: str
    name: str
    client: bool = False
    voice: bool = False
    face: bool = False


@dataclass(frozen=True)
class Recognised:
    """What a model recognises in one stretch of a voice, of a face or of both.

    Attributes:
        model: key in :data:`models.registry.MODELS`.
        probabilities: float64 (8,), calibrated, in the order of :data:`models.labels.LABELS`.
        distance: of the voice from those that the model knows, 1 is where the usual ends (:mod:`models.evaluation.familiarity`); NaN of a
            face alone.
    """

    model: str
    probabilities: np.ndarray
    distance: float = float("nan")

    @property
    def label(self) -> str:
        return LABELS[int(self.probabilities.argmax())]


@dataclass(frozen=True)
class Moment:
    """The unit that emotions are recognised in: a speech turn or a part of one, or two seconds of the face of one who does not speak.

    Attributes:
        start, end: seconds.
        person: key of a person, or :data:`UNKNOWN`.
        speech: whether this person speaks here.
        voice, face, both: by which modalities an emotion was recognised; ``both`` is of voice and face together.
        gaps: why there is none, by ``voice`` and ``face``, where there is none.
    """

    start: float
    end: float
    person: str
    speech: bool
    voice: Recognised | None = None
    face: Recognised | None = None
    both: Recognised | None = None
    gaps: Mapping[str, Gap] = field(default_factory=dict)

    @property
    def segment(self) -> Segment:
        return Segment(self.start, self.end)

    @property
    def best(self) -> Recognised | None:
        """By all that is there: both, else the voice, else the face."""
        return self.both or self.voice or self.face


@dataclass(frozen=True)
class Frames:
    """The pictures of faces that were looked at, a row for each face in each picture.

    Attributes:
        time: float64 (n,), seconds.
        person: n keys of people, or :data:`UNKNOWN`.
        track: int (n,), the stretch of pictures over which this face was followed.
        box: float32 (n, 4): left, top, width, height in pixels of the film.
        hindrance: n, what keeps the face from being judged (a :class:`Gap`), or ``""``.
        mouth: float32 (n,), how much the mouth moves, in units of the rest of the face; NaN where it was not measured.
        probabilities: float32 (n, 8), of the face alone in this one picture; NaN where it was not judged.
    """

    time: np.ndarray
    person: tuple[str, ...]
    track: np.ndarray
    box: np.ndarray
    hindrance: tuple[str, ...]
    mouth: np.ndarray
    probabilities: np.ndarray

    def __len__(self) -> int:
        return len(self.time)


@dataclass(frozen=True)
class Session:
    """A recorded session, read.

    Attributes:
        name: of the file; digest: 64 hex digits, SHA-256 of its bytes; seconds: its length.
        people: in the order of appearance.
        speech: who speaks when, labelled with keys; overlapping segments where two speak at once; a stretch of speech of nobody knows
            whom is labelled :data:`UNKNOWN`.
        seen: whose face is seen when, labelled alike, a track each.
        moments: in order of time.
        frames: the pictures of faces.
        cuts: seconds at which the film is cut.
        excluded: stretches that a correction takes out: nothing of them is counted.
        models: by ``voice``, ``face`` and ``both``, the key of the model that was asked.
        settings: of the reading, by name: numbers and words.
        notes: sentences about what of the file was chosen, left out or mended.
    """

    name: str
    digest: str
    seconds: float
    people: tuple[Person, ...]
    speech: Annotation
    seen: Annotation
    moments: tuple[Moment, ...]
    frames: Frames
    cuts: tuple[float, ...] = ()
    excluded: Timeline = field(default_factory=Timeline)
    models: Mapping[str, str] = field(default_factory=dict)
    settings: Mapping[str, float | str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def person(self, key: str) -> Person:
        """Raises KeyError: nobody has that key."""
        for person in self.people:
            if person.key == key:
                return person
        raise KeyError(key)

    def of(self, key: str) -> Iterator[Moment]:
        """The moments of one person, in order of time."""
        return (moment for moment in self.moments if moment.person == key)

    def at(self, seconds: float) -> tuple[Moment, ...]:
        """The moments that hold an instant, one for each person at most."""
        return tuple(moment for moment in self.moments if moment.start <= seconds < moment.end)

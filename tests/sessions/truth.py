"""What is known of a made session."""

from __future__ import annotations

import json
from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from pyannote.core import Annotation, Segment

from features.faces import Box


class Portrayed(NamedTuple):
    """One recording of an actor, or the beginning of one, as it is heard in a session."""

    segment: Segment
    person: str
    label: str
    file: str


class Shown(NamedTuple):
    """A face in one picture; the box in pixels of the film."""

    time: float
    person: str
    box: Box


@dataclass(frozen=True)
class Truth:
    """A session as it was made. A person is the number of an actor, ``05``, or the name of a picture.

    Attributes:
        seconds: how long it is.
        settings: that it was made with.
        speech: a segment for each turn; the short gaps between the recordings of a turn belong to it.
        emotions: the recordings, in order of time.
        faces: every face that is seen, five times a second, in order of time.
        cuts: seconds at which the whole picture changes to another person's.
        jumps: seconds at which one recording of an actor follows another, or silence: the head may jump to another place.
        ties: of each voice, whose face it belongs to; None where that is never seen.
    """

    seconds: float
    settings: Mapping[str, object]
    speech: Annotation
    emotions: tuple[Portrayed, ...]
    faces: tuple[Shown, ...]
    cuts: tuple[float, ...]
    jumps: tuple[float, ...]
    ties: Mapping[str, str | None]

    @cached_property
    def _times(self) -> list[float]:
        return [face.time for face in self.faces]

    def seen(self, time: float, tolerance: float = 0.11) -> dict[str, Box]:
        """Who is seen where, in the picture that was noted nearest to ``time``; empty where none was within ``tolerance`` seconds."""
        near = range(bisect_left(self._times, time - tolerance), bisect_left(self._times, time + tolerance))
        if not near:
            return {}
        nearest = min((self._times[k] for k in near), key=lambda noted: abs(noted - time))
        return {self.faces[k].person: self.faces[k].box for k in near if self._times[k] == nearest}

    def save(self, file: Path) -> None:
        """Write all of it as JSON."""
        kept = {
            "seconds": self.seconds,
            "settings": dict(self.settings),
            "speech": [[turn.start, turn.end, person] for turn, _, person in self.speech.itertracks(yield_label=True)],
            "emotions": [[e.segment.start, e.segment.end, e.person, e.label, e.file] for e in self.emotions],
            "faces": [[face.time, face.person, *(round(v, 1) for v in face.box)] for face in self.faces],
            "cuts": list(self.cuts),
            "jumps": list(self.jumps),
            "ties": dict(self.ties),
        }
        file.write_text(json.dumps(kept), encoding="utf-8")


def annotation(turns: list[tuple[float, float, str]]) -> Annotation:
    """Turns as (start, end, person); they may overlap."""
    speech = Annotation()
    for number, (start, end, person) in enumerate(turns):
        speech[Segment(start, end), number] = person
    return speech


def load_truth(file: Path) -> Truth:
    """What :meth:`Truth.save` wrote."""
    kept = json.loads(file.read_text(encoding="utf-8"))
    return Truth(
        kept["seconds"],
        kept["settings"],
        annotation([tuple(turn) for turn in kept["speech"]]),
        tuple(Portrayed(Segment(start, end), *rest) for start, end, *rest in kept["emotions"]),
        tuple(Shown(time, person, Box(*box)) for time, person, *box in kept["faces"]),
        tuple(kept["cuts"]),
        tuple(kept["jumps"]),
        kept["ties"],
    )

"""The script of a session: who speaks when, and who leaves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tests.sessions.voices import Piece, Voice

JITTER = 0.2  # of the length of a turn, to either side
PAUSE = 0.2, 1.2  # seconds between two turns
SILENCE = 10.0  # seconds, now and then
_BETWEEN = 40.0, 90.0  # seconds from one such silence to the next
_INTERRUPTED = 0.35  # of the turns
_OVERLAP = 0.4, 1.2  # seconds
_LONGEST_OVERLAP = 0.4  # of a turn
AWAY = 20.0  # seconds that somebody is away
_LEAVES_AT = 0.4  # of the session
_END = 0.5  # seconds without speech at the end


@dataclass(frozen=True)
class Turn:
    """A person speaks."""

    person: str
    pieces: tuple[Piece, ...]

    @property
    def start(self) -> float:
        return self.pieces[0].at

    @property
    def end(self) -> float:
        return self.pieces[-1].until


@dataclass(frozen=True)
class Absence:
    """A person leaves the place in front of the camera."""

    person: str
    start: float
    end: float

    def meets(self, person: str, start: float, end: float) -> bool:
        return person == self.person and start < self.end and self.start < end


def write_script(
    voices: Sequence[Voice], seconds: float, turn: float, overlap: bool, absence: Absence | None, rng: np.random.Generator
) -> list[Turn]:
    """Turns of about ``turn`` seconds, by another person each time as long as another is there."""
    turns: list[Turn] = []
    at, silence = rng.uniform(0.5, 1.0), rng.uniform(*_BETWEEN)
    while True:
        length = turn * rng.uniform(1 - JITTER, 1 + JITTER)
        present = [v for v in voices if absence is None or not absence.meets(v.person, at - 1.5, at + length + 1.5)]
        others = [v for v in present if not turns or v.person != turns[-1].person]
        voice = (others or present)[int(rng.integers(len(others or present)))]
        new = Turn(voice.person, tuple(voice.turn(at, length, rng)))
        if new.end > seconds - _END:
            return turns
        turns.append(new)
        at = new.end + rng.uniform(*PAUSE)
        interrupted = rng.random() < _INTERRUPTED
        if new.end > silence:
            at, silence = new.end + SILENCE, new.end + SILENCE + rng.uniform(*_BETWEEN)
        elif overlap and interrupted and len(voices) > 1 and absence is None:
            at = new.end - min(rng.uniform(*_OVERLAP), _LONGEST_OVERLAP * (new.end - new.start))


def leaving(person: str, seconds: float) -> Absence:
    """That person is away for twenty seconds, from two fifths of the session on."""
    return Absence(person, _LEAVES_AT * seconds, _LEAVES_AT * seconds + AWAY)

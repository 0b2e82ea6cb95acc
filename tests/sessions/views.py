"""How a call shows its people: tiles side by side, the one who speaks, or a shared screen."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import cv2
import numpy as np

from features.faces import Box
from tests.sessions.people import HEIGHT, WIDTH, Actor, Person, i420
from tests.sessions.script import Absence, Turn

LATE = 0.5  # seconds after a turn has begun, of some cuts
_IS_LATE, _STAYS = 0.25, 0.15  # of the turns: the cut is late, the picture stays with the one who listens
_SLIDE = 40.0  # seconds that a slide is shown
_EDGE = 4  # black pixels around a tile
_TILE = 400, 224  # beside a shared screen


class Tile(NamedTuple):
    """A person's picture in the film; all four numbers are even."""

    person: Person
    x: int
    y: int
    width: int
    height: int

    def box(self, time: float) -> Box | None:
        """Where the face is, in pixels of the film."""
        box = self.person.box(time)
        if box is None:
            return None
        small = box.scaled(self.width / WIDTH)
        return small._replace(x=small.x + self.x, y=small.y + self.y)


class Shots:
    """Who is shown large: who speaks, from the turn on or late, and sometimes the one who listens."""

    def __init__(self, turns: Sequence[Turn], late: bool, fps: int, rng: np.random.Generator) -> None:
        self.shown = [turns[0].person]
        self.cuts: list[float] = []
        for turn in turns[1:]:
            chance = rng.random()
            at = round((turn.start + (LATE if late and chance < _IS_LATE else 0.0)) * fps) / fps
            stays = late and chance > 1 - _STAYS
            if turn.person != self.shown[-1] and not stays and at > (self.cuts[-1] if self.cuts else 0.0):
                self.cuts.append(at)
                self.shown.append(turn.person)

    def at(self, time: float) -> str:
        return self.shown[bisect_right(self.cuts, time + 1e-6)]


class View:
    """What is seen of ``people``, who are known by name.

    Args:
        kind: ``gallery``, ``speaker`` or ``screen``.
        empty: is shown in the place of who is away.
    """

    def __init__(self, kind: str, people: dict[str, Person], empty: Person, shots: Shots, absence: Absence | None) -> None:
        self._kind, self._people, self._empty, self._shots, self._absence = kind, people, empty, shots, absence

    @property
    def cuts(self) -> tuple[float, ...]:
        """When the whole picture changes."""
        return tuple(self._shots.cuts) if self._kind == "speaker" else ()

    @property
    def jumps(self) -> tuple[float, ...]:
        """When the picture of a person changes from one film to another."""
        return tuple(sorted(time for person in self._people.values() if isinstance(person, Actor) for time in person.jumps))

    def tiles(self, time: float) -> list[Tile]:
        if self._kind == "gallery":
            return [Tile(self._there(name, time), *place) for name, place in zip(self._people, places(len(self._people)), strict=True)]
        person = self._there(self._shots.at(time), time)
        if self._kind == "speaker":
            return [Tile(person, 0, 0, WIDTH, HEIGHT)]
        return [Tile(person, WIDTH - _TILE[0] - 16, 16, *_TILE)]

    def _there(self, name: str, time: float) -> Person:
        away = self._absence is not None and self._absence.person == name and self._absence.start <= time < self._absence.end
        return self._empty if away else self._people[name]

    def picture(self, time: float) -> np.ndarray:
        """uint8 (1080, 1280), I420: a picture of 1280 × 720."""
        tiles = self.tiles(time)
        if self._kind == "speaker":
            return tiles[0].person.picture(time, (WIDTH, HEIGHT))
        canvas = (slide(int(time // _SLIDE) % 3) if self._kind == "screen" else black()).copy()
        for tile in tiles:
            paste(canvas, tile.person.picture(time, (tile.width, tile.height)), tile.x, tile.y)
        return canvas


def places(count: int) -> list[tuple[int, int, int, int]]:
    """Left, top, width and height of one to four tiles."""
    columns = 1 if count == 1 else 2
    rows = -(-count // 2)
    width, height = (WIDTH, HEIGHT) if count == 1 else (WIDTH // 2, HEIGHT // 2)
    top = (HEIGHT - rows * height) // 2
    cells = [(k % columns * width, top + k // columns * height) for k in range(count)]
    return [(x + _EDGE, y + _EDGE, width - 2 * _EDGE, height - 2 * _EDGE) for x, y in cells]


def paste(canvas: np.ndarray, picture: np.ndarray, x: int, y: int) -> None:
    """Put one I420 picture into another."""
    for whole, part, scale in zip(_planes(canvas), _planes(picture), (1, 2, 2), strict=True):
        height, width = part.shape
        whole[y // scale : y // scale + height, x // scale : x // scale + width] = part


def _planes(picture: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    height, width = picture.shape[0] * 2 // 3, picture.shape[1]
    flat, size = picture.reshape(-1), height * width
    half = height // 2, width // 2
    return flat[:size].reshape(height, width), flat[size : size * 5 // 4].reshape(half), flat[size * 5 // 4 :].reshape(half)


@lru_cache
def black() -> np.ndarray:
    return i420(np.zeros((HEIGHT, WIDTH, 3), np.uint8))


@lru_cache
def slide(number: int) -> np.ndarray:
    """A page of text, as it is shared."""
    picture = np.full((HEIGHT, WIDTH, 3), 250, np.uint8)
    cv2.putText(picture, f"{number + 1}. Results of the week", (48, 96), cv2.FONT_HERSHEY_SIMPLEX, 1.4, (20, 40, 120), 3, cv2.LINE_AA)
    for line in range(8):
        words = " ".join(("sleep", "walks", "diary", "calls", "plans")[(line * k + k + number) % 5] for k in range(1, 6))
        cv2.putText(picture, f"- {words}", (64, 170 + 62 * line), cv2.FONT_HERSHEY_SIMPLEX, 0.9, (40, 40, 40), 2, cv2.LINE_AA)
    for bar in range(4):
        top = 640 - 40 * ((bar * 3 + number * 2) % 7) - 40
        cv2.rectangle(picture, (880 + 90 * bar, top), (940 + 90 * bar, 660), (60, 110, 180), -1)
    return i420(picture)

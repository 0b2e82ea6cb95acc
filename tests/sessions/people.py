"""What of a person is to be seen at any moment: a filmed actor who talks or listens, a portrait, or a place that is empty."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Protocol

import av
import cv2
import numpy as np

from features.faces import Box, detect_faces
from models.data.ravdess import parse_name
from tests.sessions.voices import Piece, speech_span

WIDTH, HEIGHT = 1280, 720  # of the films of the actors, and of the sessions
SYNC = 1001 / 30_000  # seconds by which the films of the actors show later what their WAV files hold
_BEFORE = 0.12  # seconds around the speech in which the mouth opens and closes
_LISTENS = 0.5  # seconds at the beginning of a film, to and fro, in which the actor does not speak
_OPENS = 0.3  # seconds before the speech, at the latest
_DETECTED = 15  # every so many pictures a face is looked for
_HEAD = 48, 10, 352, 198  # of the photograph: left, top, width, height

Size = tuple[int, int]


class Person(Protocol):
    """Somebody in front of a camera."""

    name: str

    def picture(self, time: float, size: Size) -> np.ndarray:
        """uint8 (3/2 · height, width), I420."""

    def box(self, time: float) -> Box | None:
        """Where the face is, in pixels of a picture of 1280 × 720."""


class Actor:
    """Talks in time with the recordings, and otherwise keeps silent."""

    def __init__(self, name: str, pieces: Sequence[Piece], clips: Sequence[Path]) -> None:
        self.name = name
        self._pieces = sorted(pieces, key=lambda piece: piece.at)
        self._starts = [piece.at - _BEFORE for piece in self._pieces]
        self._silent = min(clips, key=lambda clip: parse_name(clip).emotion)  # type: ignore[union-attr]  # the neutral one is first
        self._still = min(_LISTENS, speech_span(sound_of(self._silent))[0] + SYNC - _OPENS)

    @property
    def jumps(self) -> tuple[float, ...]:
        """When another film begins to be seen."""
        return tuple(sorted({*self._starts, *(piece.until + _BEFORE for piece in self._pieces)}))

    def _moment(self, time: float) -> tuple[Path, float]:
        """The film, and how many seconds of it have passed."""
        k = bisect_right(self._starts, time) - 1
        if k >= 0 and time < self._pieces[k].until + _BEFORE:
            piece = self._pieces[k]
            return film_of(piece.file), piece.begin + SYNC + time - piece.at
        return self._silent, self._still - abs(time % (2 * self._still) - self._still)

    def picture(self, time: float, size: Size) -> np.ndarray:
        film, moment = self._moment(time)
        pictures = pictures_of(film, size)
        return pictures[min(len(pictures) - 1, max(0, round(moment / SYNC)))]

    def box(self, time: float) -> Box | None:
        film, moment = self._moment(time)
        times, boxes = boxes_of(film)
        return Box(*(float(np.interp(moment, times, boxes[:, k])) for k in range(4)))


class Portrait:
    """A photograph that is moved a little: somebody who is there and never speaks."""

    name = "astronaut"
    _PERIOD, _SHIFT, _PICTURES = 4.0, 12.0, 40

    def picture(self, time: float, size: Size) -> np.ndarray:
        return moved_portrait(self._step(time), size)

    def box(self, time: float) -> Box | None:
        return _portrait_box()._replace(x=_portrait_box().x + self._shift(self._step(time)))

    def _step(self, time: float) -> int:
        return int(time % self._PERIOD / self._PERIOD * self._PICTURES)

    @classmethod
    def _shift(cls, step: int) -> float:
        return cls._SHIFT * np.sin(2 * np.pi * step / cls._PICTURES)


class Nobody:
    """A grey picture in the place of a person who has left, or of whom there is no film."""

    name = "nobody"

    def picture(self, time: float, size: Size) -> np.ndarray:
        return grey(size)

    def box(self, time: float) -> Box | None:
        return None


def film_of(sound: Path) -> Path:
    return sound.with_name(f"01{sound.stem[2:]}.mp4")


def sound_of(film: Path) -> Path:
    return film.with_name(f"03{film.stem[2:]}.wav")


def i420(rgb: np.ndarray) -> np.ndarray:
    """uint8 (h, w, 3) → (3/2 · h, w)."""
    return cv2.cvtColor(np.ascontiguousarray(rgb), cv2.COLOR_RGB2YUV_I420)


@lru_cache(maxsize=10)  # a film of three seconds takes 36 MB in a gallery
def pictures_of(film: Path, size: Size) -> list[np.ndarray]:
    with av.open(str(film)) as container:
        frames = container.decode(video=0)
        return [frame.reformat(*size, format="yuv420p", interpolation="AREA").to_ndarray() for frame in frames]


@lru_cache
def boxes_of(film: Path) -> tuple[np.ndarray, np.ndarray]:
    """Times (n,) and boxes (n, 4)."""
    times, boxes = [], []
    with av.open(str(film)) as container:
        for number, frame in enumerate(container.decode(video=0)):
            if number % _DETECTED == 0 and (found := detect_faces(frame.to_ndarray(format="rgb24"))):
                times.append(frame.time)
                boxes.append(found[0])
    return np.array(times), np.array(boxes)


@lru_cache(maxsize=100)
def moved_portrait(step: int, size: Size) -> np.ndarray:
    from skimage.data import astronaut

    shift = np.array([[1, 0, Portrait._shift(step)], [0, 1, 0]])
    return i420(cv2.resize(cv2.warpAffine(_wide(astronaut()), shift, (WIDTH, HEIGHT), borderMode=cv2.BORDER_REPLICATE), size))


def _wide(square: np.ndarray) -> np.ndarray:
    """The head, as large as those of the filmed actors."""
    left, top, width, height = _HEAD
    return cv2.resize(square[top : top + height, left : left + width], (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)


@lru_cache
def _portrait_box() -> Box:
    from skimage.data import astronaut

    return detect_faces(_wide(astronaut()))[0]


@lru_cache
def grey(size: Size) -> np.ndarray:
    """A grey place with a ring, as calls show who has no camera."""
    picture = np.full((size[1], size[0], 3), 70, np.uint8)
    cv2.circle(picture, (size[0] // 2, size[1] // 2), size[1] // 5, (150, 150, 150), size[1] // 40)
    return i420(picture)

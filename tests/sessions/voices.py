"""Recordings of one actor each, without the silence around the speech, and turns made of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import soundfile
import soxr

from features.audio import RATE
from models.data.ravdess import parse_name

_STEP = RATE // 100  # samples
_SECONDS = _STEP / RATE
_QUIET = 35.0  # dB below the loudest 10 ms: silence
_PAUSE = 0.4  # seconds; what lies beyond is a breath or a noise and no part of the sentence
_SHORTEST = 0.5  # seconds of a recording that are worth playing
_SLACK = 0.25  # seconds that a turn may be longer than wanted
_SEARCHED = 0.2  # seconds around the wanted end in which the quietest place is looked for
_EDGE = round(0.03 * RATE)  # samples around the speech that are played too, faded


class Piece(NamedTuple):
    """A recording in a session: heard from ``at`` on, and of the file the seconds from ``begin`` to ``end``."""

    at: float
    begin: float
    end: float
    label: str
    file: Path

    @property
    def until(self) -> float:
        return self.at + self.end - self.begin


@dataclass(frozen=True)
class Voice:
    """Whose recordings these are, by what they portray."""

    person: str
    files: dict[str, tuple[Path, ...]]

    def turn(self, at: float, length: float, rng: np.random.Generator) -> list[Piece]:
        """Recordings of one emotion, one after the other, about ``length`` seconds of them."""
        label = str(rng.choice(sorted(self.files)))
        pieces: list[Piece] = []
        for file in _shuffled(self.files[label], rng):
            begin = pieces[-1].until + rng.uniform(0.1, 0.25) if pieces else at
            left = at + length - begin
            if pieces and left < _SHORTEST:
                return pieces
            first, last = speech_span(file)
            end = last if last - first < left + _SLACK else quietest(file, first + left)
            pieces.append(Piece(begin, first, end, label, file))
        raise AssertionError("there are recordings without end")


def voice_of(data: Path, actor: int, filmed: bool) -> Voice:
    """An actor's recordings; of one who is filmed those of which there is a film."""
    folder = data / "clips" if filmed else data / "ravdess_speech" / f"Actor_{actor:02d}"
    files: dict[str, tuple[Path, ...]] = {}
    for file in sorted(folder.glob(f"03-*-{actor:02d}.*")):
        take = parse_name(file)
        assert take is not None
        files[take.label] = (*files.get(take.label, ()), file)
    return Voice(f"{actor:02d}", files)


def _shuffled(files: tuple[Path, ...], rng: np.random.Generator) -> Iterator[Path]:
    while True:
        yield from (files[k] for k in rng.permutation(len(files)))


@lru_cache(maxsize=400)
def samples_of(file: Path) -> np.ndarray:
    """float32 (n,), mono at 22,050 Hz."""
    samples, rate = soundfile.read(file, dtype="float32", always_2d=True)
    mono = samples.mean(axis=1)
    return mono if rate == RATE else soxr.resample(mono, rate, RATE).astype(np.float32)


@lru_cache(maxsize=4000)
def speech_span(file: Path) -> tuple[float, float]:
    """From when to when somebody speaks, in seconds: the loudest stretch that holds no pause of 0.4 s."""
    level = _levels(samples_of(file))
    active = np.flatnonzero(level > level.max() - _QUIET)
    groups = np.split(active, np.flatnonzero(np.diff(active) * _SECONDS > _PAUSE) + 1)
    loudest = max(groups, key=lambda group: (10 ** (level[group] / 10)).sum())
    return float(loudest[0] * _SECONDS), float((loudest[-1] + 1) * _SECONDS)


def quietest(file: Path, near: float) -> float:
    """The most quiet moment of a recording close to ``near`` seconds: where it may be cut."""
    level = _levels(samples_of(file))
    first, last = (max(0, round((near + shift) / _SECONDS)) for shift in (-_SEARCHED, _SEARCHED))
    return (first + int(level[first:last].argmin())) * _SECONDS


def _levels(samples: np.ndarray) -> np.ndarray:
    """dB of every 10 ms."""
    blocks = samples[: len(samples) // _STEP * _STEP].reshape(-1, _STEP)
    return 10 * np.log10(np.square(blocks, dtype=np.float64).mean(axis=1) + 1e-12)


def heard(piece: Piece) -> tuple[int, np.ndarray]:
    """Where its first sample lies in the session, and the samples, faded in and out within 30 ms around the speech."""
    whole = samples_of(piece.file)
    first, last = round(piece.begin * RATE), round(piece.end * RATE)
    before, after = min(_EDGE, first), min(_EDGE, len(whole) - last)
    part = whole[first - before : last + after].copy()
    part[:before] *= np.linspace(0, 1, before, endpoint=False)
    part[len(part) - after :] *= np.linspace(1, 0, after)
    return round(piece.at * RATE) - before, part


def power(pieces: list[Piece]) -> float:
    """Mean square of the speech."""
    parts = [heard(piece)[1] for piece in pieces]
    return sum(float(np.square(part, dtype=np.float64).sum()) for part in parts) / sum(len(part) for part in parts)

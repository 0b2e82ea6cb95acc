"""When somebody speaks in a session, found while its sound streams by."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import soxr

from features.audio import RATE
from features.voice_activity import HERTZ, STEP, SpeechDetector

_ON, _OFF = 0.5, 0.35  # how likely speech must be to begin one stretch, and to go on
_SHORTEST = 0.25  # seconds of speech; less is a click or a breath
_PAUSE = 0.3  # seconds that end a stretch
_LONGEST = 30.0  # seconds, after which a stretch ends at its quietest moment
_MARGIN = 2  # steps that are added on both sides, 64 ms


@dataclass(frozen=True)
class Heard:
    """A stretch of speech between two pauses.

    Attributes:
        start, end: seconds on the clock.
        samples: float32 (n,) at 16 kHz.
    """

    start: float
    end: float
    samples: np.ndarray

    @property
    def seconds(self) -> float:
        return self.end - self.start


def speech_in(blocks: Iterable[tuple[float, np.ndarray]]) -> Iterator[Heard]:
    """Stretches of speech, in order.

    Args:
        blocks: of :func:`features.session.sound.sound_blocks`.
    """
    detector, resample = SpeechDetector(), soxr.ResampleStream(RATE, HERTZ, 1, "float32", "HQ")
    gate, rest, origin = _Gate(), np.zeros(0, np.float32), None
    for start, block in blocks:
        origin = start if origin is None else origin
        rest = np.concatenate([rest, resample.resample_chunk(block)])
        whole = len(rest) // STEP * STEP
        if whole:
            yield from gate.told(detector(rest[:whole]), rest[:whole], origin)
            rest = rest[whole:]
    rest = np.concatenate([rest, resample.resample_chunk(np.zeros(0, np.float32), last=True)])
    rest = np.pad(rest, (0, -len(rest) % STEP))
    yield from gate.told(detector(rest) if len(rest) else np.zeros(0), rest, origin or 0.0)
    yield from gate.ended(origin or 0.0)


class _Gate:
    """Opens where speech is likely and closes after a pause; keeps no more than one stretch."""

    def __init__(self) -> None:
        self._likely: list[float] = []
        self._samples: list[np.ndarray] = []
        self._step = 0  # of the next one
        self._open, self._quiet = False, 0

    def told(self, likely: np.ndarray, samples: np.ndarray, origin: float) -> Iterator[Heard]:
        for probability, step in zip(likely.tolist(), samples.reshape(-1, STEP), strict=True):
            self._step += 1
            self._likely.append(probability)
            self._samples.append(step)
            if not self._open:
                self._open = probability >= _ON
                self._quiet = 0
                if not self._open:
                    del self._likely[:-_MARGIN], self._samples[:-_MARGIN]
                continue
            self._quiet = 0 if probability >= _OFF else self._quiet + 1
            if self._quiet * STEP >= _PAUSE * HERTZ:
                yield from self._closed(len(self._likely) - self._quiet + _MARGIN, origin)
            elif len(self._likely) * STEP >= _LONGEST * HERTZ:
                half = len(self._likely) // 2
                yield from self._closed(half + int(np.argmin(self._likely[half:])), origin)
                self._open = True

    def ended(self, origin: float) -> Iterator[Heard]:
        if self._open:
            yield from self._closed(len(self._likely) - max(0, self._quiet - _MARGIN), origin)

    def _closed(self, count: int, origin: float) -> Iterator[Heard]:
        """The first ``count`` steps of what is kept as one stretch; the rest stays."""
        first = self._step - len(self._likely)
        samples = np.concatenate(self._samples[:count])
        if sum(p >= _OFF for p in self._likely[:count]) * STEP >= _SHORTEST * HERTZ:
            start = origin + first * STEP / HERTZ
            yield Heard(start, start + len(samples) / HERTZ, samples)
        del self._likely[:count], self._samples[:count]
        self._open, self._quiet = False, 0

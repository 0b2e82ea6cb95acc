"""How loud a sound is from moment to moment, and how much like speech that is: what tracks and channels are compared by."""

from __future__ import annotations

import numpy as np

_MOMENT = 0.02  # seconds
_ACTIVE = 1e-3  # of the power of the loudest moment: what is within 30 dB of it sounds
_SYLLABLES = 2.0, 10.0  # Hz: how often speech swells and fades (Houtgast & Steeneken 1985, doi 10.1121/1.392224)
_HEARD = 1e-9  # power: −90 dB, below which nothing is there


def moments_of(samples: np.ndarray, rate: int) -> np.ndarray:
    """(n, channels) → float64 (k, channels): power of every 20 ms, a constant left out."""
    size = max(1, min(len(samples), round(_MOMENT * rate)))
    count = len(samples) // size
    blocks = samples[: count * size].reshape(count, size, samples.shape[1])
    return blocks.var(axis=1, dtype=np.float64)


def active_power(power: np.ndarray) -> np.ndarray:
    """(k, c) → (c,): mean power of the moments that sound, so that silence between them does not count."""
    sounding = power >= _ACTIVE * power.max(axis=0, initial=0.0)
    return (power * sounding).sum(axis=0) / np.maximum(sounding.sum(axis=0), 1)


def swing(power: np.ndarray) -> np.ndarray:
    """(k, c) → (c,): how much of the loudness swells and fades as syllables do. Speech has over 0.3, steady noise below 0.1, silence 0."""
    if not len(power):
        return np.zeros(power.shape[1])
    loudness = np.sqrt(power)
    spectrum = np.abs(np.fft.rfft(loudness, axis=0)) ** 2
    hz = np.fft.rfftfreq(len(loudness), _MOMENT)
    inside = spectrum[(hz >= _SYLLABLES[0]) & (hz <= _SYLLABLES[1])].sum(axis=0)
    level = np.maximum(spectrum[0], 1e-30)
    return np.where(active_power(power) > _HEARD, np.sqrt(2 * inside / level), 0.0)


def speech_likeness(samples: np.ndarray, rate: int) -> float:
    """(n, channels) → 0 where nothing is there; else how much the most lively channel swells and fades as syllables do."""
    return float(swing(moments_of(samples, rate)).max(initial=0.0))

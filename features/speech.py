"""Where a recording sounds, and where it is silent: one detector, for everything that asks."""

from __future__ import annotations

import numpy as np

from features.media.level import sounding

SILENT = 1e-4  # standard deviation of samples: −80 dBFS
_PEAK_MARGIN = 40.0  # dB of the loudest band below the loudest moment
_MEAN_MARGIN = 250.0  # of MFCC 0, which is √128 × the mean over the bands: 22 dB
_BANDS_MARGIN = 22.0  # dB


def is_silent(samples: np.ndarray) -> bool:
    """Whether the samples (n,) hold nothing but a constant and noise below −80 dBFS; digital silence does not count."""
    there = sounding(samples)
    return not len(there) or float(there.std(dtype=np.float64)) < SILENT


def active_span(level: np.ndarray, margin: float) -> tuple[int, int]:
    """First and last (exclusive) frame whose level (frames,) is at most ``margin`` below the highest.

    >>> active_span(np.array([0.0, 50.0, 60.0, 45.0, 0.0]), 20.0)
    (1, 4)
    """
    active = np.flatnonzero(level >= level.max() - margin)
    return int(active[0]), int(active[-1]) + 1


def sounding_span(mel_db: np.ndarray) -> tuple[int, int]:
    """(bands, frames) dB → the span in which some band is within 40 dB of the loudest: the grid of patches covers it."""
    return active_span(mel_db.max(axis=0), _PEAK_MARGIN)


def speech_span(mfccs: np.ndarray) -> tuple[int, int]:
    """(40, frames) → the span in which the mean over the bands is within 22 dB of its maximum: what sequence models read."""
    return active_span(mfccs[0], _MEAN_MARGIN)


def speech_span_of_bands(mel_db: np.ndarray) -> tuple[int, int]:
    """:func:`speech_span` of a mel spectrogram (bands, frames) in dB."""
    return active_span(mel_db.mean(axis=0), _BANDS_MARGIN)

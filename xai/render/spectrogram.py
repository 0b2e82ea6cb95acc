"""The mel spectrogram with its evidence as a picture, and the outline of a waveform."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from features.audio import RATE
from xai.render.colours import evidence_rgba

if TYPE_CHECKING:
    from features.audio import AudioFeatures
    from xai.explanation import SoundPatches

_HEIGHT, _WIDTHS = 256, (800, 1600)  # pixels
_OPACITY = 0.75
_LINE = 1  # pixel
_STEPS = (0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600)  # seconds between ticks


def spectrogram_picture(audio: AudioFeatures, parts: SoundPatches, heat: np.ndarray) -> np.ndarray:
    """uint8 (256, w, 3): the mel spectrogram, quiet dark, high pitch on top, with the evidence of each patch.

    Args:
        heat: (p,) in [−1, 1], of the patches in ``parts``.
    """
    db = audio.mel_db[::-1]
    spread = float(db.max() - db.min()) or 1.0
    grey = ((db - db.min()) / spread * 255).astype(np.uint8)
    width = int(np.clip(2 * db.shape[1], *_WIDTHS))
    method = cv2.INTER_AREA if width < db.shape[1] else cv2.INTER_LINEAR
    picture = np.repeat(cv2.resize(grey, (width, _HEIGHT), interpolation=method)[..., None], 3, axis=2)
    columns = ((parts.segments[:, :2] - audio.start) / audio.seconds * width).round().astype(int)
    rows = ((1 - parts.cells[:, :1:-1] / len(db)) * _HEIGHT).round().astype(int)
    colours = evidence_rgba(heat, _OPACITY).astype(float)
    for (left, right), (top, bottom), colour in zip(columns, rows, colours, strict=True):
        under = picture[top:bottom, left:right]
        under[:] = (under + (colour[:3] - under) * colour[3] / 255).round()
        under[:_LINE] //= 2  # a line between neighbours
        under[:, :_LINE] //= 2
    return picture


def seconds_ticks(length: float, most: int = 6, start: float = 0.0) -> list[float]:
    """Round seconds on an axis of so many seconds that begins at ``start``, at most ``most`` of them after the first.

    >>> seconds_ticks(4.8), seconds_ticks(0.8)
    ([0.0, 1.0, 2.0, 3.0, 4.0], [0.0, 0.2, 0.4, 0.6, 0.8])
    """
    step = next((step for step in _STEPS if length / step + 1e-9 < most + 1), np.ceil(length / most))
    first = int(np.ceil(start / step - 1e-9))
    return [round(k * float(step), 2) for k in range(first, int((start + length) / step + 1e-9) + 1)] or [round(start, 2)]


def strongest_patches(heat: np.ndarray, most: int = 3, least: float = 0.5) -> list[int]:
    """Of (p,) evidence: positions of the largest in size, at most ``most``, none below ``least`` of the peak or without evidence."""
    size = np.abs(heat)
    order = np.argsort(-size, kind="stable")[:most]
    return [int(k) for k in order if size[k] > 0 and size[k] >= least * size.max()]


def waveform_envelope(samples: np.ndarray, bins: int = 800) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(n,) → times, minima and maxima of at most ``bins`` stretches: what a wide waveform shows, at a fraction of the points."""
    bins = min(bins, len(samples))
    starts = np.linspace(0, len(samples), bins, endpoint=False).astype(int)
    return starts / RATE, np.minimum.reduceat(samples, starts), np.maximum.reduceat(samples, starts)

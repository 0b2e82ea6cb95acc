"""The mel spectrogram with its evidence as a picture, and the outline of a waveform."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from features.audio import N_MELS, RATE, mel_edges
from xai.render.colours import evidence_rgba

if TYPE_CHECKING:
    from features.audio import AudioFeatures
    from xai.explanation import SoundPatches

_HEIGHT, _WIDTHS = 256, (800, 1600)  # pixels
_OPACITY = 0.75


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
    columns = (parts.segments[:, :2] / audio.seconds * width).round().astype(int)
    rows = ((1 - parts.cells[:, :1:-1] / N_MELS) * _HEIGHT).round().astype(int)
    colours = evidence_rgba(heat, _OPACITY).astype(float)
    for (left, right), (top, bottom), colour in zip(columns, rows, colours, strict=True):
        under = picture[top + 1 : bottom, left + 1 : right]  # a line between neighbours
        under[:] = (under + (colour[:3] - under) * colour[3] / 255).round()
    return picture


def bands_at(hertz: tuple[int, ...]) -> np.ndarray:
    """Frequencies (k,) → float (k,): where they lie on an axis of mel bands, from 0 to 128."""
    return np.interp(hertz, mel_edges(), np.arange(N_MELS + 1))


def waveform_envelope(samples: np.ndarray, bins: int = 800) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(n,) → times, minima and maxima of at most ``bins`` stretches: what a wide waveform shows, at a fraction of the points."""
    bins = min(bins, len(samples))
    starts = np.linspace(0, len(samples), bins, endpoint=False).astype(int)
    return starts / RATE, np.minimum.reduceat(samples, starts), np.maximum.reduceat(samples, starts)

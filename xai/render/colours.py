"""Colours that differ to colour-blind eyes too: one for each emotion, and one scale for evidence."""

from __future__ import annotations

import numpy as np

# Okabe & Ito 2008, Color Universal Design; the word always stands beside the colour.
EMOTION_COLOURS = {
    "angry": "#D55E00",
    "calm": "#56B4E9",
    "disgust": "#009E73",
    "fearful": "#CC79A7",
    "happy": "#E69F00",
    "neutral": "#7F7F7F",
    "sad": "#0072B2",
    "surprised": "#F0E442",
}
FOR_COLOUR, AGAINST_COLOUR = "#C4320A", "#1F6FB4"

# From transparent to full: evidence for (yellow → orange → dark red) and its cool mirror.
_FOR = np.array([(255, 237, 160), (254, 178, 76), (240, 59, 32), (160, 0, 30)], float)
_AGAINST = np.array([(200, 232, 250), (107, 174, 214), (33, 113, 181), (8, 48, 107)], float)


def evidence_rgba(value: np.ndarray, opacity: float = 0.6) -> np.ndarray:
    """Evidence in [−1, 1], any shape → uint8 (…, 4): warm for, cool against, fully transparent at zero."""
    size = np.clip(np.abs(value), 0.0, 1.0)
    steps = np.linspace(0.0, 1.0, len(_FOR))
    warm = np.stack([np.interp(size, steps, _FOR[:, c]) for c in range(3)], axis=-1)
    cool = np.stack([np.interp(size, steps, _AGAINST[:, c]) for c in range(3)], axis=-1)
    rgb = np.where((np.asarray(value) >= 0)[..., None], warm, cool)
    # The square root lets weak evidence show without hiding the picture under strong evidence.
    alpha = 255 * opacity * np.sqrt(size)
    return np.concatenate([rgb, alpha[..., None]], axis=-1).round().astype(np.uint8)


def plotly_scale() -> list[list]:
    """The same two scales joined, white in the middle, as a Plotly colour scale."""
    colours = [*_AGAINST[::-1], np.array([255.0, 255.0, 255.0]), *_FOR]
    steps = np.linspace(0, 1, len(colours))
    return [[float(s), "rgb({:.0f},{:.0f},{:.0f})".format(*c)] for s, c in zip(steps, colours, strict=True)]

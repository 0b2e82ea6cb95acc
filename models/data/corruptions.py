"""Corruptions that a verdict should survive: other microphones, lines, rooms and cameras (Hendrycks & Dietterich 2019,
arXiv:1903.12261).

Each has one strength and one seed, so that a share of stable verdicts is a number that can be measured again. Training draws other
strengths at random (:mod:`models.data.augmentation`).
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from features import Modality
from models.data.augmentation import aac, band_pass, gain, jpeg, noise, reverb, roll
from models.registry import shown_in

# Of a voice: float32 mono samples at 22,050 Hz; of a face: one uint8 (224, 224, 3) crop.
CORRUPTIONS: dict[Modality, dict[str, Callable[[np.ndarray], np.ndarray]]] = {
    Modality.AUDIO: {
        "10 dB softer": lambda samples: gain(samples, -10.0),
        "10 dB louder": lambda samples: gain(samples, 10.0),
        "telephone line": band_pass,
        "room (0.5 s of reverberation)": lambda samples: reverb(samples, 0.5, np.random.default_rng(1)),
        "AAC at 64 kbit/s": aac,
        "noise (20 dB)": lambda samples: noise(samples, 20.0, np.random.default_rng(1)),
    },
    Modality.VIDEO: {
        "JPEG (quality 20)": lambda crop: jpeg(crop, 20),
        "dim light (a third)": lambda crop: (crop / 3).astype(np.uint8),
        "blur (3 pixels)": lambda crop: cv2.GaussianBlur(crop, (0, 0), 3.0),
        "rolled 15° left": lambda crop: roll(crop, 15.0),
        "rolled 15° right": lambda crop: roll(crop, -15.0),
    },
}

# Everything before the first and after the last sound is cut off. It needs no function: what is kept as a sequence is just that.
WORDS_ONLY = "cut to the words"

_NAMES = {Modality.AUDIO: (*CORRUPTIONS[Modality.AUDIO], WORDS_ONLY), Modality.VIDEO: tuple(CORRUPTIONS[Modality.VIDEO])}


def corruptions_in(state: str) -> list[str]:
    """Names of the corruptions of what is shown in a state (:data:`models.registry.STATES`)."""
    return [name for modality in shown_in(state) for name in _NAMES[modality]]

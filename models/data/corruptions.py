"""Fixed changes that must not change the verdict: a stranger is not to be judged by the microphone or the camera.

Each has one strength and one seed, so that a share of stable verdicts is a number that can be measured again. Training
draws other strengths at random (:mod:`models.data.augmentation`).
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from models.data.augmentation import aac, band_pass, gain, jpeg, noise, reverb, roll

VOICE_CHANGES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "10 dB softer": lambda samples: gain(samples, -10.0),
    "10 dB louder": lambda samples: gain(samples, 10.0),
    "telephone line": band_pass,
    "room (0.5 s of reverberation)": lambda samples: reverb(samples, 0.5, np.random.default_rng(1)),
    "AAC at 64 kbit/s": aac,
    "noise (20 dB)": lambda samples: noise(samples, 20.0, np.random.default_rng(1)),
}

# Everything before the first and after the last sound is cut off. It needs no function: what is kept as a sequence is just that.
WORDS_ONLY = "cut to the words"

FACE_CHANGES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "JPEG (quality 20)": lambda crop: jpeg(crop, 20),
    "dim light (a third)": lambda crop: (crop / 3).astype(np.uint8),
    "blur (3 pixels)": lambda crop: cv2.GaussianBlur(crop, (0, 0), 3.0),
    "rolled 15° left": lambda crop: roll(crop, 15.0),
    "rolled 15° right": lambda crop: roll(crop, -15.0),
}

"""Copies of a voice: as it is, augmented for training, and corrupted for testing."""

from __future__ import annotations

import numpy as np

from features import Modality
from features.audio import extract_audio
from features.media import read_sound
from models.data.augmentation import random_line, random_voice, speed
from models.data.cache import seed_of
from models.data.corruptions import CORRUPTIONS

# Played at other speeds (as if by larger and smaller speakers), and augmented by one other microphone, room or line, or a chain of them.
SPEEDS = (0.84, 0.90, 0.95, 1.06, 1.12, 1.19)
_LINES = ("telephone",) * 3 + ("noise",) * 3 + ("room",) * 2 + ("codec", "microphone")
_CHAINS = 4
CLEAN = slice(0, 1 + len(SPEEDS))
VOICE_VARIANTS = 1 + len(SPEEDS) + len(_LINES) + _CHAINS


def copies_of(data: bytes) -> list[np.ndarray]:
    """The bytes of a recording → float32 samples at 22,050 Hz: :data:`CLEAN`, then augmented ones, :data:`VOICE_VARIANTS` in all, then
    one for each of :data:`models.data.corruptions.CORRUPTIONS`."""
    clean = extract_audio(read_sound(data)).samples
    rng = np.random.default_rng(seed_of(data))
    copies = [clean, *(speed(clean, factor) for factor in SPEEDS)]
    copies += [random_line(clean, rng, kind) for kind in _LINES] + [random_voice(clean, rng) for _ in range(_CHAINS)]
    return [*copies, *(corrupt(clean) for corrupt in CORRUPTIONS[Modality.AUDIO].values())]

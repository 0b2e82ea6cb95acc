"""Copies of a voice: clean ones at other speeds, augmented ones, and corrupted ones, in this order."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from features import Modality
from features.audio import extract_audio
from features.media import read_sound
from models.data import augmentation
from models.data.cache import seed_of
from models.data.copies import CLEAN, SPEEDS, VOICE_VARIANTS, copies_of
from models.data.corruptions import CORRUPTIONS
from tests.conftest import tone, wav


@pytest.fixture(scope="module")
def data() -> bytes:
    return wav(tone(0.8, 300) * np.linspace(0.2, 1, 17_640))


@pytest.fixture(scope="module")
def copies(data) -> list[np.ndarray]:
    return copies_of(data)


def test_there_are_clean_augmented_and_corrupted_ones(copies, data):
    clean = extract_audio(read_sound(data)).samples
    assert (CLEAN.start, CLEAN.stop, VOICE_VARIANTS) == (0, 7, 21)
    assert len(copies) == VOICE_VARIANTS + len(CORRUPTIONS[Modality.AUDIO])
    assert_allclose(copies[0], clean)
    for factor, copy in zip(SPEEDS, copies[1 : CLEAN.stop], strict=True):
        assert_allclose(copy, augmentation.speed(clean, factor))
        assert len(copy) == pytest.approx(len(clean) / factor, rel=0.01)
    for copy, corrupt in zip(copies[VOICE_VARIANTS:], CORRUPTIONS[Modality.AUDIO].values(), strict=True):
        assert_allclose(copy, corrupt(clean))


def test_augmented_ones_are_the_same_for_the_same_bytes_and_others_for_others(copies, data):
    """Drawn from a seed that is the file's own, one line after the other, then chains of them."""
    clean, rng = copies[0], np.random.default_rng(seed_of(data))
    lines = ["telephone"] * 3 + ["noise"] * 3 + ["room"] * 2 + ["codec", "microphone"]
    expected = [augmentation.random_line(clean, rng, kind) for kind in lines] + [augmentation.random_voice(clean, rng) for _ in range(4)]
    for copy, own in zip(copies[CLEAN.stop : VOICE_VARIANTS], expected, strict=True):
        assert_allclose(copy, own)
    other = copies_of(data + b"\0")
    assert_allclose(other[0], copies[0])
    assert all(a.shape != b.shape or np.abs(a - b).max() > 0 for a, b in zip(copies[CLEAN.stop : 17], other[CLEAN.stop : 17], strict=True))

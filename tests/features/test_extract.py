"""One recording, 552 numbers: what is judged where a modality is missing, silent or shows nothing."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from features import N_AUDIO, extract
from tests.conftest import SAMPLE, encode_video, tone, wav

WALL = [np.full((120, 160, 3), 90, np.uint8)] * 31


def maps_of(crops: np.ndarray) -> np.ndarray:
    """A backbone whose every map is the brightness of the crop."""
    return np.broadcast_to(crops.mean(axis=(1, 2, 3), dtype=np.float32)[:, None, None, None], (len(crops), 512, 7, 7))


@pytest.mark.parametrize("own_file", [True, False])
def test_a_wall_beside_a_voice_is_not_judged(own_file):
    """What is in the middle of a picture without a face is no evidence."""
    voice = wav(tone(1.0)) if own_file else None
    found = extract(voice, encode_video(WALL, sound=np.random.default_rng(0).normal(0, 0.1, 22_050)), maps_of)
    assert found.video is None
    assert np.isnan(found.vector[N_AUDIO:]).all()
    if voice:
        assert_array_equal(found.vector, extract(voice, None, maps_of).vector)
    (said,) = [warning for warning in found.warnings if "No face" in warning]
    assert "only the voice was judged" in said
    assert not any("judged together" in warning for warning in found.warnings)


def test_a_wall_alone_or_beside_silence_is_judged_by_its_middle_and_says_so():
    for silence in (None, wav(np.zeros(22_050))):
        found = extract(silence, encode_video(WALL), maps_of)
        assert found.video is not None
        assert found.video.fallback
        assert np.isnan(found.vector[:N_AUDIO]).all()
        (said,) = [warning for warning in found.warnings if "No face" in warning]
        assert "the middle of the picture was used" in said
        assert "voice alone" not in said


def test_a_face_beside_a_voice_is_judged_with_it():
    found = extract((SAMPLE / "sample.wav").read_bytes(), (SAMPLE / "sample.mp4").read_bytes(), maps_of)
    assert np.isfinite(found.vector).all()
    assert not any("face" in warning.lower() for warning in found.warnings)

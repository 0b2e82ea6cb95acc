"""An offset, numbers above full scale and digital silence: what nobody hears changes nothing."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from features.audio import extract_audio, voice_of
from features.media import Sound, read_sound
from features.media.level import digital_silence, offset_of, sounding, without_offset
from features.speech import is_silent
from tests.conftest import wav
from tests.features.media.test_channels import RATE, VOICE


@settings(max_examples=30, deadline=None)
@given(st.floats(0.001, 0.5), st.sampled_from([-1, 1]), st.sampled_from([0.01, 0.3, 1.0]))
def test_an_offset_of_any_size_is_found(size, sign, level):
    found = offset_of((level * VOICE + sign * size).astype(np.float32), RATE)
    assert found == pytest.approx(sign * size, abs=1e-4 + 1e-3 * level)


def test_digital_silence_around_an_offset_stays_silent():
    between = np.concatenate([np.zeros(RATE), VOICE + 0.1, np.zeros(RATE)]).astype(np.float32)
    mended = without_offset(between, offset_of(between, RATE))
    assert not mended[:RATE].any()
    assert not mended[-RATE:].any()
    assert_allclose(mended[RATE:-RATE], VOICE, atol=1e-3)


def test_what_has_no_offset_is_the_very_same_array():
    assert offset_of(VOICE, RATE) == 0.0
    assert without_offset(VOICE, 0.0) is VOICE
    assert voice_of(Sound(VOICE[:, None], 22_050)).samples is not None
    assert_array_equal(voice_of(Sound(VOICE[:, None], 22_050)).samples, VOICE)


def test_a_single_zero_is_no_silence():
    wave = np.ones(1000, np.float32)
    wave[10] = wave[500] = 0
    assert not digital_silence(wave).any()
    wave[300:400] = 0
    assert digital_silence(wave).sum() == 100
    assert len(sounding(wave)) == 898


@pytest.mark.parametrize("gain", [1.5, 4.0, 32_768.0, 2.0**31])
def test_floating_point_above_full_scale_is_scaled(gain):
    full = VOICE / np.abs(VOICE).max()
    found = extract_audio(read_sound(wav(gain * full, 22_050, "FLOAT")))
    assert_allclose(found.samples, full, atol=1e-4)


def test_a_voice_between_hours_of_digital_silence_is_no_silence():
    assert not is_silent(np.concatenate([np.zeros(10**6), 0.002 * VOICE[:2000]]).astype(np.float32))
    assert is_silent(np.zeros(100, np.float32))
    assert is_silent(np.full(100, 0.3, np.float32))


def test_the_removed_offset_is_kept_for_whoever_asks():
    assert extract_audio(read_sound(wav(VOICE + 0.25, 22_050, "FLOAT"))).offset == pytest.approx(0.25, abs=1e-3)

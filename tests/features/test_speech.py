"""One detector of sound and silence, by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from features.audio import HOP, N_MELS, RATE, mel_spectrogram_db, mfcc
from features.speech import SILENT, active_span, is_silent, sounding_span, speech_span, speech_span_of_bands
from tests.conftest import tone


@pytest.mark.parametrize("constant", [0.0, 0.3, -1.0, 1e-6])
def test_a_constant_is_silence_whatever_its_height(constant):
    assert is_silent(np.full(RATE, constant, np.float32))


@pytest.mark.parametrize(("deviation", "silent"), [(0.5, True), (0.99, True), (1.01, False), (100.0, False)])
def test_silence_ends_80_db_below_full_scale(deviation, silent):
    """Also on top of a constant."""
    samples = np.resize([1.0, -1.0], 2 * RATE) * deviation * SILENT
    assert pytest.approx(10 ** (-80 / 20)) == SILENT
    assert is_silent(samples) == silent
    assert is_silent((samples + 0.25).astype(np.float32)) == silent


@given(st.lists(st.floats(-100, 100), min_size=1, max_size=30), st.floats(0, 150))
def test_a_span_reaches_from_the_first_to_the_last_frame_that_is_loud_enough(levels, margin):
    loud = [k for k, level in enumerate(levels) if level >= max(levels) - margin]
    assert active_span(np.array(levels), margin) == (min(loud), max(loud) + 1)


def test_a_gap_in_the_middle_belongs_to_the_span():
    assert active_span(np.array([0.0, 60.0, 0.0, 0.0, 41.0, 39.0]), 20.0) == (1, 5)
    assert active_span(np.zeros(4), 0.0) == (0, 4)


def test_the_sounding_span_goes_by_the_loudest_band():
    """One band 39 dB below the loudest is sound, 41 dB is not, however quiet all others are."""
    mel_db = np.full((N_MELS, 7), -80.0)
    mel_db[:, 3] = -10.0
    mel_db[5, 1], mel_db[90, 6] = -49.0, -49.9
    mel_db[7, 0] = -51.0
    assert sounding_span(mel_db) == (1, 7)


def test_the_speech_span_goes_by_the_mean_of_all_bands():
    """250 of MFCC 0 are 250 ÷ √128 = 22.1 dB."""
    means = np.array([-80.0, -32.2, -32.0, -10.0, -80.0, -32.0, -32.2])
    mel_db = np.repeat(means[None], N_MELS, axis=0)
    mel_db[::2] += 15.0
    mel_db[1::2] -= 15.0
    assert_allclose(mfcc(mel_db)[0], np.sqrt(N_MELS) * means)
    assert speech_span(mfcc(mel_db)) == (2, 6)


def test_of_bands_the_speech_span_is_the_same_on_any_scale():
    """22 dB below the loudest moment, of the mean over the bands."""
    means = np.array([-80.0, -32.1, -31.9, -10.0, -80.0, -31.9, -32.1])
    mel_db = np.repeat(means[None], 80, axis=0)
    mel_db[::2] += 15.0
    mel_db[1::2] -= 15.0
    assert speech_span_of_bands(mel_db) == (2, 6)
    rng = np.random.default_rng(0)
    samples = 1e-4 * rng.standard_normal(2 * RATE)
    samples[RATE // 2 : RATE] += 0.1 * rng.standard_normal(RATE // 2)
    whole = mel_spectrogram_db(samples.astype(np.float32))
    assert speech_span_of_bands(whole) == speech_span(mfcc(whole))


@pytest.mark.parametrize("start", [0.2, 0.9, 1.5])
def test_both_find_a_burst_of_sound(start):
    samples = 1e-4 * np.random.default_rng(0).standard_normal(2 * RATE)
    at = int(start * RATE)
    samples[at : at + RATE // 4] += tone(0.25) + 0.1 * np.random.default_rng(1).standard_normal(RATE // 4)
    mel_db = mel_spectrogram_db(samples.astype(np.float32))
    for first, last in (sounding_span(mel_db), speech_span(mfcc(mel_db))):
        assert first * HOP / RATE == pytest.approx(start, abs=0.06)  # a window reaches 46 ms to either side
        assert (last - 1) * HOP / RATE == pytest.approx(start + 0.25, abs=0.06)

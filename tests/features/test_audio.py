"""MFCCs against librosa, at its defaults."""

import io

import librosa
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from features import log_mel
from features.audio import (
    N_MELS,
    RATE,
    SCALE,
    AudioFeatures,
    dct_matrix,
    extract_audio,
    hz_to_mel,
    mel_centres,
    mel_edges,
    mel_filters,
    mel_spectrogram_db,
    mel_to_hz,
    mfcc,
    mfcc_features,
    power_spectrogram,
)
from features.media import MediaError, Sound, read_sound
from tests.conftest import tone, wav


def speechlike(seconds: float, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    n = int(seconds * RATE)
    envelope = np.abs(np.sin(np.linspace(0, 9, n))) ** 3
    return (envelope * (0.2 * rng.standard_normal(n) + tone(seconds, 180)[:n])).astype(np.float32)


def test_mel_filters_are_librosas():
    assert_allclose(mel_filters(), librosa.filters.mel(sr=RATE, n_fft=2048, n_mels=128), atol=1e-7)


def test_mel_scale_is_librosas_and_inverts():
    hz = np.linspace(0, 11_025, 200)
    assert_allclose(hz_to_mel(hz), librosa.hz_to_mel(hz), atol=1e-9)
    assert_allclose(mel_to_hz(hz_to_mel(hz)), hz, atol=1e-7)


def test_power_spectrogram_is_librosas():
    y = speechlike(1.3)
    expected = np.abs(librosa.stft(y)) ** 2
    assert_allclose(power_spectrogram(y), expected, rtol=1e-3, atol=1e-6 * expected.max())


@pytest.mark.parametrize("seconds", [0.1, 0.9, 3.3])
@pytest.mark.parametrize("gain", [1.0, 1e-3, 0.0])
def test_mfcc_is_librosas(seconds, gain):
    y = gain * speechlike(seconds)
    assert_allclose(mfcc(mel_spectrogram_db(y)), librosa.feature.mfcc(y=y, sr=RATE, n_mfcc=40), atol=1e-3)


@settings(max_examples=30, deadline=None)
@given(st.integers(2205, 40_000), st.integers(0, 2**31), st.floats(1e-4, 1.0))
def test_mfcc_is_librosas_for_any_length(n, seed, gain):
    y = (gain * np.random.default_rng(seed).standard_normal(n)).astype(np.float32)
    assert_allclose(mfcc(mel_spectrogram_db(y)), librosa.feature.mfcc(y=y, sr=RATE, n_mfcc=40), atol=2e-3)


@pytest.mark.parametrize(
    ("rate", "channels", "subtype"), [(48_000, 1, "PCM_16"), (44_100, 2, "PCM_24"), (8000, 1, "PCM_16"), (192_000, 2, "FLOAT")]
)
def test_whole_voice_path_is_librosas(rate, channels, subtype):
    samples = np.stack([tone(1.1, 200 * (c + 1), rate) for c in range(channels)], axis=1)
    data = wav(samples, rate, subtype)
    y, _ = librosa.load(io.BytesIO(data), sr=RATE, mono=True)
    features = extract_audio(read_sound(data))
    assert_allclose(features.samples, y, atol=1e-6)
    assert_allclose(features.vector, librosa.feature.mfcc(y=y, sr=RATE, n_mfcc=40).mean(axis=1), atol=1e-3)
    assert (features.source_rate, features.channels) == (rate, channels)


def test_another_encoder_is_given_the_mono_sound_and_its_numbers_are_kept():
    """The seam for other encoders of voices; what the file was like is noted for it."""
    stereo = np.stack([tone(0.5, 300, 44_100), 0.5 * tone(0.5, 300, 44_100)], axis=1).astype(np.float32)
    given: list[np.ndarray] = []

    def encoder(samples: np.ndarray) -> AudioFeatures:
        given.append(samples)
        return AudioFeatures(samples, np.zeros((128, 3), np.float32), np.arange(40.0))

    found = extract_audio(Sound(stereo, 44_100), encoder)
    assert_allclose(given[0], librosa.resample(stereo.mean(axis=1), orig_sr=44_100, target_sr=RATE, res_type="soxr_hq"), atol=1e-5)
    assert found.vector.tolist() == list(range(40))
    assert (found.source_rate, found.channels) == (44_100, 2)


def test_the_vector_is_the_mean_of_the_frames():
    features = mfcc_features(speechlike(0.7))
    assert_allclose(features.frame_vectors, librosa.feature.mfcc(y=features.samples, sr=RATE, n_mfcc=40), atol=1e-3)
    assert_allclose(features.frame_vectors.mean(axis=1), features.vector, atol=1e-4)


def test_other_samples_of_the_same_file_are_another_recording_of_it():
    original = extract_audio(Sound(np.zeros((8000, 3), np.float32), 8000))
    other = original.with_samples(speechlike(0.9).astype(np.float64))
    assert_allclose(other.vector, mfcc_features(speechlike(0.9)).vector)
    assert other.samples.dtype == np.float32
    assert (other.seconds, other.source_rate, other.channels) == (pytest.approx(0.9, abs=1e-4), 8000, 3)
    assert not original.samples.any()


def test_dct_rows_are_orthonormal():
    assert_allclose(dct_matrix() @ dct_matrix().T, np.eye(40), atol=1e-12)


def test_a_tone_lies_in_its_band():
    edges = mel_edges()
    for hz in (150, 440, 1000, 3000, 9000):
        band = mel_spectrogram_db(tone(1.0, hz).astype(np.float32)).mean(axis=1).argmax()
        assert edges[band] - 12 <= hz <= edges[band + 1] + 12  # half an FFT bin


def test_too_short_is_refused():
    with pytest.raises(MediaError, match="10 ms"):
        extract_audio(Sound(np.zeros((220, 1), np.float32), 22_000))


def test_a_frequency_lies_in_its_band():
    inner = slice(1, -1)  # the outermost reach to 0 Hz and to the Nyquist frequency
    assert_allclose(SCALE.bands_at(tuple(mel_centres()))[inner], np.arange(N_MELS)[inner] + 0.5, atol=0.05)
    assert_allclose(SCALE.bands_at((0, RATE // 2)), [0, N_MELS])


@pytest.mark.parametrize("scale", [SCALE, log_mel.SCALE])
def test_a_click_lies_in_the_frame_that_a_scale_says(scale):
    samples = np.zeros(scale.rate, np.float32)
    samples[scale.rate // 3] = 1.0
    power = mel_spectrogram_db(samples) if scale is SCALE else log_mel.power_to_db(log_mel.mel_power(samples))
    loudest = int(power.mean(axis=0).argmax())
    start, end = scale.starts(np.array([loudest, loudest + 1]))
    assert start <= 1 / 3 <= end
    assert len(power) == scale.bands == len(scale.edges) - 1
    assert scale.edges[-1] == scale.rate / 2

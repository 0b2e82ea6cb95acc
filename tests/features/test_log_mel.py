"""Our log-mel spectrogram against Whisper's own, our filters against librosa's."""

import librosa
import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from features.audio import mel_edges, mel_filters, to_mono
from features.log_mel import HOP, N_FFT, N_MELS, RATE, db_to_log_mel, log_mel, mel_power, power_to_db
from tests.conftest import SAMPLE, tone


def speech() -> np.ndarray:
    samples, rate = soundfile.read(SAMPLE / "sample.wav", dtype="float32", always_2d=True)
    return to_mono(samples, rate, RATE)


def noise(n: int, gain: float = 0.1, seed: int = 0) -> np.ndarray:
    return (gain * np.random.default_rng(seed).standard_normal(n)).astype(np.float32)


SOUNDS = {
    "speech": speech,
    "noise": lambda: noise(RATE),
    "tone": lambda: tone(1.0, 440, RATE).astype(np.float32),
    "high tone": lambda: tone(1.0, 7900, RATE).astype(np.float32),
    "near silence": lambda: noise(RATE, 1e-6),
    "silence": lambda: np.zeros(RATE, np.float32),
    "click": lambda: np.eye(1, RATE, 7777, dtype=np.float32)[0],
    "speech after silence": lambda: np.concatenate([np.zeros(RATE, np.float32), speech()]),
    "not a multiple of the hop": lambda: speech()[: 3 * RATE + 77],
    "just under a frame more": lambda: noise(10 * HOP - 1),
    "a minute": lambda: noise(60 * RATE + 1),
}


def test_the_filters_are_librosas():
    assert_allclose(mel_filters(RATE, N_FFT, N_MELS), librosa.filters.mel(sr=RATE, n_fft=N_FFT, n_mels=N_MELS), atol=1e-7)


def test_the_filters_are_whispers():
    audio = pytest.importorskip("whisper.audio")
    assert_allclose(mel_filters(RATE, N_FFT, N_MELS), audio.mel_filters("cpu", N_MELS).numpy(), atol=1e-7)


@pytest.mark.parametrize("name", SOUNDS)
def test_it_is_whispers(name):
    whisper = pytest.importorskip("whisper")
    samples = SOUNDS[name]()
    found = log_mel(samples)
    assert (found.dtype, found.shape) == (np.float32, (N_MELS, len(samples) // HOP))
    assert_allclose(found, whisper.log_mel_spectrogram(samples).numpy(), rtol=0, atol=1e-4)


@settings(max_examples=30, deadline=None)
@given(st.integers(201, 40_000), st.integers(0, 2**31), st.floats(1e-5, 1.0))
def test_it_is_whispers_for_any_length(n, seed, gain):
    whisper = pytest.importorskip("whisper")
    samples = noise(n, gain, seed)
    assert_allclose(log_mel(samples), whisper.log_mel_spectrogram(samples).numpy(), rtol=0, atol=1e-4)


def test_the_shortest_sound_is_one_frame():
    assert log_mel(noise(HOP)).shape == (N_MELS, 1)
    with pytest.raises(ValueError, match="159 samples"):
        log_mel(noise(HOP - 1))


def test_power_and_db_are_each_others_inverse():
    power = mel_power(speech())
    loud = power > 1e-9
    assert loud.mean() > 0.5
    assert_allclose((10 ** (power_to_db(power) / 10))[loud], power[loud], rtol=1e-5)
    assert_allclose(power_to_db(np.array([1e-3, 0.0, 1e-12])), [-30, -100, -100])


def test_power_is_librosas():
    samples = speech()
    expected = librosa.feature.melspectrogram(
        y=samples, sr=RATE, n_fft=N_FFT, hop_length=HOP, n_mels=N_MELS, power=2.0, center=True, pad_mode="reflect"
    )[:, : len(samples) // HOP]
    assert_allclose(mel_power(samples), expected, rtol=1e-3, atol=1e-6 * expected.max())


def test_each_recording_of_a_batch_is_cut_off_below_its_own_maximum():
    db = np.stack([power_to_db(mel_power(gain * speech())) for gain in (1, 0.01)])
    both = db_to_log_mel(db)
    assert_allclose(both[1], db_to_log_mel(db[1]))
    assert_allclose(both.max(axis=(1, 2)) - both.min(axis=(1, 2)), [2, (db[1].max() + 100) / 40], rtol=1e-5)  # 80 dB; silence at −100
    assert both.dtype == np.float32


def test_borders_lie_halfway_between_the_centres_of_librosas_bands():
    centres = librosa.mel_frequencies(N_MELS + 2, fmin=0, fmax=RATE / 2)[1:-1]
    assert_allclose(mel_edges(RATE, N_MELS), [0, *((centres[1:] + centres[:-1]) / 2), RATE / 2], rtol=1e-9)


@pytest.mark.parametrize("rate", [8000, 22_050, 44_100, 48_000])
def test_resampled_as_by_librosa(rate):
    left, right = (tone(1.1, hz, rate).astype(np.float32) for hz in (200, 900))
    found = to_mono(np.stack([left, right], axis=1), rate, RATE)
    expected = librosa.resample((left + right) / 2, orig_sr=rate, target_sr=RATE, res_type="soxr_hq")
    assert found.dtype == np.float32
    assert_allclose(found, expected, atol=1e-6)


def test_sound_at_16_khz_is_left_as_it_is():
    assert_allclose(to_mono(noise(1000)[:, None], RATE, RATE), noise(1000))

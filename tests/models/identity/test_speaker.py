"""Resemblyzer's speaker encoder."""

import numpy as np
import soundfile
import soxr
import torch
from numpy.testing import assert_allclose

from models.identity.speaker import load_speaker_encoder, speaker_codes


def read(data, name: str) -> np.ndarray:
    samples, rate = soundfile.read(data / "ravdess_speech" / f"Actor_{name[-2:]}" / f"{name}.flac", dtype="float32")
    return soxr.resample(samples, rate, 16_000)


def test_one_voice_is_more_alike_than_two(data):
    own = [speaker_codes(read(data, f"03-01-0{emotion}-01-0{text}-01-03"), np.array([0.8]))[0] for emotion, text in ((1, 1), (2, 2))]
    other = speaker_codes(read(data, "03-01-01-01-01-01-12"), np.array([0.8]))[0]
    assert own[0] @ own[1] > 0.7
    assert own[0] @ own[1] > own[0] @ other + 0.05


def test_codes_have_unit_length_and_windows_their_place():
    noise = np.random.default_rng(0).normal(0, 0.1, 64_000).astype(np.float32)
    starts = np.array([0.0, 0.5, 2.0])
    codes = speaker_codes(noise, starts)
    assert codes.shape == (3, 256)
    assert_allclose(np.linalg.norm(codes, axis=1), 1, atol=1e-5)
    assert_allclose(speaker_codes(noise, starts[1:2])[0], codes[1], atol=1e-5)
    short = speaker_codes(noise[:8000], np.array([0.0]))
    assert short.shape == (1, 256)


def test_quiet_speech_is_raised_and_loud_speech_left():
    noise = np.random.default_rng(1).normal(0, 0.001, 32_000).astype(np.float32)
    assert_allclose(speaker_codes(noise, np.zeros(1)), speaker_codes(noise * 5, np.zeros(1)), atol=1e-4)


def test_the_network_is_the_paper_s():
    """Three layers of 256 cells, the last hidden state, a linear layer, ReLU and unit length."""
    encoder, mel = load_speaker_encoder(), torch.rand(2, 160, 40)
    with torch.no_grad():
        out, _ = encoder.lstm(mel)
        raw = torch.relu(out[:, -1] @ encoder.linear.weight.T + encoder.linear.bias)
        assert_allclose(encoder(mel), raw / raw.norm(dim=1, keepdim=True), atol=1e-6)

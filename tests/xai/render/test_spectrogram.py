"""Pictures of sound: quiet is dark, high is up, and evidence lies at its seconds and hertz."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from features.audio import HOP, RATE
from features.patches import patch_grid, segments
from tests.recordings import make_audio
from xai.explanation import SoundPatches
from xai.render.spectrogram import spectrogram_picture, waveform_envelope

NONE = SoundPatches(np.zeros((0, 4), int), np.zeros((0, 4)))


def test_evidence_lies_at_its_time_and_pitch():
    audio = make_audio(np.random.default_rng(0).normal(0, 0.1, 2 * RATE))
    cells = patch_grid(audio.mel_db).cells
    heat = np.zeros(len(cells))
    patch = 8 * 4 + 2  # the fifth of ten columns, the third of eight rows from below
    heat[patch], heat[patch + 1] = 1.0, -1.0
    picture = spectrogram_picture(audio, SoundPatches(cells, segments(cells, audio.seconds)), heat).astype(int)
    warm = np.argwhere(picture[..., 0] - picture[..., 2] > 30)
    (top, left), (bottom, right) = warm.min(axis=0) / picture.shape[:2], warm.max(axis=0) / picture.shape[:2]
    assert_allclose([top, bottom, left, right], [5 / 8, 6 / 8, 0.4, 0.5], atol=0.02)
    cool = np.argwhere(picture[..., 2] - picture[..., 0] > 30)
    assert cool[:, 0].max() < warm[:, 0].min() + 2


def test_quiet_is_dark_and_high_is_up():
    time = np.arange(2 * RATE) / RATE
    high = np.sin(2 * np.pi * 6000 * time) * (time > 1)
    low = np.sin(2 * np.pi * 200 * time) * (time < 1)
    picture = spectrogram_picture(make_audio(high + low), NONE, np.zeros(0))[..., 0].astype(float)
    half = picture.shape[1] // 2
    assert picture[:80, half + 30 :].max() > 200 > 100 > picture[150:, half + 60 :].mean()
    assert picture[200:, : half - 30].max() > 200 > 100 > picture[:100, : half - 60].mean()


@pytest.mark.parametrize(("seconds", "width"), [(0.5, 800), (12, 2 * (1 + 12 * RATE // HOP)), (60, 1600)])
def test_a_picture_is_as_wide_as_the_recording_is_long_within_bounds(seconds, width):
    audio = make_audio(np.random.default_rng(0).normal(0, 0.1, int(seconds * RATE)))
    assert spectrogram_picture(audio, NONE, np.zeros(0)).shape == (256, width, 3)


@pytest.mark.parametrize("length", [1, 7, 800, 12_345])
def test_an_envelope_keeps_every_peak(length):
    samples = np.random.default_rng(0).normal(size=length)
    times, low, high = waveform_envelope(samples)
    assert len(times) == len(low) == len(high) == min(800, length)
    assert (low.min(), high.max()) == (samples.min(), samples.max())
    starts = (times * RATE).round().astype(int)
    for start, end, lowest, highest in zip(starts, [*starts[1:], length], low, high, strict=True):
        assert (lowest, highest) == (samples[start:end].min(), samples[start:end].max())

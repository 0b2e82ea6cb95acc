"""What happens to recordings in the world does what it says."""

import cv2
import numpy as np
import pytest
from numpy.testing import assert_allclose
from skimage.data import astronaut

from features.audio import RATE, mean_mfcc, mel_spectrogram_db
from models.data import augmentation
from tests.conftest import tone


def level_db(samples: np.ndarray) -> float:
    return 10 * np.log10(np.mean(samples.astype(float) ** 2))


def level_at(samples: np.ndarray, hz: float) -> float:
    """dB of one frequency, with the first quarter left out (filters settle)."""
    part = samples[len(samples) // 4 :]
    phase = np.exp(-2j * np.pi * hz * np.arange(len(part)) / RATE)
    return 20 * np.log10(np.abs(np.mean(part * phase)) + 1e-12)


def test_gain_adds_sqrt_128_db_to_mfcc_0_alone():
    rng = np.random.default_rng(0)
    y = (0.1 * rng.standard_normal(RATE)).astype(np.float32)
    before, after = (mean_mfcc(mel_spectrogram_db(x)) for x in (y, augmentation.gain(y, -10)))
    assert after[0] - before[0] == pytest.approx(-10 * np.sqrt(128), rel=1e-3)
    assert_allclose(after[1:], before[1:], atol=1e-3)


def test_band_pass_keeps_the_middle():
    y = sum(tone(1.0, hz) for hz in (100, 1000, 6000)).astype(np.float32)
    out = augmentation.band_pass(y)
    assert abs(level_at(out, 1000) - level_at(y, 1000)) < 1
    assert level_at(out, 100) < level_at(y, 100) - 30
    assert level_at(out, 6000) < level_at(y, 6000) - 15


def test_low_pass_cuts_the_top():
    y = (tone(1.0, 500) + tone(1.0, 9000)).astype(np.float32)
    out = augmentation.low_pass(y, 4000)
    assert abs(level_at(out, 500) - level_at(y, 500)) < 0.5
    assert level_at(out, 9000) < level_at(y, 9000) - 30


def test_tilt_turns_around_1_khz():
    y = sum(tone(1.0, hz) for hz in (500, 1000, 4000)).astype(np.float32)
    out = augmentation.tilt(y, 3.0)
    assert_allclose([level_at(out, hz) - level_at(y, hz) for hz in (500, 1000, 4000)], [-3, 0, 6], atol=0.2)


@pytest.mark.parametrize("colour", [0.0, 1.0])
def test_noise_lies_as_far_below_as_asked(colour):
    y = tone(2.0).astype(np.float32)
    out = augmentation.noise(y, 20, np.random.default_rng(0), colour)
    assert level_db(y) - level_db(out - y) == pytest.approx(20, abs=0.2)


def test_reverb_rings_on():
    y = np.zeros(RATE, np.float32)
    y[0] = 1
    out = augmentation.reverb(y, 0.5, np.random.default_rng(0))
    assert out[0] == pytest.approx(1, abs=0.2)
    early, late = (np.sum(out[int(a * RATE) : int(b * RATE)] ** 2) for a, b in ((0.01, 0.1), (0.4, 0.5)))
    assert 0 < late < early / 100


def test_speed_raises_the_pitch():
    out = augmentation.speed(tone(1.0, 400).astype(np.float32), 1.05)
    assert abs(np.abs(np.fft.rfft(out)).argmax() * RATE / len(out) - 420) < 2


def test_aac_is_heard_where_it_was_said():
    """The encoder starts one frame early and ends when it likes: the result lies on the original all the same."""
    rng = np.random.default_rng(0)
    for n in (1500, 4096, 20_001):
        y = augmentation.low_pass((0.2 * rng.standard_normal(n)).astype(np.float32), 3000)
        out = augmentation.aac(y)
        assert (out.dtype, out.shape) == (np.float32, y.shape)
        assert np.correlate(out, y, "full").argmax() == n - 1
        assert np.corrcoef(out, y)[0, 1] > 0.8
        assert np.abs(out - y).max() > 1e-3


def test_fewer_bits_lose_more():
    y = (0.2 * np.random.default_rng(0).standard_normal(RATE)).astype(np.float32)
    coarse, fine = (level_db(augmentation.aac(y, kilobits) - y) for kilobits in (16, 96))
    assert fine < coarse - 3


@pytest.mark.parametrize(
    ("kind", "check"),
    [
        ("telephone", lambda y, out: level_at(out, 100) < level_at(y, 100) - 6 and level_at(out, 6000) < level_at(y, 6000) - 6),
        ("noise", lambda y, out: -35.5 < level_db(out - y) - level_db(y) < -9.5),
        ("codec", lambda y, out: level_at(out, 1000) > level_at(y, 1000) - 1 and level_db(out) < level_db(y)),
        ("microphone", lambda y, out: abs(level_at(out, 1000) - level_at(y, 1000)) < 0.2 and np.abs(out - y).max() > 1e-3),
        ("room", lambda y, out: level_db(out[-3000:]) > level_db(y[-3000:]) + 20),
    ],
)
def test_a_random_line_is_of_the_kind_that_was_asked_for(kind, check):
    y = sum(tone(1.0, hz) for hz in (100, 1000, 6000, 10_500)).astype(np.float32)
    y[-4000:] *= 1e-4
    outs = [augmentation.random_line(y, np.random.default_rng(seed), kind) for seed in range(8)]
    for seed, out in enumerate(outs):
        assert (out.dtype, out.shape) == (np.float32, y.shape)
        assert check(y, out), seed
        assert (out == augmentation.random_line(y, np.random.default_rng(seed), kind)).all()
    assert len({float(np.abs(out).sum()) for out in outs}) == 8  # of another strength each time


def test_a_line_of_no_kind_is_refused():
    with pytest.raises(KeyError):
        augmentation.random_line(tone(0.2).astype(np.float32), np.random.default_rng(0), "gramophone")


def test_rolling_by_nothing_changes_nothing_and_by_a_right_angle_turns():
    face = cv2.resize(astronaut(), (224, 224))
    assert (augmentation.roll(face, 0.0) == face).all()
    turned = augmentation.roll(face, 90.0)[2:-2, 2:-2].ravel()
    left, right = (np.corrcoef(turned, np.rot90(face, k)[2:-2, 2:-2].ravel())[0, 1] for k in (1, -1))
    assert left > 0.94
    assert right < 0.5


def test_random_chains_are_seeded_and_finite():
    y = tone(0.7).astype(np.float32)
    for seed in range(20):
        first, again = (augmentation.random_voice(y, np.random.default_rng(seed)) for _ in range(2))
        assert_allclose(first, again, atol=0)
        assert np.isfinite(first).all()
        assert len(first) > 0.6 * len(y)
    face = cv2.resize(astronaut(), (224, 224))
    views = [augmentation.random_face(face, np.random.default_rng(s)) for s in range(20)]
    assert all(v.shape == face.shape and v.dtype == np.uint8 for v in views)
    assert all((v != face).any() for v in views)
    assert (views[3] == augmentation.random_face(face, np.random.default_rng(3))).all()

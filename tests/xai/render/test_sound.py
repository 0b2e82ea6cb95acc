"""The sound of the evidence: cut from the recording's own spectrum, and nothing added to it."""

import io

import librosa
import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from features.audio import RATE
from features.patches import patch_grid
from tests.conftest import tone
from tests.xai.conftest import make_audio
from tests.xai.planted import TARGET, tone_burst
from xai.explanation import Contrast
from xai.render.sound import level_matched, strongest_patches, take_apart, to_wav


def energy(samples: np.ndarray, low: float, high: float, start: float = 0.0, end: float = 1e9) -> float:
    """Of a band between two moments, by librosa's STFT."""
    power = np.abs(librosa.stft(samples, n_fft=2048, hop_length=512)) ** 2
    hertz, times = librosa.fft_frequencies(sr=RATE, n_fft=2048), librosa.frames_to_time(np.arange(power.shape[1]), sr=RATE)
    return float(power[np.ix_((hertz >= low) & (hertz < high), (times >= start) & (times < end))].sum())


def test_both_parts_add_up_to_the_recording():
    rng = np.random.default_rng(0)
    for count in (100, 2047, 2048, 30_001):  # shorter than a window, too
        audio = make_audio(0.1 * rng.standard_normal(count))
        cells = patch_grid(audio.mel_db).cells
        heard = take_apart(audio, cells, rng.normal(size=len(cells)))
        assert_allclose(heard.evidence + heard.rest, audio.samples, atol=1e-6)
        assert np.isfinite(heard.evidence).all()


def test_everything_marked_gives_everything_that_sounds():
    audio = make_audio(tone(1.0, 700) + tone(1.0, 3000))
    cells = patch_grid(audio.mel_db).cells
    heard = take_apart(audio, cells, np.ones(len(cells)), share=1.0)
    inside = slice(4096, -4096)  # the mask's outer border is soft
    assert_allclose(heard.evidence[inside], audio.samples[inside], atol=2e-3)


@pytest.mark.parametrize("seed", range(4))
def test_a_planted_burst_is_in_the_evidence_and_not_in_the_rest(seed):
    planted = tone_burst(seed)
    audio, lime = planted.analysis.features.audio, planted.analysis.attributions["lime"]
    heard = take_apart(audio, lime.parts.cells, lime.of(Contrast(TARGET)))
    t0, t1, low, high = lime.parts.segments[int(planted.evidence.argmax())]
    whole = energy(audio.samples, low, high, t0, t1)
    assert energy(heard.evidence, low, high, t0, t1) > 0.7 * whole
    assert energy(heard.rest, low, high, t0, t1) < 0.1 * whole


def test_only_the_marked_band_and_time_are_heard():
    audio = make_audio(np.concatenate([tone(1.0, 400) + tone(1.0, 4000)] * 2))
    cells = patch_grid(audio.mel_db, (2, 2)).cells  # first and second half, low and high
    weights = np.zeros(len(cells))
    weights[[k for k, (a, _, low, _) in enumerate(cells.tolist()) if a == 0 and low == 0]] = 1.0
    heard = take_apart(audio, cells, weights)
    assert energy(heard.evidence, 300, 500, 0.2, 0.8) > 0.95 * energy(audio.samples, 300, 500, 0.2, 0.8)
    assert energy(heard.evidence, 3900, 4100) < 1e-3 * energy(audio.samples, 3900, 4100)
    assert energy(heard.evidence, 300, 500, 1.2, 1.8) < 1e-3 * energy(audio.samples, 300, 500, 1.2, 1.8)


def test_nothing_that_speaks_for_it_is_no_sound():
    audio = make_audio(tone(1.0))
    cells = patch_grid(audio.mel_db).cells
    assert take_apart(audio, cells, -np.ones(len(cells))) is None


@given(st.lists(st.floats(-5, 5, allow_subnormal=False), min_size=1, max_size=40), st.floats(0.05, 0.95))
def test_the_fewest_patches_that_carry_the_share(values, share):
    weights = np.array(values)
    chosen = strongest_patches(weights, share)
    positive = weights[weights > 0].sum()
    if positive == 0:
        assert len(chosen) == 0
        return
    assert (weights[chosen] > 0).all()
    assert weights[chosen].sum() >= share * positive * (1 - 1e-9)
    assert weights[chosen[:-1]].sum() < share * positive * (1 + 1e-9)  # one less would not do
    assert weights[chosen].min() >= np.delete(weights, chosen).max(initial=-np.inf)


def test_the_level_is_that_of_the_recording():
    audio = make_audio(tone(1.0, 400))
    for factor in (0.2, 1.0, 3.0):
        assert_allclose(level_matched(factor * audio.samples, audio.samples), audio.samples, rtol=1e-5)
    hiss = 1e-5 * audio.samples
    assert_allclose(level_matched(hiss, audio.samples), 10 * hiss, rtol=1e-5)  # 20 dB at most
    assert np.abs(level_matched(0.1 * audio.samples, 50 * audio.samples)).max() <= 0.99
    assert not level_matched(np.zeros(3000, np.float32), audio.samples).any()


def test_the_wav_is_the_sound():
    samples = tone(0.5).astype(np.float32)
    read, rate = soundfile.read(io.BytesIO(to_wav(samples)))
    assert rate == RATE
    assert_allclose(read, samples, atol=1e-4)

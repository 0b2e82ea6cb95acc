"""Patches of a spectrogram: they tile what sounds, and what hiding one changes is what the whole path says."""

import librosa
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from features.audio import HOP, N_MELS, RATE, mel_spectrogram_db, mfcc_features
from features.patches import GRID, Patches, patch_grid, segments
from features.speech import sounding_span
from tests.conftest import tone

RNG = np.random.default_rng


def spectrogram(seconds: float = 1.4, seed: int = 0) -> np.ndarray:
    """Noise in bursts, between silences."""
    samples = 1e-4 * RNG(seed).standard_normal(int(seconds * RATE))
    inside = slice(len(samples) // 5, 4 * len(samples) // 5)
    time = np.arange(len(samples)) / RATE
    samples[inside] += (0.2 * RNG(seed + 1).standard_normal(len(samples)) * (np.sin(25 * time) > -0.5))[inside]
    return mel_spectrogram_db(samples.astype(np.float32))


@pytest.fixture(scope="module")
def patches() -> Patches:
    return patch_grid(spectrogram())


def mfccs(mel_db: np.ndarray) -> np.ndarray:
    """(40, frames) of a whole spectrogram, by librosa."""
    return librosa.feature.mfcc(S=mel_db.astype(float), n_mfcc=40)


def faded(mel_db: np.ndarray, cells: np.ndarray) -> np.ndarray:
    """Band by band and frame by frame: the tenth percentile of a band in place of what lies in ``cells``."""
    out, ranked, place = mel_db.astype(float), np.sort(mel_db.astype(float), axis=1), 0.1 * (mel_db.shape[1] - 1)
    below, share = int(place), place % 1
    for first, last, low, high in cells:
        for band in range(low, high):
            out[band, first:last] = (1 - share) * ranked[band, below] + share * ranked[band, below + 1]
    return out


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 80), st.integers(1, 14), st.integers(1, 12))
def test_a_grid_tiles_what_sounds_and_nothing_else(seed, frames, columns, rows):
    mel_db = RNG(seed).uniform(-80, 0, (N_MELS, frames)).astype(np.float32)
    mel_db[:, : frames // 4] = -80.0
    first, last = sounding_span(mel_db)
    patches = patch_grid(mel_db, (columns, rows))
    times = np.zeros((N_MELS, frames), int)
    for a, b, low, high in patches.cells:
        assert b > a
        assert high > low
        times[low:high, a:b] += 1
    expected = np.zeros_like(times)
    expected[:, first:last] = 1
    assert_array_equal(times, expected)
    assert len(patches) == min(columns, last - first) * rows


def test_the_usual_grid_is_ten_moments_of_eight_bands_one_band_after_the_other(patches):
    assert GRID == (10, 8)
    assert len(patches) == 80
    steps, bands = (np.diff(patches.cells[:, [first, first + 1]], axis=1).ravel() for first in (0, 2))
    assert np.ptp(steps) <= 1
    assert set(bands) == {16}
    assert_array_equal(patches.cells[:8, 2], range(0, 128, 16))
    assert len(set(patches.cells[:8, 0])) == 1


def test_what_is_hidden_fades_to_the_quiet_level_of_its_band(patches):
    kept = RNG(0).random(len(patches)) < 0.5
    assert_allclose(patches.hidden(kept), faded(patches.mel_db, patches.cells[~kept]), atol=1e-4)
    assert_array_equal(patches.hidden(np.ones(80, bool)), patches.mel_db)
    nothing = patches.hidden(np.zeros(80, bool))
    first, last = sounding_span(patches.mel_db)
    assert np.ptp(nothing[:, first:last], axis=1).max() == 0
    assert_array_equal(nothing[:, :first], patches.mel_db[:, :first])


def test_the_recording_itself_is_left_alone(patches):
    before = patches.mel_db.copy()
    patches.hidden(np.zeros(80, bool))
    assert_array_equal(patches.mel_db, before)


def test_a_shift_is_the_difference_of_mean_mfccs_through_the_whole_spectrogram(patches):
    own = mfccs(patches.mel_db).mean(axis=1)
    expected = [mfccs(faded(patches.mel_db, [cell])).mean(axis=1) - own for cell in patches.cells]
    assert patches.shifts.shape == (80, 40)
    assert_allclose(patches.shifts, expected, atol=1e-4)
    assert np.abs(expected).max(axis=1).min() > 0.01  # every patch changes something


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10**6), st.floats(0.0, 1.0))
def test_shifts_of_several_patches_add_up(seed, share):
    """Which is why thousands of copies are one matrix product."""
    patches = patch_grid(spectrogram(0.8, 3))
    kept = RNG(seed).random(len(patches)) < share
    own, other = (mfccs(mel_db).mean(axis=1) for mel_db in (patches.mel_db, faded(patches.mel_db, patches.cells[~kept])))
    assert_allclose(own + patches.shifts[~kept].sum(axis=0), other, atol=1e-3)


def test_frame_shifts_are_the_differences_in_the_frames_of_a_patch_and_there_are_none_elsewhere(patches):
    own = mfccs(patches.mel_db)
    for cell, (first, last, shift) in zip(patches.cells.tolist(), patches.frame_shifts, strict=True):
        change = mfccs(faded(patches.mel_db, [cell])) - own
        assert (first, last) == (cell[0], cell[1])
        assert shift.shape == (40, last - first)
        assert_allclose(change[:, first:last], shift, atol=1e-3)
        change[:, first:last] = 0.0
        assert_allclose(change, 0.0, atol=1e-6)


def test_frame_shifts_and_shifts_are_of_one_thing(patches):
    frames = patches.mel_db.shape[1]
    assert_allclose([shift.sum(axis=1) / frames for _, _, shift in patches.frame_shifts], patches.shifts, atol=1e-9)


def test_segments_are_in_seconds_and_hertz():
    """A frame reaches half a hop to either side of its centre; a band halfway to the centres of its neighbours."""
    cells = np.array([[0, 10, 0, 16], [10, 20, 16, 32], [20, 44, 112, 128]])
    centres = librosa.mel_frequencies(130, fmin=0, fmax=RATE / 2)[1:-1]
    middle = [0.0, *(centres[1:] + centres[:-1]) / 2, RATE / 2]
    found = segments(cells, 1.0)
    for (a, b, low, high), (t0, t1, hz0, hz1) in zip(cells, found, strict=True):
        assert (t0, t1) == pytest.approx((max(0.0, (a - 0.5) * HOP / RATE), min(1.0, (b - 0.5) * HOP / RATE)))
        assert (hz0, hz1) == pytest.approx((middle[low], middle[high]))
    assert found[0, 1] == found[1, 0]  # neighbours touch
    assert found[0, 3] == found[1, 2]


@pytest.mark.parametrize(("start", "hz"), [(0.3, 440.0), (1.1, 3000.0), (1.6, 7000.0)])
def test_a_tone_is_in_the_segment_of_the_patch_that_is_loudest(start, hz):
    samples = 0.02 * RNG(0).standard_normal(2 * RATE)
    at = int(start * RATE)
    samples[at : at + RATE // 5] += tone(0.2, hz)
    audio = mfcc_features(samples.astype(np.float32))
    patches = patch_grid(audio.mel_db)
    loudest = max(range(80), key=lambda k: audio.mel_db[slice(*patches.cells[k, 2:]), slice(*patches.cells[k, :2])].max())
    t0, t1, hz0, hz1 = segments(patches.cells, audio.seconds)[loudest]
    assert hz0 <= hz <= hz1
    assert t0 < start + 0.2
    assert t1 > start


def test_a_click_has_patches_too():
    """Fewer frames than columns: none is empty."""
    mel_db = np.full((N_MELS, 30), -80.0, np.float32)
    mel_db[:, 12:14] = 0.0
    patches = patch_grid(mel_db)
    assert_array_equal(np.unique(patches.cells[:, :2], axis=0), [[12, 13], [13, 14]])
    assert np.isfinite(patches.shifts).all()

"""LIME: exact perturbations, the library's surrogate, and a planted cause that must be found."""

from dataclasses import replace

import librosa
import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from scipy.stats import spearmanr

from features import SPACE, Modality, Standardiser
from features.audio import HOP, RATE, dct_matrix
from features.patches import patch_grid
from features.speech import sounding_span
from tests.conftest import tone
from tests.untrained import Difference, LinearInTime
from tests.xai.conftest import assert_marks_burst, burst, library_lime, make_audio, recording, subject_of
from xai.explanation import Attribution, Contrast
from xai.masking import PatchMasker
from xai.methods import METHODS
from xai.methods.lime import fit, patches_of

RAW = Standardiser(np.zeros(552), np.ones(552), SPACE)  # leaves features as they are


def explain(features, model, seed: int = 0, **settings) -> Attribution:
    return METHODS["lime"].explain(subject_of(features, model, **settings), seed)


def test_hiding_patches_is_exactly_what_librosa_computes(random_features):
    mel = random_features.audio.mel_db
    patches = patch_grid(mel)
    kept = np.random.default_rng(0).random((5, len(patches))) < 0.5
    fast = random_features.audio.vector + (~kept) @ patches.shifts
    quiet = np.percentile(mel, 10, axis=1)
    for keep, ours in zip(kept, fast, strict=True):
        faded = mel.astype(float)
        for shown, (a, b, low, high) in zip(keep, patches.cells, strict=True):
            if not shown:
                faded[low:high, a:b] = quiet[low:high, None]
        assert_allclose(patches.hidden(keep), faded, atol=1e-4)
        assert_allclose(ours, librosa.feature.mfcc(S=faded, n_mfcc=40).mean(axis=1), atol=1e-9)
        moments = random_features.audio.frame_vectors.copy()
        for shown, (a, b, shift) in zip(keep, patches.frame_shifts, strict=True):
            moments[:, a:b] += 0 if shown else shift
        assert_allclose(moments, librosa.feature.mfcc(S=faded, n_mfcc=40), atol=1e-9)


def test_the_grid_covers_the_sounding_part_once(random_features):
    mel = random_features.audio.mel_db
    covered = np.zeros(mel.shape, int)
    for a, b, low, high in patch_grid(mel).cells:
        covered[low:high, a:b] += 1
    first, last = sounding_span(mel)
    assert (covered[:, first:last] == 1).all()
    assert covered.sum() == 128 * (last - first)


def test_segments_lie_at_their_seconds_and_hertz(random_model):
    """A beep at 1.0–1.2 s and 2 kHz lies inside the patch that is loudest."""
    samples = 1e-3 * np.random.default_rng(0).standard_normal(2 * RATE)
    samples[RATE : int(1.2 * RATE)] += tone(0.2, 2000)
    audio = make_audio(samples)
    parts = explain(recording(audio), random_model, samples=100).parts
    assert parts.bands == 8
    loudest = np.argmax([audio.mel_db[low:high, a:b].max() for a, b, low, high in parts.cells])
    t0, t1, hz0, hz1 = parts.segments[loudest]
    assert t0 <= 1.2
    assert t1 >= 1.0
    assert hz0 <= 2000 <= hz1


@pytest.mark.parametrize("exact", [False, True])
def test_same_weights_as_the_library_called_directly(random_features, any_model, exact):
    """Fitted to the model's answers for copies that went the fast way or the whole way."""
    lime = explain(random_features, any_model, seed=5, samples=300)
    masks = (np.random.default_rng(5).random((300, len(lime.parts.cells))) < 0.8).astype(int)
    masks[0] = 1
    subject = subject_of(random_features, any_model)
    logits = PatchMasker(subject, patches_of(subject), exact=exact)(masks.astype(bool))
    expected, r2 = library_lime(masks, logits, 3, 5)
    assert_allclose(lime.values[3], expected, atol=1e-5 if exact else 1e-9)
    assert lime.extras["r2"][3] == pytest.approx(r2, abs=1e-4 if exact else 1e-6)
    assert lime.settings == {"samples": 300, "seed": 5}


def test_the_fit_is_that_of_the_worse_of_two(random_features, random_model):
    lime = explain(random_features, random_model, samples=300)
    r2 = lime.extras["r2"]
    assert len(set(r2)) == 8
    assert fit(lime, Contrast(3)) == r2[3]
    assert fit(lime, Contrast(3, 5)) == fit(lime, Contrast(5, 3)) == min(r2[3], r2[5])


class _Loudness(torch.nn.Module):
    """A classifier whose logit 2 is the level of one mel band; the others are 0."""

    def __init__(self, band: int) -> None:
        super().__init__()
        self.register_buffer("row", torch.from_numpy(dct_matrix()[:, band]).float())

    def forward(self, z):
        logits = torch.zeros(len(z), 8)
        logits[:, 2] = z[:, SPACE.slices[Modality.AUDIO]] @ self.row
        return logits


def loudness_in_time(band: int) -> LinearInTime:
    row = np.zeros((8, 40))
    row[2] = dct_matrix()[:, band]
    return LinearInTime(row)


@pytest.mark.parametrize(("start", "band"), [(0.3, 20), (1.1, 60), (1.5, 100)])
def test_finds_a_planted_burst(mfcc_model, start, band):
    """Only one band counts, and only one moment is loud there: LIME must name that patch first."""
    classifier = _Loudness(band) if mfcc_model.name == "random" else loudness_in_time(band)
    model = replace(mfcc_model, classifier=classifier, standardise=RAW, temperature=1.0)
    lime = explain(burst(start, band), model, seed=1, samples=400 if mfcc_model.name == "random-tokens" else 2000)
    assert_marks_burst(lime, 2, start, band)
    assert_allclose(lime.values[[0, 1, 3]], 0, atol=1e-9)


def test_finds_the_second_that_is_listened_to(random_features, token_model):
    """A classifier of averages could not tell: only what is heard from 0.4 to 0.8 s counts."""
    first, last = round(0.4 * RATE / HOP), round(0.8 * RATE / HOP)
    row = np.zeros((8, 40))
    row[4, 0] = 1.0
    lime = explain(random_features, replace(token_model, classifier=LinearInTime(row, None, first, last)), samples=1000)
    inside = np.array([a < last and b > first for a, b, _, _ in lime.parts.cells])
    weights = np.abs(lime.values[4])
    assert weights[inside].max() > 20 * weights[~inside].max()


def test_a_shuffled_explanation_would_fail_the_planted_test(random_features, random_model):
    """Two seeds agree with each other, and not with a shuffled copy: the planted test can tell."""
    first, second = (explain(random_features, random_model, seed=s).values[0] for s in (0, 1))
    assert spearmanr(first, second).statistic > 0.9
    assert abs(spearmanr(first, np.random.default_rng(0).permutation(second)).statistic) < 0.5


def test_contrast_is_the_explanation_of_the_difference(random_features, any_model):
    difference = replace(any_model, classifier=Difference(any_model.classifier, 0, 1))
    contrast, both = (explain(random_features, model, samples=300) for model in (difference, any_model))
    assert_allclose(contrast.values[4], both.of(Contrast(0, 1)), atol=1e-6)


def test_same_seed_same_weights(random_features, random_model):
    first, again, other = (explain(random_features, random_model, seed=seed, samples=200) for seed in (3, 3, 4))
    assert_allclose(first.values, again.values, atol=0)
    assert np.abs(first.values - other.values).max() > 0


def test_long_recordings_are_perturbed_less_often(token_model, random_model):
    """As many copies of a sequence as wanted for a few seconds, fewer for minutes; a vector costs nothing."""
    samples = token_model.budget.samples
    assert samples(2000, 172) == 2000
    assert samples(50, 172) == 50
    found = [samples(5000, frames) for frames in (172, 400, 1000, 3000, 13_000)]
    assert found == sorted(found, reverse=True)
    assert found[-1] >= 300
    assert samples(2000, 0) == 2000
    assert all(samples(5000, f) * f <= max(400_000, 300 * f) for f in (100, 1000, 13_000))
    assert random_model.budget.samples(5000, 13_000) == 5000


def test_what_was_afforded_is_written_down(token_model, random_model):
    """A minute of noise: the settings tell how many copies there were, not how many were wanted."""
    noise = recording(make_audio(0.1 * np.random.default_rng(0).standard_normal(60 * RATE)))
    patches = patches_of(subject_of(noise, random_model))
    model = replace(token_model, classifier=LinearInTime(np.eye(8, 40)))
    assert explain(noise, random_model, samples=400).settings["samples"] == 400
    assert explain(noise, model, samples=400).settings["samples"] == max(300, 400_000 // patches.mel_db.shape[1]) < 400


@pytest.mark.parametrize("samples", [np.zeros(RATE), np.full(RATE, 0.2), tone(0.1), tone(3.0)])
def test_silence_dc_a_blip_and_a_note_give_finite_weights(mfcc_model, samples):
    lime = explain(recording(make_audio(samples)), mfcc_model, samples=100)
    assert np.isfinite(lime.values).all()
    assert np.isfinite(lime.extras["r2"]).all()

"""LIME: exact perturbations, the library's surrogate, and a planted cause that must be found."""

from dataclasses import replace

import librosa
import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from scipy.stats import spearmanr

from features import N_AUDIO, Features
from features.audio import RATE, dct_matrix
from features.extract import join
from tests.conftest import tone
from tests.xai.conftest import assert_marks_burst, burst, library_lime, make_audio
from xai.methods.lime import background, explain_lime, patch_grid, patch_shifts, perturbed_vectors, sounding_part


def test_hiding_patches_is_exactly_what_librosa_computes(random_features):
    mel = random_features.audio.mel_db
    cells = patch_grid(mel)
    rng = np.random.default_rng(0)
    masks = rng.integers(0, 2, (5, len(cells)))
    fast = perturbed_vectors(random_features.vector, masks, patch_shifts(mel, cells))[:, :N_AUDIO]
    for mask, ours in zip(masks, fast, strict=True):
        altered = mel.astype(float)
        for shown, (a, b, low, high) in zip(mask, cells, strict=True):
            if not shown:
                altered[low:high, a:b] = background(mel)[low:high, None]
        assert_allclose(ours, librosa.feature.mfcc(S=altered, n_mfcc=40).mean(axis=1), atol=1e-9)


def test_the_grid_covers_the_sounding_part_once(random_features):
    mel = random_features.audio.mel_db
    covered = np.zeros(mel.shape, int)
    for a, b, low, high in patch_grid(mel):
        covered[low:high, a:b] += 1
    first, last = sounding_part(mel)
    assert (covered[:, first:last] == 1).all()
    assert covered.sum() == 128 * (last - first)


def test_segments_lie_at_their_seconds_and_hertz(random_model):
    """A beep at 1.0–1.2 s and 2 kHz lies inside the patch that is loudest."""
    samples = 1e-3 * np.random.default_rng(0).standard_normal(2 * RATE)
    samples[RATE : int(1.2 * RATE)] += tone(0.2, 2000)
    audio = make_audio(samples)
    lime = explain_lime(Features(audio, None, join(audio.mfcc, None)), random_model, samples=100)
    loudest = np.argmax([audio.mel_db[low:high, a:b].max() for a, b, low, high in lime.cells])
    t0, t1, hz0, hz1 = lime.segments[loudest]
    assert t0 <= 1.2
    assert t1 >= 1.0
    assert hz0 <= 2000 <= hz1


def test_same_weights_as_the_library_called_directly(random_features, random_model):
    lime = explain_lime(random_features, random_model, samples=300, seed=5)
    mel = random_features.audio.mel_db
    masks = (np.random.default_rng(5).random((300, len(lime.cells))) < 0.8).astype(int)
    masks[0] = 1
    logits = random_model.logits(perturbed_vectors(random_features.vector, masks, patch_shifts(mel, lime.cells)))
    expected, r2 = library_lime(masks, logits, 3, 5)
    assert_allclose(lime.weights[3], expected, atol=1e-9)
    assert lime.r2[3] == pytest.approx(r2)


class _Loudness(torch.nn.Module):
    """A classifier whose logit 2 is the level of one mel band; the others are 0."""

    def __init__(self, band: int) -> None:
        super().__init__()
        self.register_buffer("row", torch.from_numpy(dct_matrix()[:, band]).float())

    def forward(self, z):
        logits = torch.zeros(len(z), 8)
        logits[:, 2] = z[:, :N_AUDIO] @ self.row
        return logits


@pytest.mark.parametrize(("start", "band"), [(0.3, 20), (1.1, 60), (1.5, 100)])
def test_finds_a_planted_burst(random_model, start, band):
    """Only one band counts, and only one moment is loud there: LIME must name that patch first."""
    model = replace(random_model, classifier=_Loudness(band), mean=np.zeros(552), std=np.ones(552), temperature=1.0)
    lime = explain_lime(burst(start, band), model, seed=1)
    assert_marks_burst(lime, 2, start, band)
    assert not lime.weights[[0, 1, 3]].any()


def test_a_shuffled_explanation_would_fail_the_planted_test(random_features, random_model):
    """Two seeds agree with each other, and not with a shuffled copy: the planted test can tell."""
    first, second = (explain_lime(random_features, random_model, seed=s).weights[0] for s in (0, 1))
    assert spearmanr(first, second).statistic > 0.9
    assert abs(spearmanr(first, np.random.default_rng(0).permutation(second)).statistic) < 0.5


def test_contrast_is_the_explanation_of_the_difference(random_features, random_model):
    class Difference(torch.nn.Module):
        def forward(self, z):
            logits = random_model.classifier(z)
            return (logits[:, :1] - logits[:, 1:2]).expand(-1, 8)

    contrast = explain_lime(random_features, replace(random_model, classifier=Difference()), samples=400)
    both = explain_lime(random_features, random_model, samples=400)
    assert_allclose(contrast.weights[0], both.signed(0, 1), atol=1e-6)


def test_same_seed_same_weights(random_features, random_model):
    first, again = (explain_lime(random_features, random_model, samples=200, seed=3) for _ in range(2))
    assert_allclose(first.weights, again.weights, atol=0)


@pytest.mark.parametrize("samples", [np.zeros(RATE), np.full(RATE, 0.2), tone(0.1)])
def test_silence_dc_and_a_blip_give_finite_weights(random_model, samples):
    audio = make_audio(samples)
    lime = explain_lime(Features(audio, None, join(audio.mfcc, None)), random_model, samples=100)
    assert np.isfinite(lime.weights).all()
    assert np.isfinite(lime.r2).all()

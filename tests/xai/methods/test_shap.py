"""SHAP values: complete, equal to the library in expectation, and drawn back onto the face without loss."""

from dataclasses import replace

import numpy as np
import pytest
import shap
import torch
from numpy.testing import assert_allclose

from features import N_AUDIO, Features
from features.extract import join
from xai.methods.shap import explain_shap, face_picture


def test_values_add_up(random_features, random_model):
    explanation = explain_shap(random_features, random_model, nodes=96)  # random weights bend more than trained ones
    logits = random_model.logits(random_features.vector[None])[0]
    assert_allclose(explanation.logits, logits, atol=1e-5)
    assert_allclose(explanation.base, random_model.logits(random_model.reference).mean(axis=0), atol=1e-5)
    left_over = explanation.values.sum(axis=1) + explanation.base - logits
    assert_allclose(explanation.residual, -left_over)
    assert (np.abs(left_over) < 0.01 * np.abs(explanation.values).sum(axis=1)).all()


def test_residual_on_the_shipped_model_is_under_one_percent(sample_analysis):
    assert sample_analysis.shap.left_over(sample_analysis.predicted) < 0.01


def test_more_places_would_hardly_change_the_values(sample_analysis):
    features, model, values = sample_analysis.features, sample_analysis.model, sample_analysis.shap.values
    exact = explain_shap(features, model, nodes=200).values
    assert np.linalg.norm(values - exact) < 0.02 * np.linalg.norm(exact)
    assert np.abs(values - exact).max() < 0.02 * np.abs(exact).max()


def test_equals_the_library_with_many_samples(random_features, random_model):
    ours = explain_shap(random_features, random_model, nodes=48).values
    x = random_model.standardise(random_features.vector[None])
    network = torch.nn.Sequential(random_model.classifier)
    explainer = shap.GradientExplainer(network, random_model.standardise(random_model.reference))
    theirs = np.asarray(explainer.shap_values(x, nsamples=3000, rseed=0))[0].T / random_model.temperature
    for target in range(8):
        assert np.corrcoef(ours[target], theirs[target])[0, 1] > 0.95
        assert np.linalg.norm(ours[target] - theirs[target]) < 0.3 * np.linalg.norm(ours[target])


def test_linear_model_gives_the_closed_form(random_features, random_model):
    torch.manual_seed(0)
    linear = torch.nn.Linear(552, 8).requires_grad_(False)
    model = replace(random_model, classifier=linear, temperature=1.0)
    z = model.standardise(random_features.vector[None]).numpy()[0]
    reference = model.standardise(model.reference).numpy().mean(axis=0)
    assert_allclose(explain_shap(random_features, model).values, linear.weight.numpy() * (z - reference), atol=1e-5)


def test_the_librarys_estimator_is_selectable_and_seeded(random_features, random_model):
    first, again, other = (explain_shap(random_features, random_model, estimator="shap", seed=s).values for s in (0, 0, 1))
    assert_allclose(first, again, atol=0)
    assert np.abs(first - other).max() > 0
    with pytest.raises(ValueError, match="choose one of"):
        explain_shap(random_features, random_model, estimator="guess")


def test_a_missing_modality_gets_nothing(random_features, random_model):
    voice = Features(random_features.audio, None, join(random_features.audio.mfcc, None))
    explanation = explain_shap(voice, random_model, nodes=96)
    assert not explanation.values[:, N_AUDIO:].any()
    assert (np.abs(explanation.residual) < 0.1 * np.abs(explanation.values).sum(axis=1)).all()


def test_the_picture_keeps_the_sum_and_lies_where_the_maps_are():
    rng = np.random.default_rng(0)
    maps = rng.random((3, 512, 7, 7)).astype(np.float32)
    maps[1] = 0  # left out
    maps[:, 7] = 0  # a feature that is dark everywhere
    values = rng.normal(size=512)
    picture = face_picture(values, maps)
    assert picture.sum() == pytest.approx(values.sum())
    assert not picture[1].any()
    maps[:, 3] = 0
    maps[2, 3, 4, 5] = 1
    only = np.zeros(512)
    only[3] = 2.0
    assert face_picture(only, maps)[2, 4, 5] == pytest.approx(2.0)

"""Integrated gradients: complete, exact where the model is linear, and equal to a plain sum over the path."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from features import SPACE, Modality
from tests.xai.conftest import recording, subject_of
from tests.xai.planted import TARGET, linear_model
from xai.explanation import Contrast
from xai.methods.integrated_gradients import IntegratedGradients
from xai.methods.shap import left_over


def test_values_add_up_to_the_gain_over_the_mean(random_features, random_model):
    found = IntegratedGradients().explain(subject_of(random_features, random_model))
    assert np.median([left_over(found, Contrast(target)) for target in range(8)]) < 0.02
    gain = random_model.predict(random_features) - found.extras["base"]
    assert_allclose(found.values.sum(axis=1) + found.extras["residual"], gain, atol=1e-5)


def test_of_a_linear_model_a_value_is_weight_times_distance(random_features):
    weights = np.random.default_rng(0).normal(size=len(SPACE))
    model = linear_model(weights, 0)
    found = IntegratedGradients().explain(subject_of(random_features, model))
    assert_allclose(found.values[TARGET], weights * random_features.vector, rtol=1e-4, atol=1e-5)


def test_it_equals_a_fine_sum_of_gradients_by_hand(random_features, random_model):
    found = IntegratedGradients().explain(subject_of(random_features, random_model))
    z = torch.from_numpy(random_model.standardise(random_features.vector[None]))
    nodes = torch.from_numpy(((np.arange(20_000) + 0.5) / 20_000) ** 3).float()  # dense where the logits change fastest
    weights = 3 * ((np.arange(20_000) + 0.5) / 20_000) ** 2 / 20_000
    points = (nodes[:, None] * z).requires_grad_(True)
    logits = random_model.classifier(points)[:, 2].double() @ torch.from_numpy(weights) / 1.3
    by_hand = (torch.autograd.grad(logits, points)[0] * z).sum(dim=0).double().numpy()
    assert_allclose(found.values[2], by_hand, atol=0.02 * np.abs(by_hand).max())


def test_a_missing_modality_gets_nothing(random_features, random_model):
    found = IntegratedGradients().explain(subject_of(recording(random_features.audio), random_model))
    assert not SPACE.part(found.values, Modality.VIDEO).any()
    assert SPACE.part(found.values, Modality.AUDIO).all()


def test_it_is_complete_for_sequences_too(random_features, token_model):
    found = IntegratedGradients().explain(subject_of(random_features, token_model))
    gain = found.values.sum(axis=1) + found.extras["residual"]
    assert np.abs(found.extras["residual"]).max() < 0.05 * np.abs(gain).max()


@pytest.mark.parametrize("feature", [0, 17, 40, 300])
def test_the_feature_that_decides_is_named(random_features, feature):
    weights = np.zeros(len(SPACE))
    weights[feature] = 2.0
    model = linear_model(weights, feature)
    subject = subject_of(random_features, model)
    found = IntegratedGradients().explain(subject)
    assert np.abs(found.of(Contrast(TARGET))).argmax() == feature
    names = [score.measure.name for score in IntegratedGradients().checks(subject, found, Contrast(TARGET))]
    assert names == ["faithfulness", "left_over"]

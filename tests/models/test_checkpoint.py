"""A checkpoint is complete, and gives back what was saved."""

import json

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from safetensors import safe_open
from safetensors.torch import save_file

from models.checkpoint import WEIGHTS, load_model, read_model, save_model
from models.labels import LABELS


def test_round_trip(tmp_path, model):
    save_model(model, tmp_path / "again.safetensors")
    again = read_model(tmp_path / "again.safetensors")
    vectors = model.mean + model.std * np.random.default_rng(0).normal(size=(4, 552))
    assert_allclose(again.logits(vectors), model.logits(vectors), atol=1e-6)
    assert again.info == model.info
    assert again.temperature == model.temperature
    assert load_model(str(tmp_path / "again.safetensors")).digest == again.digest


def test_the_shipped_checkpoint_knows_where_it_comes_from(model):
    assert {"trained_on", "recipe", "commit", "held_out", "history", "backbone"} <= model.info.keys()
    assert len(model.info["history"]) == model.info["recipe"]["epochs"]
    assert model.temperature > 0
    with safe_open(WEIGHTS / "fused.safetensors", "pt") as file:
        assert json.loads(file.metadata()["labels"]) == list(LABELS)


def test_a_checkpoint_for_other_labels_is_refused(tmp_path, model):
    header = {"labels": ["good", "bad"], "temperature": 1.0, "info": {}}
    save_file({"mean": torch.zeros(552)}, tmp_path / "x.safetensors", {k: json.dumps(v) for k, v in header.items()})
    with pytest.raises(ValueError, match="other labels"):
        read_model(tmp_path / "x.safetensors")


def test_nan_means_missing_and_missing_means_the_average(model):
    vector = model.mean.copy()
    vector[:40] = np.nan
    assert_allclose(model.logits(vector[None]), model.logits(model.mean[None]), atol=1e-5)


def test_probabilities_are_the_softmax_of_calibrated_logits(model):
    vector = model.mean[None] + model.std
    with torch.inference_mode():
        expected = torch.softmax(model.classifier(model.standardise(vector)) / model.temperature, dim=1).numpy()
    assert_allclose(model.probabilities(vector), expected, atol=1e-6)


def test_jacobian_is_the_derivative(model):
    rng = np.random.default_rng(0)
    vector = model.mean + 0.3 * model.std * rng.normal(size=552)
    jacobian = model.jacobian(vector)
    for k in (0, 17, 40, 300, 551):
        step = np.zeros(552)
        step[k] = 0.005 * model.std[k]
        up, down = model.logits(np.stack([vector + step, vector - step]))
        assert_allclose(jacobian[:, k], (up - down) / (2 * step[k]), rtol=0.05, atol=3e-3 / model.std[k])
    vector[:40] = np.nan
    assert not model.jacobian(vector)[:, :40].any()

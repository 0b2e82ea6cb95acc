"""A checkpoint is complete, and gives back what was saved."""

import json
from copy import deepcopy
from dataclasses import replace

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from features import Features
from features.extract import join
from models.checkpoint import DEFAULT, WEIGHTS, EmotionModel, TokenModel, load_model, read_model, save_model
from models.labels import LABELS
from models.networks.fusion import ARCHITECTURES, FACE, VOICE
from models.networks.sequence import sequences
from models.registry import MODELS
from tests.conftest import tone
from tests.models.conftest import random_checkpoint
from tests.xai.conftest import make_audio

SHIPPED = [name for name in MODELS if (WEIGHTS / f"{name}.safetensors").exists()]


@pytest.fixture
def token_model() -> TokenModel:
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    return TokenModel(
        "av-tokens",
        ARCHITECTURES["av-tokens"]().eval().requires_grad_(False),
        rng.normal(size=552),
        rng.uniform(20, 30, 552),
        rng.normal(size=(3, 552)).astype(np.float32),
        1.7,
        {"backbone": "ferplus"},
        architecture="av-tokens",
        reference_voice=rng.normal(size=(3, 40, 88)).astype(np.float32),
        reference_faces=rng.normal(size=(3, 4, 512)).astype(np.float32),
    )


@pytest.fixture
def features() -> Features:
    audio = make_audio(tone(1.5, 300) + 0.01 * np.random.default_rng(0).standard_normal(33_075))
    return Features(audio, None, join(audio.mfcc, None))


def test_round_trip(tmp_path, model):
    save_model(model, tmp_path / "again.safetensors")
    again = read_model(tmp_path / "again.safetensors")
    vectors = model.mean + model.std * np.random.default_rng(0).normal(size=(4, 552))
    assert_allclose(again.logits(vectors), model.logits(vectors), atol=1e-6)
    assert again.info == model.info
    assert (again.temperature, again.alone) == (model.temperature, model.alone)
    assert load_model(str(tmp_path / "again.safetensors")).digest == again.digest


@pytest.mark.parametrize("name", [name for name in ARCHITECTURES if name != "av-tokens"])
def test_round_trip_of_every_architecture(tmp_path, name):
    torch.manual_seed(0)
    model = replace(random_checkpoint(ARCHITECTURES[name](), architecture=name), temperature=0.8, alone=(0.6, 2.5))
    save_model(model, tmp_path / "x.safetensors")
    assert (tmp_path / "x.safetensors").stat().st_mode & 0o777 == 0o644  # to be read by whoever runs the app
    again = read_model(tmp_path / "x.safetensors")
    vectors = model.mean + model.std * np.random.default_rng(0).normal(size=(4, 552))
    assert isinstance(again, EmotionModel)
    assert (again.architecture, again.temperature, again.alone) == (name, 0.8, (0.6, 2.5))
    assert_allclose(again.logits(vectors), model.logits(vectors), atol=1e-6)
    assert_allclose(again.embedding(vectors), model.embedding(vectors), atol=1e-6)
    assert_allclose(again.reference, model.reference, atol=1e-2)
    assert (again.name, len(again.digest)) == ("x", 16)
    assert not again.classifier.training
    assert not any(p.requires_grad for p in again.classifier.parameters())


def test_round_trip_of_sequences(tmp_path, token_model, features):
    save_model(token_model, tmp_path / "x.safetensors")
    again = read_model(tmp_path / "x.safetensors")
    assert isinstance(again, TokenModel)
    assert again.architecture == "av-tokens"
    assert_allclose(again.predict(features), token_model.predict(features), atol=1e-6)
    assert_allclose(again.embed(features), token_model.embed(features), atol=1e-6)
    for name in ("reference", "reference_voice", "reference_faces"):
        assert getattr(again, name).dtype == np.float32
        assert_allclose(getattr(again, name), getattr(token_model, name), atol=2e-3)
    assert_allclose(again.std, token_model.std, atol=0)


def test_a_checkpoint_from_before_there_was_a_choice_is_the_default(tmp_path, model):
    path = tmp_path / "old.safetensors"
    save_model(model, path)
    with safe_open(path, "pt") as file:
        header = {key: value for key, value in file.metadata().items() if key != "architecture"}
    save_file(load_file(path), path, header)
    assert read_model(path).architecture == DEFAULT == "fused"


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_checkpoints_know_where_they_come_from(name):
    model = load_model(name)
    assert model.architecture == name
    assert {"trained_on", "recipe", "commit", "backbone"} <= model.info.keys()
    if name not in ("linear", "late-fusion"):
        assert len(model.info["history"]) == model.info["recipe"]["taught_epochs" if model.name == "fused" else "epochs"]
    assert model.temperature > 0
    assert len(model.reference) > 0
    with safe_open(WEIGHTS / f"{name}.safetensors", "pt") as file:
        assert json.loads(file.metadata()["labels"]) == list(LABELS)


def test_one_object_however_it_is_asked_for():
    assert load_model() is load_model("fused") is load_model(DEFAULT)
    with pytest.raises(FileNotFoundError):
        load_model("nobody")


@pytest.mark.parametrize(
    "wrong", [{"labels": ["good", "bad"]}, {"architecture": "oracle"}, {"labels": list(LABELS)[::-1]}], ids=["labels", "model", "order"]
)
def test_a_checkpoint_for_something_else_is_refused(tmp_path, model, wrong):
    path = tmp_path / "x.safetensors"
    save_model(model, path)
    with safe_open(path, "pt") as file:
        header = file.metadata() | {key: json.dumps(value) for key, value in wrong.items()}
    save_file(load_file(path), path, header)
    with pytest.raises(ValueError, match="other labels"):
        read_model(path)


def test_nan_means_missing_and_missing_means_the_average(model):
    vector = model.mean.copy()
    vector[:40] = np.nan
    assert_allclose(model.logits(vector[None]), model.logits(model.mean[None]), atol=1e-5)


def test_probabilities_are_the_softmax_of_scaled_logits(model):
    vector = model.mean[None] + model.std
    with torch.inference_mode():
        expected = torch.softmax(model.classifier(model.standardise(vector)) / model.temperature, dim=1).numpy()
    assert_allclose(model.probabilities(vector), expected, atol=1e-6)


def test_each_state_has_its_temperature(model, token_model, features):
    """Both, a voice alone, a face alone; with neither, that of both."""
    vectors = model.mean + model.std * np.random.default_rng(0).normal(size=(4, 552))
    vectors[[1, 3], 40:] = np.nan
    vectors[[2, 3], :40] = np.nan
    raw = replace(model, temperature=1.0, alone=None).logits(vectors)
    scaled = replace(model, temperature=1.5, alone=(2.0, 3.0)).logits(vectors)
    assert_allclose(scaled, raw / [[1.5], [2.0], [3.0], [1.5]], atol=1e-5)
    for alone, hear, wanted in (((0.5, 4.0), True, 0.5), ((0.5, 4.0), False, 1.7), (None, True, 1.7)):
        batch = token_model.batch(features, hear=hear)
        raw = replace(token_model, temperature=1.0).logits(batch)
        assert_allclose(replace(token_model, alone=alone).logits(batch), raw / wanted, atol=1e-5)


def test_more_clips_than_one_block_holds(model):
    vectors = model.mean + model.std * np.random.default_rng(0).normal(size=(300, 552))
    assert_allclose(model.logits(vectors)[[0, 255, 256, 299]], model.logits(vectors[[0, 255, 256, 299]]), atol=1e-5)


@pytest.mark.parametrize("name", ["fused", "voice", "face", "late-fusion", "linear"])
def test_jacobian_is_the_derivative(name):
    rng = np.random.default_rng(0)
    torch.manual_seed(0)
    model = replace(random_checkpoint(ARCHITECTURES[name](), architecture=name), temperature=1.3)
    vector = model.mean + 0.3 * model.std * rng.normal(size=552)
    jacobian = model.jacobian(vector)
    precise = deepcopy(model.classifier).double()  # steps small enough to cross no kink
    for k in (0, 17, 40, 300, 551):
        z = torch.from_numpy((vector - model.mean) / model.std).repeat(2, 1)
        z[:, k] += torch.tensor([1e-6, -1e-6])
        up, down = precise(z).numpy() / 1.3
        assert_allclose(jacobian[:, k], (up - down) / (2e-6 * model.std[k]), rtol=1e-3, atol=1e-6)
    assert bool(jacobian[:, :40].any()) == model.hears
    assert bool(jacobian[:, 40:].any()) == model.sees
    vector[:40] = np.nan
    assert not model.jacobian(vector)[:, :40].any()


def test_a_recording_is_predicted_like_its_vector(model, features):
    assert_allclose(model.predict(features), model.logits(features.vector[None])[0], atol=0)
    assert_allclose(model.embed(features), model.embedding(features.vector[None])[0], atol=0)


def test_logits_of_sequences_are_scaled(token_model, features):
    batch = token_model.batch(features)
    with torch.inference_mode():
        expected = token_model.classifier(batch)[0].double().numpy() / 1.7
    assert_allclose(token_model.predict(features), expected, atol=1e-6)
    assert_allclose(token_model.logits(batch)[0], expected, atol=1e-6)


def test_a_batch_on_request_without_its_voice_or_face(token_model, features):
    heard = sequences(features)[0].shape[1]
    assert token_model.batch(features).heard.tolist() == [heard]
    assert token_model.batch(features, hear=False).heard.tolist() == [0]
    deaf = token_model.logits(token_model.batch(features, hear=False))
    assert np.abs(deaf - token_model.predict(features)).max() > 1e-3
    assert_allclose(token_model.logits(token_model.batch(features, see=False))[0], token_model.predict(features), atol=1e-6)


@pytest.mark.parametrize(("missing", "expected"), [((), 2.0), ((FACE,), 3.0), ((VOICE,), 5.0), ((VOICE, FACE), 2.0)])
def test_what_is_there_decides_the_temperature(tmp_path, missing, expected):
    """A voice alone has a confidence of its own, and so has a face alone; with neither, that of both."""
    plain = replace(random_checkpoint(ARCHITECTURES["fused"](), architecture="fused"), temperature=1.0)
    vector = plain.mean + 0.5 * plain.std
    for part in missing:
        vector[part] = np.nan
    scaled = replace(plain, temperature=2.0, alone=(3.0, 5.0))
    save_model(scaled, tmp_path / "scaled.safetensors")
    again = read_model(tmp_path / "scaled.safetensors")
    assert again.alone == (3.0, 5.0)
    for model in (scaled, again):
        assert_allclose(model.logits(vector[None]), plain.logits(vector[None]) / expected, rtol=1e-4, atol=1e-5)

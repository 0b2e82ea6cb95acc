"""A checkpoint is complete, and gives back what was saved."""

import json
from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from features import Modality
from models.checkpoint import WEIGHTS, load_model, read_model, save_model
from models.evaluation.metrics import softmax
from models.labels import LABELS
from models.registry import DEFAULT, MODELS
from models.sequence_model import SequenceModel
from models.token_model import TokenModel
from models.vector_model import VectorModel
from tests.models.conftest import random_model, random_vectors
from tests.recordings import as_tokens, random_maps, random_recording
from tests.untrained import untrained_token_model

SHIPPED = [name for name in MODELS if (WEIGHTS / f"{name}.safetensors").exists()]
OF_VECTORS = [name for name, spec in MODELS.items() if spec.model_class is VectorModel]


def test_round_trip(tmp_path, model):
    save_model(model, tmp_path / "again.safetensors")
    again = read_model(tmp_path / "again.safetensors")
    vectors = random_vectors(model)
    assert_allclose(again.logits(again.inputs(vectors)), model.logits(model.inputs(vectors)), atol=1e-6)
    assert again.info == model.info
    assert (again.temperature, again.alone) == (model.temperature, model.alone)
    assert load_model(str(tmp_path / "again.safetensors")).digest == again.digest


@pytest.mark.parametrize("name", OF_VECTORS)
def test_round_trip_of_every_model_of_vectors(tmp_path, name):
    alone = {Modality.AUDIO: 0.6, Modality.VIDEO: 2.5}
    model = replace(random_model(name), temperature=0.8, alone=alone)
    save_model(model, tmp_path / "x.safetensors")
    assert (tmp_path / "x.safetensors").stat().st_mode & 0o777 == 0o644  # to be read by whoever runs the app
    again = read_model(tmp_path / "x.safetensors")
    inputs = model.inputs(random_vectors(model))
    assert isinstance(again, VectorModel)
    assert (again.architecture, again.temperature, again.alone) == (name, 0.8, alone)
    assert_allclose(again.logits(inputs), model.logits(inputs), atol=1e-6)
    assert_allclose(again.embed(inputs), model.embed(inputs), atol=1e-6)
    assert_allclose(again.reference, model.reference, atol=1e-2)
    assert (again.name, len(again.digest)) == ("x", 16)
    assert not again.classifier.training
    assert not any(p.requires_grad for p in again.classifier.parameters())


def test_round_trip_of_sequences(tmp_path, sequence_model, speech):
    save_model(sequence_model, tmp_path / "x.safetensors")
    again = read_model(tmp_path / "x.safetensors")
    assert isinstance(again, SequenceModel)
    assert again.architecture == "av-tokens"
    assert_allclose(again.predict(speech), sequence_model.predict(speech), atol=1e-6)
    inputs = sequence_model.encode(speech)
    assert_allclose(again.embed(inputs), sequence_model.embed(inputs), atol=1e-6)
    for name in ("reference", "reference_voice", "reference_faces"):
        assert getattr(again, name).dtype == np.float32
        assert_allclose(getattr(again, name), getattr(sequence_model, name), atol=2e-3)
    assert_allclose(again.standardise.std, sequence_model.standardise.std, atol=0)


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


@pytest.mark.parametrize(("missing", "expected"), [((), 2.0), ((Modality.VIDEO,), 3.0), ((Modality.AUDIO,), 5.0), (tuple(Modality), 2.0)])
def test_what_is_there_decides_the_temperature(tmp_path, missing, expected):
    """A voice alone has a confidence of its own, and so has a face alone; with neither, that of both. Also after a round trip."""
    usual = replace(random_model("fused"), temperature=1.0)
    vector = usual.standardise.mean + 0.5 * usual.standardise.std
    for modality in missing:
        usual.standardise.space.part(vector, modality)[:] = np.nan
    alone = {Modality.AUDIO: 3.0, Modality.VIDEO: 5.0}
    scaled = replace(usual, temperature=2.0, alone=alone)
    save_model(scaled, tmp_path / "scaled.safetensors")
    again = read_model(tmp_path / "scaled.safetensors")
    assert again.alone == alone
    inputs = usual.inputs(vector[None])
    for model in (scaled, again):
        assert_allclose(model.logits(inputs), usual.logits(inputs) / expected, rtol=1e-4, atol=1e-5)


def test_round_trip_of_tokens(tmp_path):
    own = replace(untrained_token_model(), temperature=0.8, alone={Modality.AUDIO: 0.6, Modality.VIDEO: 2.5})
    path = tmp_path / "x.safetensors"
    save_model(own, path)
    film = as_tokens(random_recording(random_maps))
    again = read_model(path)
    assert isinstance(again, TokenModel)
    assert (again.architecture, again.temperature, again.alone) == ("whisper-tokens", 0.8, own.alone)
    assert again.encoders == own.encoders
    assert again.space == own.space
    assert_allclose(again.predict(film), own.predict(film), atol=1e-6)
    assert_allclose(again.embed(again.encode(film)), own.embed(own.encode(film)), atol=1e-6)
    for name in ("reference", "reference_voice", "reference_faces"):
        assert getattr(again, name).dtype == np.float32
        assert_allclose(getattr(again, name), getattr(own, name), atol=2e-3, rtol=1e-3)
    assert_allclose(softmax(again.logits(again.references(again.encode(film)))).sum(axis=1), 1.0)
    assert path.stat().st_size < 10_000_000
    assert not any(p.requires_grad for p in again.classifier.parameters())
    assert not again.classifier.training


def test_a_checkpoint_with_tokens_of_another_width_is_refused(tmp_path):
    """Where the encoder is one of ours it is known how wide its tokens are."""
    model, path = untrained_token_model(), tmp_path / "x.safetensors"
    narrow = replace(model.standardise, mean=model.standardise.mean[1:], std=model.standardise.std[1:])
    save_model(replace(model, standardise=narrow), path)
    with pytest.raises(ValueError, match="other labels, features"):
        read_model(path)
    save_model(replace(random_model("fused"), architecture="whisper-tokens", info={"voice_encoder": "whisper"}), path)
    with pytest.raises(ValueError, match="other labels, features"):
        read_model(path)
    save_model(replace(model, architecture="fused"), path)
    with pytest.raises(ValueError, match="other labels, features"):
        read_model(path)

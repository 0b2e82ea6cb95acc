"""What lies in the folder is offered by name as soon as it is there, and nothing else is."""

import os

import numpy as np
import pytest

from models.checkpoint import load_model
from models.foreign.catalogue import FOLDER, find_brought, offered_models, refused_files, wrong_folder
from models.networks import ModelError
from models.registry import MODELS
from tests.models.foreign.onnx_files import linear, put, redness, sidecar


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv(FOLDER, str(tmp_path))
    return tmp_path


def test_without_a_folder_there_are_the_models_of_this_project(monkeypatch, tmp_path):
    for value in (None, "", str(tmp_path / "nowhere")):
        monkeypatch.delenv(FOLDER, raising=False) if value is None else monkeypatch.setenv(FOLDER, value)
        assert dict(offered_models()) == MODELS
        assert refused_files() == {}


def test_a_file_is_offered_as_soon_as_it_is_there_and_no_longer(folder):
    assert dict(offered_models()) == MODELS
    path = put(folder, redness(), sidecar("faces", title="Reds"))
    assert list(offered_models()) == [*MODELS, "mine.onnx"]
    assert offered_models()["mine.onnx"].title == "Reds"
    path.with_suffix(".json").write_bytes(sidecar("faces", title="Rouge"))
    assert offered_models()["mine.onnx"].title == "Rouge"
    path.unlink()
    assert dict(offered_models()) == MODELS


def test_a_file_that_cannot_be_offered_says_why(folder):
    put(folder, redness(), b"{", "broken")
    put(folder, redness(), sidecar("faces"), "alone").with_suffix(".json").unlink()
    assert dict(offered_models()) == MODELS
    found = refused_files()
    assert found["alone.onnx"].startswith("alone.json is missing beside the model: it says what goes in and what comes out; begin from")
    assert found["broken.onnx"].startswith("broken.json: it is no JSON object, from line 1, column 2 on")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"kind": "hugginface", "model": "a/b", "labels": {}}', "\"kind\" is 'hugginface', which is not known; write"),
        ('{"model": "a/b", "labels": {}}', '"kind" is missing; write "kind": "huggingface"'),
        ('{"kind": "huggingface", ', "it is no JSON object, from line 1"),
        ("", "it is empty"),
        ("[]", "it is no JSON object"),
        ('{"input": "faces", "output": "logits", "labels": {}}', "it describes an ONNX file, but only.onnx is not beside it; put it there"),
    ],
)
def test_a_json_file_alone_that_describes_nothing_says_why(folder, text, words):
    (folder / "only.json").write_text(text)
    assert dict(offered_models()) == MODELS
    (reason,) = refused_files().values()
    assert reason.startswith(f"only.json: {words}")


@pytest.mark.parametrize(
    "text", ["{}", '{"model_type": "wav2vec2", "id2label": {}}', "[" + "0," * 150_000 + "0]"], ids=["empty", "config", "long"]
)
def test_other_json_files_are_passed_over(folder, text):
    (folder / "other.json").write_text(text)
    assert refused_files() == {}


def test_a_json_beside_its_model_describes_it_and_nothing_else(folder):
    put(folder, redness(), sidecar("faces").replace(b"{", b'{"kind": "huggingface", ', 1))
    assert list(refused_files()) == ["mine.onnx"]
    with pytest.raises(ModelError, match=r'"kind" is .huggingface., but an ONNX file of that name lies beside it'):
        load_model("mine.onnx")
    put(folder, redness(), sidecar("faces").replace(b"{", b'{"kind": "onnx", ', 1))
    assert load_model("mine.onnx").name == "mine.onnx"
    with pytest.raises(ModelError, match=r"mine\.json only describes a model: name mine\.onnx\."):
        load_model("mine.json")


def test_a_name_that_is_no_models_gets_those_that_are(folder, monkeypatch):
    put(folder, redness(), sidecar("faces"))
    with pytest.raises(FileNotFoundError) as refused:
        load_model("mine")
    text = str(refused.value)
    assert text.startswith(f"There is no model mine: name one of {', '.join(MODELS)}, mine.onnx, or a file")
    assert text.endswith("Did you mean mine.onnx?")
    with pytest.raises(FileNotFoundError, match=r"Did you mean fused\?$"):
        load_model("fuesd")
    with pytest.raises(FileNotFoundError, match=r"^own/face\.safetensors: there is no such file\.$"):
        load_model("own/face.safetensors")


def test_a_variable_that_names_no_folder_is_said(monkeypatch, tmp_path):
    monkeypatch.setenv(FOLDER, str(tmp_path / "nowhere"))
    assert wrong_folder() == str(tmp_path / "nowhere")
    with pytest.raises(ModelError, match=r"mine\.onnx: .* EMOLENS_MODELS names .*nowhere, which is no folder\."):
        load_model("mine.onnx")
    monkeypatch.setenv(FOLDER, str(tmp_path))
    assert wrong_folder() is None


def test_a_model_is_loaded_once_until_its_file_changes(folder):
    path = put(folder, redness(), sidecar("faces"))
    first = load_model("mine.onnx")
    assert load_model("mine.onnx") is first
    assert load_model(str(path)) is first
    put(folder, linear(np.ones((3, 552)), np.zeros(3)), sidecar("features"))
    second = load_model("mine.onnx")
    assert second.digest != first.digest
    path.with_suffix(".json").write_bytes(sidecar("features", missing=1))
    os.utime(path.with_suffix(".json"), ns=(1, 1))
    assert load_model("mine.onnx").digest not in (first.digest, second.digest)


def test_no_name_of_a_file_is_that_of_a_measured_model(folder):
    """Its scores would be taken for the file's."""
    put(folder, redness(), sidecar("faces"), "fused")
    assert load_model("fused.onnx").name == "fused.onnx"
    assert load_model("fused").name == "fused"


def test_no_two_models_have_one_title(folder):
    """It is the name in the list and in the address."""
    for stem, title in (("a", "Linear"), ("b", "Mine"), ("c", "Mine"), ("d", "Alone")):
        put(folder, redness(), sidecar("faces", title=title), stem)
    titles = [described.title for described in offered_models().values()]
    assert titles[-4:] == ["Linear (a.onnx)", "Mine (b.onnx)", "Mine (c.onnx)", "Alone"]
    assert len(set(titles)) == len(titles)


def test_what_is_not_there_is_said(folder):
    assert find_brought("fused") is None
    with pytest.raises(ModelError, match=r"other\.onnx: there is no such file, here or in the folder that EMOLENS_MODELS names"):
        load_model("other.onnx")


def test_only_so_many_are_looked_at(folder):
    for number in range(25):
        put(folder, redness(), sidecar("faces"), f"m{number:02d}")
    assert len(offered_models()) == len(MODELS) + 20

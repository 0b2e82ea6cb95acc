"""What lies in the folder is offered by name as soon as it is there, and nothing else is."""

import os

import numpy as np
import pytest

from models.checkpoint import load_model
from models.foreign.catalogue import FOLDER, find_brought, offered_models, refused_files
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
    assert found["alone.onnx"] == "alone.json is missing beside the model: it says what goes in and what comes out."
    assert found["broken.onnx"].startswith("broken.json: it is no JSON object")


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

"""A file is opened only if it is one, complete, and of the shape that its sidecar promises."""

import sys
from contextlib import suppress

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from models.foreign import onnx_network
from models.foreign.protobuf import names_other_files
from models.networks import ModelError
from tests.models.foreign.onnx_files import NAMED, graph, linear, loudness, read, redness, sidecar

LINEAR = linear(np.ones((3, 552)), np.arange(3.0))


def outside(tensor: onnx.TensorProto, where: str = "/etc/passwd") -> onnx.TensorProto:
    """The same tensor, its numbers in another file."""
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    entry = tensor.external_data.add()
    entry.key, entry.value = "location", where
    return tensor


def with_weights_outside() -> onnx.ModelProto:
    model = onnx.ModelProto()
    model.CopyFrom(LINEAR)
    outside(model.graph.initializer[0])
    return model


def with_a_constant_outside() -> onnx.ModelProto:
    """In an attribute of a node inside a branch of another."""
    value = outside(numpy_helper.from_array(np.zeros(4, np.float32), "v"), "../secret")
    inner = helper.make_graph([helper.make_node("Constant", [], ["c"], value=value)], "inner", [], [])
    return graph([helper.make_node("If", ["x"], ["y"], then_branch=inner, else_branch=inner)], ["n", 552], 3, {})


@pytest.mark.parametrize("model", [with_weights_outside(), with_a_constant_outside()], ids=["weights", "a branch"])
def test_another_file_is_never_opened(model, monkeypatch):
    import onnxruntime

    monkeypatch.setattr(onnxruntime, "InferenceSession", lambda *given, **named: pytest.fail("it was opened"))
    assert names_other_files(model.SerializeToString())
    with pytest.raises(ModelError, match="keeps its weights in another file, which is not opened: export it as one file"):
        read(model, sidecar("features"))


@pytest.mark.parametrize("model", [LINEAR, loudness(), redness()])
def test_a_whole_model_names_no_other_file(model):
    assert not names_other_files(model.SerializeToString())


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_are_an_answer_or_an_error(data):
    with suppress(ValueError):
        names_other_files(data)


@given(st.integers(0, 10**6))
def test_half_a_model_is_refused(seed):
    data = LINEAR.SerializeToString()
    half = data[: int(np.random.default_rng(seed).integers(1, len(data) - 1))]
    with pytest.raises(ModelError, match=r"no ONNX file, or a damaged one|cannot be run"):
        onnx_network.OnnxNetwork(half, "mine.onnx", None)


def unknown_operation() -> onnx.ModelProto:
    return graph([helper.make_node("Telepathy", ["x"], ["y"])], ["n", 552], 3, {})


def from_the_future() -> onnx.ModelProto:
    model = onnx.ModelProto()
    model.CopyFrom(LINEAR)
    model.opset_import[0].version = 9999
    return model


def two_inputs() -> onnx.ModelProto:
    model = onnx.ModelProto()
    model.CopyFrom(LINEAR)
    model.graph.input.append(helper.make_tensor_value_info("z", TensorProto.FLOAT, ["n", 1]))
    return model


def of_doubles() -> onnx.ModelProto:
    cast = [helper.make_node("Cast", ["x"], ["f"], to=TensorProto.FLOAT), helper.make_node("Gemm", ["f", "w"], ["y"])]
    return graph(cast, ["n", 552], 3, {"w": np.ones((552, 3), np.float32)}, TensorProto.DOUBLE)


def chosen_class() -> onnx.ModelProto:
    """As scikit-learn's are written: which class it is, before their probabilities."""
    model = linear(np.ones((3, 552)), np.zeros(3))
    model.graph.node.append(helper.make_node("ArgMax", ["y"], ["c"], axis=1, keepdims=0))
    model.graph.output.insert(0, helper.make_tensor_value_info("c", TensorProto.INT64, ["n"]))
    return model


def of_two_seconds() -> onnx.ModelProto:
    """It says that any length will do, and cuts out what is not there in one second."""
    nodes = [helper.make_node("Reshape", ["x", "shape"], ["r"]), helper.make_node("Gemm", ["r", "w"], ["y"])]
    arrays = {"shape": np.array([-1, 32_000]), "w": np.ones((32_000, 3), np.float32)}
    return graph(nodes, ["n", "length"], 3, arrays)


def test_an_accident_of_logits_at_nothing_is_no_probability():
    """They add up to 1 where all numbers are 0, and not elsewhere."""
    bias = np.array([0.2, 0.3, 0.5])
    found = read(linear(np.random.default_rng(0).normal(size=(3, 552)), bias), sidecar("features"))
    assert found.sidecar.output == "logits"


def test_an_empty_file_is_said_to_be_empty():
    with pytest.raises(ModelError, match=r"^mine\.onnx is empty: export it again\.$"):
        onnx_network.OnnxNetwork(b"", "mine.onnx", None)


FOUR = {**NAMED, "fear": "fearful"}


@pytest.mark.parametrize(
    ("model", "said", "words"),
    [
        (unknown_operation(), sidecar("features"), r"cannot be run \(.*Telepathy.*export it with an opset that onnxruntime knows"),
        (from_the_future(), sidecar("features"), r"cannot be run \(.*opset"),
        (two_inputs(), sidecar("features"), r"has 2 inputs: export it with one, of the shape \(n, 552\)"),
        (of_doubles(), sidecar("features"), r"reads tensor\(double\): export it to read float32"),
        (LINEAR, sidecar("faces"), r'reads \(free, 552\), but its sidecar says "faces": export it to read \(n, 3, 224, 224\)'),
        (LINEAR, sidecar("samples"), None),
        (linear(np.ones((3, 40)), np.zeros(3)), sidecar("features"), r"reads \(free, 40\).*export it to read \(n, 552\)"),
        (linear(np.ones((3, 552)), np.zeros(3), batch=4), sidecar("features"), r"reads \(4, 552\)"),
        (redness(), sidecar("features"), r"reads \(free, 3, 224, 224\)"),
        (LINEAR, sidecar("features", FOUR), r"answers with the shape \(1, 3\), but its sidecar names 4 outputs"),
        (LINEAR, sidecar("features", output="probabilities"), r'does not answer with probabilities: say "output": "logits"'),
        (
            linear(np.random.default_rng(0).normal(size=(3, 552)), np.arange(3.0), softmax=True),
            sidecar("features"),
            r'answers with probabilities, but its sidecar says "logits": say "output": "probabilities"\.',
        ),
        (chosen_class(), sidecar("features"), r"the shape \(1,\).*must be \(n, 3\), .*scikit-learn keep the output `probabilities` alone"),
        (of_two_seconds(), sidecar("samples"), r"\(1, 16000\).*free sizes; it must also take one second of sound\."),
    ],
)
def test_what_does_not_fit_is_refused_in_one_sentence(model, said, words):
    with pytest.raises(ModelError, match=words) as refused:
        read(model, said)
    text = str(refused.value)
    assert text.startswith("mine.onnx ")
    assert "\n" not in text
    assert len(text) < 400


def test_a_file_without_the_extra_says_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(ModelError, match=r"needs onnxruntime, which is not installed here: pip install -r requirements-onnx\.txt"):
        read(LINEAR, sidecar("features"))


def test_a_huge_file_is_refused_before_it_is_read(monkeypatch):
    monkeypatch.setattr(onnx_network, "MOST_BYTES", 1000)
    monkeypatch.setattr(onnx_network, "names_other_files", lambda data: pytest.fail("it was read"))
    with pytest.raises(ModelError, match="is larger than"):
        read(LINEAR, sidecar("features"))


def test_an_answer_that_is_no_number_is_none():
    network = onnx_network.OnnxNetwork(LINEAR.SerializeToString(), "mine.onnx", read(LINEAR, sidecar("features")).sidecar)
    with pytest.raises(ModelError, match="answered with what is no number"):
        network.outputs(np.full((1, 552), np.nan))


@pytest.mark.parametrize("batch", ["n", 1])
def test_many_rows_are_answered_as_each_by_itself(batch):
    rng = np.random.default_rng(0)
    weights, bias, rows = rng.normal(size=(3, 552)), rng.normal(size=3), rng.normal(size=(1100, 552)).astype(np.float32)
    network = onnx_network.OnnxNetwork(
        linear(weights, bias, batch).SerializeToString(), "mine.onnx", read(LINEAR, sidecar("features")).sidecar
    )
    found = network.outputs(rows if batch == "n" else rows[:20])
    np.testing.assert_allclose(found, (rows @ weights.T + bias)[: len(found)], atol=1e-4)

"""Tiny ONNX models, made by hand: a linear map of the 552 numbers, of the sound's level, of colours of a face."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from models.checkpoint import load_model
from models.foreign.reading import model_from
from models.labels import LABELS

CLASSES = ("anger", "joy", "awe")
NAMED = {"anger": "angry", "joy": "happy", "awe": None}


def graph(nodes, shape, outputs: int, arrays, dtype: int = TensorProto.FLOAT) -> onnx.ModelProto:
    """A model that reads ``x`` and answers ``y``, (n, outputs)."""
    x = helper.make_tensor_value_info("x", dtype, shape)
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, [shape[0], outputs])
    constants = [numpy_helper.from_array(np.asarray(array), name) for name, array in arrays.items()]
    return helper.make_model(
        helper.make_graph(nodes, "tiny", [x], [y], constants), opset_imports=[helper.make_opsetid("", 17)], ir_version=9
    )


def linear(weights: np.ndarray, bias: np.ndarray, batch="n", softmax: bool = False) -> onnx.ModelProto:
    """x (n, d) → weights (k, d) · x + bias (k,)."""
    nodes = [helper.make_node("Gemm", ["x", "w", "b"], ["s" if softmax else "y"], transB=1)]
    if softmax:
        nodes.append(helper.make_node("Softmax", ["s"], ["y"], axis=1))
    arrays = {"w": weights.astype(np.float32), "b": bias.astype(np.float32)}
    return graph(nodes, [batch, weights.shape[1]], len(weights), arrays)


def of_sound(kernel: np.ndarray, weights: np.ndarray, bias: np.ndarray, batch="n") -> onnx.ModelProto:
    """x (n, length) → weights (k,) · mean \\|x ∗ kernel\\| + bias: how loud it is in the band of a filter."""
    nodes = [
        helper.make_node("Unsqueeze", ["x", "one"], ["u"]),
        helper.make_node("Conv", ["u", "kernel"], ["c"]),
        helper.make_node("Abs", ["c"], ["a"]),
        helper.make_node("ReduceMean", ["a"], ["m"], axes=[2], keepdims=0),
        helper.make_node("Gemm", ["m", "w", "b"], ["y"], transB=1),
    ]
    arrays = {
        "one": np.array([1]),
        "kernel": kernel[None, None].astype(np.float32),
        "w": weights[:, None].astype(np.float32),
        "b": bias.astype(np.float32),
    }
    return graph(nodes, [batch, "length"], len(weights), arrays)


def of_faces(weights: np.ndarray, bias: np.ndarray, place=(0, 224, 0, 224), batch="n", dtype: int = TensorProto.FLOAT) -> onnx.ModelProto:
    """x (n, 3, 224, 224) → weights (k, 3) · mean colour in a place (rows, then columns) + bias (k,)."""
    top, bottom, left, right = place
    nodes = [
        helper.make_node("Cast", ["x"], ["f"], to=TensorProto.FLOAT),
        helper.make_node("Slice", ["f", "starts", "ends", "axes"], ["p"]),
        helper.make_node("ReduceMean", ["p"], ["m"], axes=[2, 3], keepdims=0),
        helper.make_node("Gemm", ["m", "w", "b"], ["y"], transB=1),
    ]
    arrays = {
        "starts": np.array([top, left]),
        "ends": np.array([bottom, right]),
        "axes": np.array([2, 3]),
        "w": weights.astype(np.float32),
        "b": bias.astype(np.float32),
    }
    return graph(nodes, [batch, 3, 224, 224], len(weights), arrays, dtype)


def sidecar(kind: str, labels=None, **more) -> bytes:
    return json.dumps({"input": kind, "output": "logits", "labels": labels or NAMED, **more}).encode()


def read(model: onnx.ModelProto, said: bytes, name: str = "mine.onnx"):
    return model_from(model.SerializeToString(), said, name)


def linear_checkpoint() -> tuple[onnx.ModelProto, bytes]:
    """The checkpoint *Linear*, standardising and temperature inside: raw features → calibrated logits."""
    own = load_model("linear")
    weights, bias = own.classifier.layer.weight.double().numpy(), own.classifier.layer.bias.double().numpy()
    raw = weights / own.standardise.std / own.temperature
    labels = {label.upper(): label for label in LABELS}
    return linear(raw, bias / own.temperature - raw @ own.standardise.mean), sidecar(
        "features", labels, missing=own.standardise.mean.tolist()
    )


def loudness(hz: float = 3000.0) -> onnx.ModelProto:
    """Angry where it is loud at a frequency, happy where it is not."""
    time = np.arange(-64, 65) / 16_000
    return of_sound(np.cos(2 * np.pi * hz * time) * np.hanning(129), np.array([2.0, -2.0, 0.5]), np.array([0.0, 0.5, 0.0]))


def redness(place=(0, 224, 0, 224)) -> onnx.ModelProto:
    """Angry where a place of the face is red, happy where it is green."""
    return of_faces(np.array([[6.0, 0, 0], [0, 6.0, 0], [0, 0, 1.0]]), np.zeros(3), place)


def put(folder: Path, model: onnx.ModelProto, said: bytes, stem: str = "mine") -> Path:
    """Both files in a folder; the path of the model."""
    (folder / f"{stem}.onnx").write_bytes(model.SerializeToString())
    (folder / f"{stem}.json").write_bytes(said)
    return folder / f"{stem}.onnx"

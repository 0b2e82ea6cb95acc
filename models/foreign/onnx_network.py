"""An ONNX file as a network that can only be asked: opened with care, its shapes held to what its sidecar promises.

By ``onnxruntime``, which runs the graph itself: nothing is unpickled, and no code of the file's author runs.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from features import SPACE
from features.faces import CROP
from models.foreign.protobuf import names_other_files
from models.foreign.sidecar import Sidecar
from models.networks import ModelError

MOST_BYTES = 500_000_000
SAMPLE_RATE = 16_000  # Hz
_THREADS = 2
_BATCH = {"features": 512, "samples": 8, "faces": 8}  # rows that are asked about at once
_SHAPES: dict[str, tuple[int | None, ...]] = {"features": (None, len(SPACE)), "samples": (None, None), "faces": (None, 3, CROP, CROP)}
_WORDS = {"features": f"(n, {len(SPACE)})", "samples": "(n, length), the length free", "faces": f"(n, 3, {CROP}, {CROP})"}
_ALSO = {"samples": "; it must also take one second of sound."}
_OF_SKLEARN = "; of a model of scikit-learn keep the output `probabilities` alone (CONTRIBUTING.md shows how)"
_TYPES = {"tensor(float)": np.float32, "tensor(uint8)": np.uint8}
_NOT_INSTALLED = "An ONNX model needs onnxruntime, which is not installed here: pip install -r requirements-onnx.txt."


class OnnxNetwork(torch.nn.Module):
    """One input → one row of k outputs for each example.

    Args:
        data: bytes of the file; name: of the file, for messages; sidecar: its description.

    Raises:
        ModelError: it cannot be opened, or does not fit its sidecar.
    """

    def __init__(self, data: bytes, name: str, sidecar: Sidecar) -> None:
        super().__init__()
        self.name, self.sidecar = name, sidecar
        self.session = _opened(data, name)
        self.input, self.dtype, self.alone = self._checked_input()
        self._try()

    def outputs(self, values: np.ndarray) -> np.ndarray:
        """Rows as the file wants them, (n, …) → float32 (n, k).

        Raises:
            ModelError: it fails on them, or answers with what is no number.
        """
        size = 1 if self.alone else _BATCH[self.sidecar.input]
        blocks = [self._ask(values[start : start + size]) for start in range(0, len(values), size)]
        found = np.concatenate(blocks).astype(np.float32)
        if not np.isfinite(found).all():
            raise ModelError(f"{self.name} answered with what is no number: try another recording, or export the model again.")
        return found

    def logits(self, values: np.ndarray) -> np.ndarray:
        """The same → float32 (n, 8), in our order."""
        return self.sidecar.logits(self.outputs(values))

    def _ask(self, values: np.ndarray) -> np.ndarray:
        try:
            return self.session.run([self.session.get_outputs()[0].name], {self.input: values.astype(self.dtype)})[0]
        except Exception as error:  # onnxruntime's own have no common kind
            message = f"{self.name} failed on an input of the shape {values.shape} ({_first_line(error)}): export it with free sizes"
            raise ModelError(message + _ALSO.get(self.sidecar.input, ".")) from None

    def _checked_input(self) -> tuple[str, type, bool]:
        """Name and type of its input, and whether it takes one example at a time."""
        inputs, kind = self.session.get_inputs(), self.sidecar.input
        wanted = _SHAPES[kind]
        if len(inputs) != 1:
            raise ModelError(f"{self.name} has {len(inputs)} inputs: export it with one, of the shape {_WORDS[kind]}.")
        shape, dtype = inputs[0].shape, _TYPES.get(inputs[0].type)
        fits = len(shape) == len(wanted) and all(
            not isinstance(own, int) or own == size for own, size in zip(shape[1:], wanted[1:], strict=True)
        )
        if not fits or (isinstance(shape[0], int) and shape[0] != 1):
            sizes = ", ".join(str(size) if isinstance(size, int) else "free" for size in shape)
            raise ModelError(f'{self.name} reads ({sizes}), but its sidecar says "{kind}": export it to read {_WORDS[kind]}.')
        if dtype is None or (dtype is np.uint8 and kind != "faces"):
            raise ModelError(f"{self.name} reads {inputs[0].type}: export it to read float32 numbers.")
        return inputs[0].name, dtype, isinstance(shape[0], int)

    def _try(self) -> None:
        """Hold what it answers to its sidecar."""
        size = (1, *(SAMPLE_RATE if size is None else size for size in _SHAPES[self.sidecar.input][1:]))
        found, count = self._ask(np.zeros(size, np.float32)), len(self.sidecar.labels)
        shape = getattr(found, "shape", ())
        if shape != (1, count):
            raise ModelError(
                f"{self.name} answers with the shape {tuple(shape)}, but its sidecar names {count} outputs: "
                f"its first output must be (n, {count}), one number for each label{_OF_SKLEARN if len(shape) == 1 else ''}."
            )
        if self.sidecar.output == "probabilities" and not _are_probabilities(found, 1e-2):
            raise ModelError(f'{self.name} does not answer with probabilities: say "output": "logits" in its sidecar.')
        noise = np.random.default_rng(0).uniform(0, 255 if self.dtype is np.uint8 else 1, size).astype(np.float32)
        if self.sidecar.output == "logits" and _are_probabilities(found, 1e-3) and _are_probabilities(self._ask(noise), 1e-3):
            raise ModelError(f'{self.name} answers with probabilities, but its sidecar says "logits": say "output": "probabilities".')


def _are_probabilities(answer: np.ndarray, tolerance: float) -> bool:
    return bool(answer.min() >= -1e-4 and abs(float(answer.sum()) - 1) < tolerance)


def _opened(data: bytes, name: str) -> Any:
    """An ``onnxruntime.InferenceSession``."""
    if not data:
        raise ModelError(f"{name} is empty: export it again.")
    if len(data) > MOST_BYTES:
        raise ModelError(f"{name} is larger than {MOST_BYTES // 10**6} MB: use a smaller model.")
    try:
        import onnxruntime
    except ImportError:
        raise ModelError(_NOT_INSTALLED) from None
    try:
        outside = names_other_files(data)
    except ValueError:
        raise ModelError(f"{name} is no ONNX file, or a damaged one: export it again.") from None
    if outside:
        raise ModelError(f"{name} keeps its weights in another file, which is not opened: export it as one file (external_data=False).")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = _THREADS, 1
    options.log_severity_level = 4
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # other work shares these cores
    try:
        return onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # its own have no common kind
        raise ModelError(f"{name} cannot be run ({_first_line(error)}): export it with an opset that onnxruntime knows.") from None


def _first_line(error: Exception) -> str:
    """The message without its code, shortened."""
    text = " ".join(str(error).split()).split(" : ", 3)[-1]
    return text if len(text) <= 160 else f"{text[:159]}…"

"""A trained classifier with everything it needs to be used and judged, in one ``safetensors`` file.

The file holds the weights, the mean and deviation of the features, a small reference set (the baseline of SHAP) and, as
JSON in its metadata, labels, temperature, provenance and scores. Nothing is unpickled.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from features import N_FEATURES
from models.classifier import TransformerEmotionClassifier
from models.labels import LABELS

WEIGHTS = Path(__file__).parent / "weights"
DEFAULT = "fused"
_BATCH = 256


@dataclass(frozen=True)
class EmotionModel:
    """A classifier that is ready to use: raw features in, calibrated logits out.

    Attributes:
        classifier: in evaluation mode, its parameters frozen.
        mean, std: float64 (552,), of the raw features in training.
        reference: float32 (m, 552) raw training vectors, what SHAP compares with.
        temperature: logits are divided by it (Guo et al. 2017, arXiv:1706.04599).
        info: provenance, settings and scores.
        digest: 16 hex digits of the file's SHA-256, or of the weights when it was not read from a file.
    """

    name: str
    classifier: torch.nn.Module
    mean: np.ndarray
    std: np.ndarray
    reference: np.ndarray
    temperature: float
    info: dict[str, Any] = field(default_factory=dict)
    digest: str = ""

    @property
    def backbone(self) -> str:
        """Name of the backbone whose features the classifier was trained on."""
        return self.info.get("backbone", "ferplus")

    def standardise(self, vectors: np.ndarray) -> torch.Tensor:
        """Raw (n, 552), NaN where a modality is missing → standardised float32 tensor with zeros there."""
        z = (np.asarray(vectors, float) - self.mean) / self.std
        return torch.from_numpy(np.nan_to_num(z, nan=0.0).astype(np.float32))

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        """Standardised (n, 552) → calibrated logits (n, 8), differentiable."""
        return self.classifier(z) / self.temperature

    def logits(self, vectors: np.ndarray) -> np.ndarray:
        """Raw (n, 552) → float64 (n, 8) calibrated logits."""
        with torch.inference_mode():
            blocks = [self.forward(block) for block in self.standardise(vectors).split(_BATCH)]
            return torch.cat(blocks).double().numpy()

    def probabilities(self, vectors: np.ndarray) -> np.ndarray:
        """Raw (n, 552) → float64 (n, 8), rows sum to 1."""
        logits = self.logits(vectors)
        powers = np.exp(logits - logits.max(1, keepdims=True))
        return powers / powers.sum(1, keepdims=True)

    def jacobian(self, vector: np.ndarray) -> np.ndarray:
        """Raw (552,) → float64 (8, 552): change of each calibrated logit with each raw feature; 0 where it is missing."""
        z = self.standardise(vector[None]).expand(len(LABELS), -1).clone().requires_grad_(True)
        (gradient,) = torch.autograd.grad(self.forward(z).diagonal().sum(), z)
        present = ~np.isnan(vector)
        return np.where(present, gradient.double().numpy() / self.std, 0.0)


def save_model(model: EmotionModel, path: Path) -> None:
    """Write ``model`` to a safetensors file."""
    tensors = {f"classifier.{key}": value.contiguous() for key, value in model.classifier.state_dict().items()}
    tensors |= {"mean": torch.from_numpy(model.mean), "std": torch.from_numpy(model.std)}
    tensors["reference"] = torch.from_numpy(model.reference.astype(np.float16))
    header = {"labels": list(LABELS), "temperature": model.temperature, "info": model.info}
    save_file(tensors, path, {key: json.dumps(value) for key, value in header.items()})


def read_model(path: Path) -> EmotionModel:
    """Read a checkpoint.

    Raises:
        ValueError: it was made for other labels or another number of features.
    """
    with safe_open(path, "pt") as file:
        header = {key: json.loads(value) for key, value in file.metadata().items()}
        tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    if tuple(header["labels"]) != LABELS or tensors["mean"].shape != (N_FEATURES,):
        raise ValueError(f"{path.name} was made for other labels or features than this version of EmoLens")
    classifier = TransformerEmotionClassifier()
    prefix = "classifier."
    classifier.load_state_dict({key.removeprefix(prefix): value for key, value in tensors.items() if key.startswith(prefix)})
    return EmotionModel(
        name=path.stem,
        classifier=classifier.eval().requires_grad_(False),
        mean=tensors["mean"].numpy(),
        std=tensors["std"].numpy(),
        reference=tensors["reference"].float().numpy(),
        temperature=header["temperature"],
        info=header["info"],
        digest=hashlib.sha256(path.read_bytes()).hexdigest()[:16],
    )


def load_model(name: str = DEFAULT) -> EmotionModel:
    """A checkpoint of ``models/weights`` by name, or any checkpoint by its path, loaded once.

    Raises:
        FileNotFoundError: there is no such checkpoint.
    """
    return _load(Path(name) if name.endswith(".safetensors") else WEIGHTS / f"{name}.safetensors")


@lru_cache(maxsize=4)
def _load(path: Path) -> EmotionModel:
    return read_model(path)

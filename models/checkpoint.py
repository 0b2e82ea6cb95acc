"""A trained classifier with everything it needs to be used and judged, in one ``safetensors`` file.

The file holds the weights, the mean and deviation of the features, a small reference set (the baseline of SHAP) and, as
JSON in its metadata, architecture, labels, temperatures, settings and provenance. Its scores are in ``models/results``. Nothing is
unpickled.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from features import N_AUDIO, N_FEATURES, Features
from models.labels import LABELS
from models.networks.fusion import ARCHITECTURES
from models.networks.sequence import TokenBatch, sequences, token_batch

WEIGHTS = Path(__file__).parent / "weights"
DEFAULT = "fused"
_BATCH = 1024
_SHIPPED = 6  # checkpoints that are kept in memory: all that are in the repository


@dataclass(frozen=True)
class Checkpoint:
    """What all classifiers have in common.

    Attributes:
        classifier: in evaluation mode, its parameters frozen.
        mean, std: float64 (552,), of the raw features in training.
        reference: float32 (m, 552) raw training vectors, what SHAP compares with.
        temperature: logits are divided by it (Guo et al. 2017, arXiv:1706.04599).
        info: provenance, settings and the loss of each epoch.
        digest: 16 hex digits of the file's SHA-256, or of the weights when it was not read from a file.
        architecture: a key of :data:`models.networks.fusion.ARCHITECTURES`.
        alone: temperatures of a voice alone and of a face alone, where a model is not as sure as of both; None: the same.
    """

    name: str
    classifier: torch.nn.Module
    mean: np.ndarray
    std: np.ndarray
    reference: np.ndarray
    temperature: float
    info: dict[str, Any] = field(default_factory=dict)
    digest: str = ""
    architecture: str = DEFAULT
    alone: tuple[float, float] | None = None

    def scaled(self, logits: torch.Tensor, heard: torch.Tensor, seen: torch.Tensor) -> torch.Tensor:
        """Logits (n, 8) over the temperature for what was there: bool (n,) a voice, bool (n,) a face."""
        if self.alone is None:
            return logits / self.temperature
        voice, face = self.alone
        temperatures = torch.where(heard == seen, self.temperature, torch.where(heard, voice, face))
        return logits / temperatures[:, None]

    @property
    def backbone(self) -> str:
        """Name of the backbone whose features the classifier was trained on."""
        return self.info.get("backbone", "ferplus")

    @property
    def hears(self) -> bool:
        """Whether it judges the voice."""
        return self.architecture != "face"

    @property
    def sees(self) -> bool:
        """Whether it judges the face."""
        return self.architecture != "voice"


@dataclass(frozen=True)
class EmotionModel(Checkpoint):
    """A classifier of the 552-vector: raw features in, calibrated logits out."""

    def standardise(self, vectors: np.ndarray) -> torch.Tensor:
        """Raw (n, 552), NaN where a modality is missing → standardised float32 tensor with zeros there."""
        z = (np.asarray(vectors, float) - self.mean) / self.std
        return torch.from_numpy(np.nan_to_num(z, nan=0.0).astype(np.float32))

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        """Standardised (n, 552) → calibrated logits (n, 8), differentiable."""
        return self.scaled(self.classifier(z), (z[:, :N_AUDIO] != 0).any(dim=1), (z[:, N_AUDIO:] != 0).any(dim=1))

    def logits(self, vectors: np.ndarray) -> np.ndarray:
        """Raw (n, 552) → float64 (n, 8) calibrated logits."""
        with torch.inference_mode():
            blocks = [self.forward(block) for block in self.standardise(vectors).split(_BATCH)]
            return torch.cat(blocks).double().numpy()

    def probabilities(self, vectors: np.ndarray) -> np.ndarray:
        """Raw (n, 552) → float64 (n, 8), rows sum to 1."""
        return softmax(self.logits(vectors))

    def predict(self, features: Features) -> np.ndarray:
        """A recording → float64 (8,) calibrated logits."""
        return self.logits(features.vector[None])[0]

    def embedding(self, vectors: np.ndarray) -> np.ndarray:
        """Raw (n, 552) → float32 (n, d): what its last layers see."""
        embedding: Callable[[torch.Tensor], torch.Tensor] = self.classifier.embedding  # type: ignore[assignment]
        with torch.inference_mode():
            return torch.cat([embedding(block) for block in self.standardise(vectors).split(_BATCH)]).numpy()

    def embed(self, features: Features) -> np.ndarray:
        """A recording → float32 (d,)."""
        return self.embedding(features.vector[None])[0]

    def jacobian(self, vector: np.ndarray) -> np.ndarray:
        """Raw (552,) → float64 (8, 552): change of each calibrated logit with each raw feature; 0 where it is missing."""
        z = self.standardise(vector[None]).expand(len(LABELS), -1).clone().requires_grad_(True)
        (gradient,) = torch.autograd.grad(self.forward(z).diagonal().sum(), z)
        present = ~np.isnan(vector)
        return np.where(present, gradient.double().numpy() / self.std, 0.0)


@dataclass(frozen=True)
class TokenModel(Checkpoint):
    """A classifier of the sequence of seconds and frames; ``mean`` and ``std`` are those of single frames.

    Attributes:
        reference_voice: float32 (m, 40, frames) raw MFCCs, and
        reference_faces: float32 (m, k, 512) raw features: sequences that belong to the rows of ``reference``.
    """

    reference_voice: np.ndarray = field(default_factory=lambda: np.zeros((0, 40, 0), np.float32))
    reference_faces: np.ndarray = field(default_factory=lambda: np.zeros((0, 0, 512), np.float32))

    def batch(self, features: Features, *, hear: bool = True, see: bool = True) -> TokenBatch:
        """A recording as a batch of one, on request without its voice or its face."""
        voice, faces, seconds = sequences(features)
        return token_batch(voice if hear else None, faces if see else None, seconds if see else None, self.mean, self.std)

    def forward(self, batch: TokenBatch) -> torch.Tensor:
        """→ calibrated logits (n, 8), differentiable."""
        return self.scaled(self.classifier(batch), batch.heard > 0, batch.seen.any(dim=1))

    def logits(self, batch: TokenBatch) -> np.ndarray:
        """→ float64 (n, 8) calibrated logits."""
        with torch.inference_mode():
            return self.forward(batch).double().numpy()

    def predict(self, features: Features) -> np.ndarray:
        """A recording → float64 (8,) calibrated logits."""
        return self.logits(self.batch(features))[0]

    def embedding(self, batch: TokenBatch) -> np.ndarray:
        """→ float32 (n, 256): what its last layers see."""
        embedding: Callable[[TokenBatch], torch.Tensor] = self.classifier.embedding  # type: ignore[assignment]
        with torch.inference_mode():
            return embedding(batch).numpy()

    def embed(self, features: Features) -> np.ndarray:
        """A recording → float32 (256,)."""
        return self.embedding(self.batch(features))[0]


AnyModel = EmotionModel | TokenModel


def softmax(logits: np.ndarray) -> np.ndarray:
    """Rows of logits → rows of probabilities."""
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


def save_model(model: Checkpoint, path: Path) -> None:
    """Write ``model`` to a safetensors file, the reference set in half precision."""
    tensors = {f"classifier.{key}": value.contiguous() for key, value in model.classifier.state_dict().items()}
    tensors |= {"mean": torch.from_numpy(model.mean), "std": torch.from_numpy(model.std)}
    arrays = {"reference": model.reference}
    if isinstance(model, TokenModel):
        arrays |= {"reference_voice": model.reference_voice, "reference_faces": model.reference_faces}
    tensors |= {key: torch.from_numpy(array.astype(np.float16)) for key, array in arrays.items()}
    header: dict[str, Any] = {"labels": list(LABELS), "architecture": model.architecture, "info": model.info}
    header |= {"temperature": model.temperature, "alone": model.alone}
    save_file(tensors, path, {key: json.dumps(value) for key, value in header.items()})
    path.chmod(0o644)  # safetensors lets nobody else read it, such as who runs a container that it was copied into


def read_model(path: Path) -> AnyModel:
    """Read a checkpoint.

    Raises:
        ValueError: it was made for other labels, another number of features or an unknown architecture.
    """
    with safe_open(path, "pt") as file:
        header = {key: json.loads(value) for key, value in file.metadata().items()}
        tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    architecture = header.get("architecture", DEFAULT)
    known = tuple(header["labels"]) == LABELS and tensors["mean"].shape == (N_FEATURES,) and architecture in ARCHITECTURES
    if not known:
        raise ValueError(f"{path.name} was made for other labels, features or models than this version of EmoLens")
    classifier = ARCHITECTURES[architecture]()
    prefix = "classifier."
    classifier.load_state_dict({key.removeprefix(prefix): value for key, value in tensors.items() if key.startswith(prefix)})
    kind = TokenModel if architecture == "av-tokens" else EmotionModel
    sequences_there = {key: tensors[key].float().numpy() for key in ("reference_voice", "reference_faces") if key in tensors}
    return kind(
        name=path.stem,
        classifier=classifier.eval().requires_grad_(False),
        mean=tensors["mean"].numpy(),
        std=tensors["std"].numpy(),
        reference=tensors["reference"].float().numpy(),
        temperature=header["temperature"],
        alone=tuple(header["alone"]) if header.get("alone") else None,
        info=header["info"],
        digest=hashlib.sha256(path.read_bytes()).hexdigest()[:16],
        architecture=architecture,
        **sequences_there,
    )


def load_model(name: str = DEFAULT) -> AnyModel:
    """The checkpoint ``models/weights/NAME.safetensors``, or the one at a path; loaded once and shared, read-only.

    Raises:
        FileNotFoundError: there is no such checkpoint.
    """
    return _load(Path(name) if name.endswith(".safetensors") else WEIGHTS / f"{name}.safetensors")


@lru_cache(maxsize=_SHIPPED)
def _load(path: Path) -> AnyModel:
    return read_model(path)

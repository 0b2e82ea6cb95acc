"""A trained model as one ``safetensors`` file.

The file holds the weights, the mean and deviation of the features, a small reference set (the baseline of SHAP) and, as
JSON in its metadata, architecture, labels, temperatures, settings and provenance. Its scores are in ``models/results``. Nothing is
unpickled.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import fields
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from features import SPACE, FeatureSpace, Modality, Standardiser
from models.foreign.catalogue import CHECKPOINT, find_brought, load_brought, unknown
from models.labels import LABELS
from models.model import EmotionModel
from models.registry import DEFAULT, MODELS, ModelSpec

WEIGHTS = Path(__file__).parent / "weights"
_PREFIX = "classifier."
_REFERENCE = "reference"  # arrays whose names begin so belong to the reference set


def save_model(model: EmotionModel, path: Path) -> None:
    """Write ``model`` to a safetensors file, the reference set in half precision."""
    tensors = {f"{_PREFIX}{key}": value.contiguous() for key, value in model.classifier.state_dict().items()}
    tensors |= {name: torch.from_numpy(getattr(model.standardise, name)) for name in ("mean", "std")}
    arrays = {field.name: getattr(model, field.name) for field in fields(model) if field.name.startswith(_REFERENCE)}
    tensors |= {name: torch.from_numpy(array.astype(np.float16)) for name, array in arrays.items()}
    header: dict[str, Any] = {"labels": list(LABELS), "architecture": model.architecture, "info": model.info}
    alone = None if model.alone is None else [model.alone[modality] for modality in Modality]
    header |= {"temperature": model.temperature, "alone": alone}
    save_file(tensors, path, {key: json.dumps(value) for key, value in header.items()})
    path.chmod(0o644)  # safetensors lets nobody else read it, such as who runs a container that it was copied into


def read_model(path: Path) -> EmotionModel:
    """Read a checkpoint.

    Raises:
        ValueError: it was made for other labels, another number of features or an unknown architecture.
    """
    with safe_open(path, "pt") as file:
        header = {key: json.loads(value) for key, value in file.metadata().items()}
        tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    architecture = header.get("architecture", DEFAULT)
    known = tuple(header["labels"]) == LABELS and architecture in MODELS
    spec = MODELS.get(architecture)
    space = _space(spec, header["info"], len(tensors["mean"])) if spec is not None and known else None
    if spec is None or space is None:
        raise ValueError(f"{path.name} was made for other labels, features or models than this version of EmoLens")
    info = header["info"] | _located(header["info"], path.parent)
    classifier = spec.network(**({"voice_width": space.size(Modality.AUDIO)} if spec.tokens else {}))
    classifier.load_state_dict({key.removeprefix(_PREFIX): value for key, value in tensors.items() if key.startswith(_PREFIX)})
    return spec.model_class(
        name=path.stem,
        classifier=classifier.eval().requires_grad_(False),
        standardise=Standardiser(tensors["mean"].numpy(), tensors["std"].numpy(), space),
        temperature=header["temperature"],
        alone=dict(zip(Modality, header["alone"], strict=True)) if header.get("alone") else None,
        info=info,
        digest=hashlib.sha256(path.read_bytes()).hexdigest()[:16],
        architecture=architecture,
        **{key: value.float().numpy() for key, value in tensors.items() if key.startswith(_REFERENCE)},
    )


def _space(spec: ModelSpec, info: Mapping[str, Any], size: int) -> FeatureSpace | None:
    """The features of a checkpoint that holds so many means; None where they cannot be those of its kind."""
    if not spec.tokens:
        return SPACE if size == len(SPACE) else None
    from models.networks.encoders import ENCODERS, load_encoder

    name, width = info.get("voice_encoder", ""), size - SPACE.size(Modality.VIDEO)
    if name in ENCODERS[Modality.AUDIO]:
        names = load_encoder(Modality.AUDIO, name).names
        return FeatureSpace({**SPACE.columns, Modality.AUDIO: names}) if len(names) == width else None
    return FeatureSpace({**SPACE.columns, Modality.AUDIO: tuple(f"voice_{k:04d}" for k in range(width))}) if width > 0 else None


def _located(info: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """The voice encoder of a checkpoint in ``folder``, if it is a folder beside it."""
    if "@" not in (name := info.get("voice_encoder", "")):
        return {}
    from models.networks.hugging_face_voice import beside

    return {"voice_encoder": beside(name, folder)}


def load_model(name: str = DEFAULT) -> EmotionModel:
    """The checkpoint ``models/weights/NAME.safetensors``, or the one at a path; loaded once and shared, read-only.

    A name or a path that ends as those of :mod:`models.foreign.catalogue` do is that of a model which somebody brought along.

    Raises:
        FileNotFoundError: there is no such checkpoint.
        models.networks.ModelError: a file that was brought along cannot be used.

    >>> from features import extract
    >>> from models.networks.encoders import load_encoders
    >>> model = load_model("voice")
    >>> features = extract(open("pages/sample/sample.wav", "rb").read(), None, load_encoders(model.encoders))
    >>> model.predict(features).shape  # calibrated logits in the order of LABELS
    (8,)
    """
    brought = find_brought(name)
    if brought is not None:
        return load_brought(brought)
    path = Path(name) if name.endswith(CHECKPOINT) else WEIGHTS / f"{name}{CHECKPOINT}"
    if not path.is_file():
        raise FileNotFoundError(unknown(name))
    return _load(path)


@lru_cache(maxsize=len(MODELS))
def _load(path: Path) -> EmotionModel:
    return read_model(path)

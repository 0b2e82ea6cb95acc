"""From the bytes of an ONNX file and of its sidecar to a model."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np

from features import SPACE, FeatureSpace, Modality, Standardiser
from features.audio import MFCC_NAMES
from features.video import face_names
from models.foreign.onnx_model import Answers, OnnxFace, OnnxFaceModel, OnnxFeatureModel, OnnxModel, Weighing
from models.foreign.onnx_network import MOST_BYTES, OnnxNetwork
from models.foreign.onnx_sound import OnnxSampleModel
from models.foreign.sidecar import Sidecar, read_sidecar


def model_from(data: bytes, sidecar: bytes, name: str) -> OnnxModel:
    """A model from the bytes of an ONNX file and of its sidecar.

    Args:
        name: of the file; the model has the same.

    Raises:
        ModelError: one of them cannot be used.
    """
    said = read_sidecar(sidecar, f"{name.removesuffix('.onnx')}.json")
    network = OnnxNetwork(data, name, said)
    digest = hashlib.sha256(hashlib.sha256(data).digest() + sidecar).hexdigest()[:16]
    info = {"file": name, "megabytes": round(len(data) / 1e6, 2), "labels": dict(said.labels), **said.provenance}
    return _KINDS[said.input](network, said, {"name": name, "digest": digest, "info": info, "temperature": 1.0, "sidecar": said})


def read_onnx(path: Path) -> OnnxModel:
    """The file at a path, whose sidecar lies beside it.

    Raises:
        ModelError: one of them cannot be used.
    """
    with path.open("rb") as file:
        data = file.read(MOST_BYTES + 1)
    return model_from(data, path.with_suffix(".json").read_bytes(), path.name)


def _of_features(network: OnnxNetwork, said: Sidecar, common: dict[str, Any]) -> OnnxModel:
    if said.mean is not None and said.std is not None:
        standardise = Standardiser(said.mean, said.std, SPACE)
    else:
        standardise = Standardiser(_usual() if said.missing is None else said.missing, np.ones(len(SPACE)), SPACE)
    classifier = Weighing(network, standardise, raw=said.mean is None)
    return OnnxFeatureModel(classifier=classifier, standardise=standardise, reference=_no_reference(SPACE), **common)


def _of_samples(network: OnnxNetwork, said: Sidecar, common: dict[str, Any]) -> OnnxModel:
    return OnnxSampleModel(classifier=network, standardise=_as_it_is(SPACE), reference=_no_reference(SPACE), **common)


def _of_faces(network: OnnxNetwork, said: Sidecar, common: dict[str, Any]) -> OnnxModel:
    space = FeatureSpace({Modality.AUDIO: MFCC_NAMES, Modality.VIDEO: face_names(len(said.labels))})
    face = OnnxFace(network, f"{common['name']} {common['digest']}", common["digest"])
    classifier = Answers(said, space)
    return OnnxFaceModel(classifier=classifier, standardise=_as_it_is(space), reference=_no_reference(space), face=face, **common)


_KINDS = {"features": _of_features, "samples": _of_samples, "faces": _of_faces}


def _usual() -> np.ndarray:
    """float64 (552,): the mean of the reference clips, a voice and a face that say nothing in particular."""
    from models.reference import load_reference

    return SPACE.join({m: SPACE.part(load_reference(m.noun).vectors(), m).mean(axis=0) for m in Modality})


def _as_it_is(space: FeatureSpace) -> Standardiser:
    return Standardiser(np.zeros(len(space)), np.ones(len(space)), space)


def _no_reference(space: FeatureSpace) -> np.ndarray:
    """What it learned from is not known."""
    return np.zeros((0, len(space)), np.float32)

"""Classifiers in ONNX files, of the 552 numbers or of face crops: they can be asked, not looked into."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import numpy as np
import torch

from features import Encoders, Features, FeatureSpace, Modality, Standardiser
from models.foreign.onnx_network import OnnxNetwork
from models.foreign.sidecar import Sidecar
from models.model import NOTHING, Budget, EmotionModel
from models.registry import Description
from models.vector_model import VectorInputs, VectorModel

_CELLS = 7  # a side of the maps of a face


@dataclass(frozen=True)
class OnnxModel(EmotionModel):
    """What all three kinds have in common: ``classifier`` is the file, or reads what the file says.

    Attributes:
        sidecar: its description.
    """

    differentiable: ClassVar[bool] = False
    sidecar: Sidecar = field(kw_only=True)

    @property
    def spec(self) -> Description:
        return self.sidecar.description

    @property
    def notes(self) -> tuple[str, ...]:
        return self.sidecar.notes

    @property
    def named(self) -> tuple[int, ...]:
        return tuple(sorted(self.sidecar.columns))


class Weighing(torch.nn.Module):
    """Standardised (n, 552) → (n, 8) logits of a file that reads these, or the raw numbers."""

    def __init__(self, network: OnnxNetwork, standardise: Standardiser, raw: bool) -> None:
        super().__init__()
        self.network, self.standardise, self.raw = network, standardise, raw

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        values = z.numpy() * self.standardise.std + self.standardise.mean if self.raw else z.numpy()
        return torch.from_numpy(self.network.logits(values))


@dataclass(frozen=True)
class OnnxFeatureModel(OnnxModel, VectorModel):
    """Reads the 552 numbers. ``standardise`` puts zeros where a modality is missing, and so does whoever takes a number away."""

    @property
    def budget(self) -> Budget:
        return replace(super().budget, scrambled=0)


@dataclass(frozen=True)
class OnnxFace:
    """A file that reads crops of faces, in the place of a backbone: of each crop its k outputs, the same all over 7 × 7 cells."""

    network: OnnxNetwork
    name: str
    digest: str

    def maps(self, crops: np.ndarray) -> np.ndarray:
        """uint8 (n, 224, 224, 3) RGB → float32 (n, k, 7, 7)."""
        pictures = crops.transpose(0, 3, 1, 2)
        own = self.network.outputs(pictures if self.network.dtype is np.uint8 else pictures.astype(np.float32) / 255)
        return np.broadcast_to(own[:, :, None, None], (*own.shape, _CELLS, _CELLS)).copy()


class Answers(torch.nn.Module):
    """The mean over the frames of what the file says of each, among all columns (n, d) → (n, 8) logits."""

    def __init__(self, sidecar: Sidecar, space: FeatureSpace) -> None:
        super().__init__()
        self.sidecar, self.space = sidecar, space

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        return torch.from_numpy(self.sidecar.logits(self.space.part(z.numpy(), Modality.VIDEO)))


@dataclass(frozen=True)
class OnnxFaceModel(OnnxModel, VectorModel):
    """Reads crops of the face one by one; what it says of them is averaged. Without a face all its emotions are equally probable."""

    weighs: ClassVar[bool] = False
    face: OnnxFace = field(kw_only=True)

    @property
    def budget(self) -> Budget:
        return replace(super().budget, scrambled=0)

    @property
    def backbone(self) -> str:
        return self.face.name

    def load_encoders(self) -> Encoders:
        return {Modality.VIDEO: self.face.maps}

    def load_backbone(self) -> Any:
        return self.face

    def encode(self, features: Features, drop: frozenset[Modality] = NOTHING) -> VectorInputs:
        video = None if Modality.VIDEO in drop else features.video
        vector = self.space.join({Modality.VIDEO: None if video is None else video.vector})
        return replace(self.inputs(vector[None]), source=features)

"""Classifiers of one vector: the mean of each feature over the recording."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import torch

from features import Features, Modality, Standardiser
from features.audio import mean_mfcc
from features.patches import Patches
from features.speech import sounding_span
from models.labels import LABELS
from models.model import NOTHING, Budget, EmotionModel, Span

if TYPE_CHECKING:
    from models.data.clips import Clips

_BATCH = 1024
_PATH_BATCH = 512
_BUDGET = Budget(path_nodes=8, summary_nodes=4, seeds=10, scrambled=4, patches=40)


@dataclass(frozen=True)
class VectorInputs:
    """n recordings as standardised vectors.

    Attributes:
        z: float32 (n, d), zeros where a modality is missing.
        standardise: how ``z`` came about.
        source: the one recording it is of, for those operations that need more of it than its vector.
    """

    z: torch.Tensor
    standardise: Standardiser
    source: Features | None = None

    def __len__(self) -> int:
        return len(self.z)

    @property
    def tensor(self) -> torch.Tensor:
        return self.z

    def with_tensor(self, tensor: torch.Tensor) -> VectorInputs:
        return replace(self, z=tensor)

    def room(self, most: int) -> int:
        """All: a vector takes 2 kB."""
        return 2**31

    def repeat(self, n: int) -> VectorInputs:
        return replace(self, z=self.z.expand(n, -1))

    def with_patches(self, kept: np.ndarray, patches: Patches, exact: bool = False) -> VectorInputs:
        if exact:
            vectors = np.stack([mean_mfcc(patches.hidden(row)) for row in kept])
        else:  # the mean MFCCs are linear in the spectrogram
            vectors = self._features.parts[Modality.AUDIO].vector + (1 - kept.astype(int)) @ patches.shifts
        return self._with_part(Modality.AUDIO, vectors)

    def with_faces(self, rows: np.ndarray | torch.Tensor) -> VectorInputs:
        if isinstance(rows, np.ndarray):
            return self._with_part(Modality.VIDEO, rows.mean(axis=1))
        mean, std = (torch.from_numpy(self._part(moments)).float() for moments in (self.standardise.mean, self.standardise.std))
        return self._with_columns(Modality.VIDEO, (rows.mean(dim=1) - mean) / std)

    def with_frames(self, kept: np.ndarray) -> VectorInputs:
        video = self._features.video
        assert video is not None
        return self._with_part(Modality.VIDEO, np.stack([video.frame_vectors[row].mean(axis=0) for row in kept]))

    def with_weighed(self, kept: np.ndarray) -> VectorInputs:
        return replace(self, z=self.z * torch.from_numpy(kept))

    def faded(self, left: Mapping[Modality, float]) -> VectorInputs:
        shares = np.ones((1, self.z.shape[1]), np.float32)
        for modality, share in left.items():
            self.standardise.space.part(shares, modality)[:] = share
        return replace(self, z=self.z * torch.from_numpy(shares))

    def moments(self) -> None:
        """Its features are weighed."""
        return

    def speech_span(self) -> tuple[int, int]:
        audio = self._features.audio
        return sounding_span(audio.mel_db) if audio is not None else (0, 0)

    def windows(self, spans: Sequence[Span]) -> VectorInputs:
        audio, video, space = self._features.audio, self._features.video, self.standardise.space
        vectors = np.full((len(spans), len(space)), np.nan)
        for row, span in zip(vectors, spans, strict=True):
            if span.voice is not None and audio is not None:
                space.part(row, Modality.AUDIO)[:] = audio.frame_vectors[:, span.voice].mean(axis=1)
            if len(span.faces) and video is not None:
                space.part(row, Modality.VIDEO)[:] = video.frame_vectors[span.faces].mean(axis=0)
        return replace(self, z=torch.from_numpy(self.standardise(vectors)))

    def present(self) -> dict[Modality, torch.Tensor]:
        """bool (n,) for each modality: whether it is there."""
        return {m: (self.z[:, columns] != 0).any(dim=1) for m, columns in self.standardise.space.slices.items()}

    @property
    def _features(self) -> Features:
        assert self.source is not None, "inputs of many clips cannot be taken apart"
        return self.source

    def _part(self, values: np.ndarray) -> np.ndarray:
        return self.standardise.space.part(values, Modality.VIDEO)

    def _with_part(self, modality: Modality, raw: np.ndarray) -> VectorInputs:
        return self._with_columns(modality, torch.from_numpy(self.standardise.part(raw, modality)))

    def _with_columns(self, modality: Modality, columns: torch.Tensor) -> VectorInputs:
        place = self.standardise.space.slices[modality]
        n = len(columns)
        before, after = self.z[:, : place.start].expand(n, -1), self.z[:, place.stop :].expand(n, -1)
        return replace(self, z=torch.cat([before, columns, after], dim=1))


@dataclass(frozen=True)
class VectorModel(EmotionModel):
    """Reads the mean of each feature: the 552-vector."""

    @property
    def budget(self) -> Budget:
        return _BUDGET

    def inputs(self, vectors: np.ndarray) -> VectorInputs:
        """Raw (n, d), NaN where a modality is missing → inputs of n."""
        return VectorInputs(torch.from_numpy(self.standardise(vectors)), self.standardise)

    def encode(self, features: Features, drop: frozenset[Modality] = NOTHING) -> VectorInputs:
        vector = features.vector.copy()
        for modality in drop:
            self.standardise.space.part(vector, modality)[:] = np.nan
        return replace(self.inputs(vector[None]), source=features)

    def encode_clips(self, clips: Clips) -> Iterator[VectorInputs]:
        yield self.inputs(clips.vectors())

    def forward(self, inputs: VectorInputs) -> torch.Tensor:
        return self.scaled(self.classifier(inputs.z), inputs.present())

    def logits(self, inputs: VectorInputs) -> np.ndarray:
        with torch.inference_mode():
            blocks = [self.forward(replace(inputs, z=block)) for block in inputs.z.split(_BATCH)]
            return torch.cat(blocks).double().numpy()

    def embed(self, inputs: VectorInputs) -> np.ndarray:
        embedding = self.classifier.embedding
        with torch.inference_mode():
            return torch.cat([embedding(block) for block in inputs.z.split(_BATCH)]).numpy()  # type: ignore[operator]

    def jacobian(self, inputs: VectorInputs) -> np.ndarray:
        """float64 (8, d): derivative of each calibrated logit of one recording by each raw feature; 0 where it is missing."""
        z = inputs.z.expand(len(LABELS), -1).clone().requires_grad_(True)
        (gradient,) = torch.autograd.grad(self.forward(replace(inputs, z=z)).diagonal().sum(), z)
        found = self.standardise.raw_gradient(gradient.double().numpy())
        for modality, there in inputs.present().items():
            if not there:
                self.standardise.space.part(found, modality)[:] = 0.0
        return found

    def frame_gradients(self, inputs: VectorInputs) -> np.ndarray:
        assert inputs.source is not None
        assert inputs.source.video is not None
        frames = int(inputs.source.video.used.sum())
        faces = self.standardise.space.part(self.jacobian(inputs), Modality.VIDEO) / frames  # the mean of the frames is read
        return np.broadcast_to(faces[:, None], (len(LABELS), frames, faces.shape[1]))

    def references(self, inputs: VectorInputs, most: int | None = None) -> VectorInputs:
        z = torch.from_numpy(self.standardise(self.reference[:most]))
        for modality, there in inputs.present().items():
            if not there:
                z[:, self.standardise.space.slices[modality]] = 0.0
        return replace(inputs, z=z)

    def baseline(self, inputs: VectorInputs) -> VectorInputs:
        return replace(inputs, z=torch.zeros_like(inputs.z))

    def path_gradients(self, inputs: VectorInputs, references: VectorInputs, places: np.ndarray) -> np.ndarray:
        nodes = len(places)
        t = torch.from_numpy(places).float()
        step = inputs.z - references.z
        points = (references.z + t[:, :, None] * step).flatten(0, 1)
        share = step.repeat(nodes, 1)
        values = torch.zeros(len(LABELS), inputs.z.shape[1], dtype=torch.float64)
        for block, part in zip(points.split(_PATH_BATCH), share.split(_PATH_BATCH), strict=True):
            z = block.clone().requires_grad_(True)
            logits = self.forward(replace(inputs, z=z)).sum(0)
            for target in range(len(LABELS)):
                (gradient,) = torch.autograd.grad(logits[target], z, retain_graph=target < len(LABELS) - 1)
                values[target] += (gradient * part).sum(0).double()
        return (values / len(points)).numpy()

"""What every classifier of emotions can do: the only thing that explanations, pages and scores know of it.

A model turns a recording into its own kind of inputs (:meth:`EmotionModel.encode`), and answers questions about inputs: logits,
gradients, an embedding. Inputs in turn know how to make copies of themselves from which something was removed. So no caller asks
whether a model reads one vector or a sequence.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, Self

import numpy as np
import torch

from features import Encoders, Features, FeatureSpace, Modality, Standardiser
from features.patches import Patches
from models.labels import LABELS
from models.networks.backbone import load_backbone
from models.networks.encoders import load_encoders
from models.registry import DEFAULT, MODELS, Description

if TYPE_CHECKING:
    from models.data.clips import Clips

NOTHING: frozenset[Modality] = frozenset()


@dataclass(frozen=True)
class Span:
    """A stretch of a recording.

    Attributes:
        voice: frames of the spectrogram; None where the voice does not count.
        faces: int (k,), positions among the frames of the face that count.
        seconds: float64 (k,), when each of these is, from the beginning of the span.
    """

    voice: slice | None
    faces: np.ndarray
    seconds: np.ndarray


@dataclass(frozen=True)
class Budget:
    """How many evaluations an explanation or a check may ask for: what a page can wait for with this kind of model.

    Attributes:
        path_nodes: points on each path of expected gradients; summary_nodes: the same where many clips are averaged.
        seeds: repetitions of a random explanation; scrambled: networks with permuted weights.
        patches: patches that the search for a flip may remove.
        frames: spectrogram frames that the perturbed copies of LIME may have in all; None for no limit.
        fewest: copies that LIME needs, however long the recording is.
        at_once: thousands of perturbed copies of a sound cost next to nothing, so that LIME is part of every analysis.
        states: spectrogram frames that one check of the sound may judge in all; None for no limit.
    """

    path_nodes: int
    summary_nodes: int
    seeds: int
    scrambled: int
    patches: int
    frames: int | None = None
    fewest: int = 300
    at_once: bool = True
    states: int | None = None

    def samples(self, wanted: int, frames: int) -> int:
        """Perturbed copies that LIME may make of a recording with so many spectrogram frames, at most ``wanted``."""
        return wanted if self.frames is None else min(wanted, max(self.fewest, self.frames // max(1, frames)))

    def effort(self, steps: int, randoms: int, frames: int) -> tuple[int, int]:
        """Steps and random orders of curves on a sound with so many spectrogram frames: those that are wanted, or fewer of both."""
        wanted = steps * (2 + randoms / 2)
        share = 1.0 if self.states is None else min(1.0, self.states / (wanted * max(1, frames)))
        return max(_FEWEST_STEPS, round(steps * share**0.5)), max(_FEWEST_ORDERS, round(randoms * share**0.5))


_FEWEST_STEPS, _FEWEST_ORDERS = 8, 4


class Inputs(Protocol):
    """n recordings as one kind of model reads them. Every ``with_…`` takes inputs of one recording and returns n copies of it."""

    def __len__(self) -> int: ...

    @property
    def tensor(self) -> torch.Tensor | None:
        """All that the model reads as one standardised tensor (n, d), for libraries that want that; None where it is more than one."""

    def with_tensor(self, tensor: torch.Tensor) -> Self:
        """The same with another :attr:`tensor`."""

    def room(self, most: int) -> int:
        """How many copies should be held in memory at once, at most ``most``; all of them where it does not matter."""

    def repeat(self, n: int) -> Self:
        """One recording, n times over."""

    def with_patches(self, kept: np.ndarray, patches: Patches, exact: bool = False) -> Self:
        """Copies in which the patches outside ``kept``, bool (n, p), are faded to the background.

        Args:
            exact: through the whole path of the features, even where a sum gives the same to the last digits.
        """

    def with_faces(self, rows: np.ndarray | torch.Tensor) -> Self:
        """Copies with other raw face features, (n, m, 512) for the m frames that count; a tensor is differentiable."""

    def with_frames(self, kept: np.ndarray) -> Self:
        """Copies in which only the frames in ``kept``, bool (n, m), count; at least one each."""

    def with_weighed(self, kept: np.ndarray) -> Self:
        """Copies without what is outside ``kept``, bool (n, p): features, which get their mean in training, or moments, which are gone.

        Which of both it is, and how many, :meth:`EmotionModel.path_gradients` says.
        """

    def faded(self, left: Mapping[Modality, float]) -> Self:
        """The one recording with modalities drawn towards their mean in training: of what sets each apart ``left`` stays, or all."""

    def moments(self) -> Mapping[Modality, np.ndarray] | None:
        """Of one recording that is weighed moment by moment: float (k, 2), start and end in seconds; None where features are weighed."""

    def speech_span(self) -> tuple[int, int]:
        """First and last (exclusive) frame of the spectrogram between the silences; (0, 0) without a voice."""

    def windows(self, spans: Sequence[Span]) -> Self:
        """One copy for each span, which holds nothing else."""


@dataclass(frozen=True)
class EmotionModel(ABC):
    """A trained classifier, with what it takes to use and to judge it.

    Attributes:
        name: of the checkpoint.
        classifier: in evaluation mode, its parameters frozen.
        standardise: by the moments of the raw features in training.
        reference: float32 (m, d) raw training vectors: the baseline of SHAP.
        temperature: logits are divided by it (Guo et al. 2017, arXiv:1706.04599).
        info: provenance, settings and the loss of each epoch.
        digest: 16 hex digits of the file's SHA-256, or of the weights when it was not read from a file.
        architecture: a key of :data:`models.registry.MODELS`.
        alone: temperatures where one modality is there alone; None: the same.
        softening: by what logits are divided besides: 1, or more where a recording is unlike what the model knows.
        learned_voices: it learned from the voices of this project's corpus.
        differentiable: gradients flow through it, and its weights can be changed; where they do not, nobody asks for :meth:`forward`,
            :meth:`frame_gradients`, :meth:`references`, :meth:`baseline`, :meth:`path_gradients` or :meth:`with_classifier`.
        weighs: what it reads can be taken away number by number, or moment by moment (:meth:`Inputs.with_weighed`).
    """

    differentiable: ClassVar[bool] = True
    weighs: ClassVar[bool] = True
    learned_voices: ClassVar[bool] = True

    name: str
    classifier: torch.nn.Module
    standardise: Standardiser
    reference: np.ndarray
    temperature: float
    info: dict[str, Any] = field(default_factory=dict)
    digest: str = ""
    architecture: str = DEFAULT
    alone: Mapping[Modality, float] | None = None
    softening: float = 1.0

    @property
    def spec(self) -> Description:
        """What there is to know of its kind."""
        return MODELS[self.architecture]

    @property
    def notes(self) -> tuple[str, ...]:
        """Sentences that must be read beside every answer of it."""
        return ()

    @property
    def named(self) -> tuple[int, ...]:
        """Positions of the emotions that it can name: all, unless it has no output for some."""
        return tuple(range(len(LABELS)))

    @property
    def space(self) -> FeatureSpace:
        """The features that it reads: what its encoders give."""
        return self.standardise.space

    @property
    def encoders(self) -> dict[Modality, str]:
        """Name of the encoder of each modality that it reads, in :data:`models.networks.encoders.ENCODERS`."""
        names = {Modality.AUDIO: self.info.get("voice_encoder", "mfcc"), Modality.VIDEO: self.backbone}
        return {modality: names[modality] for modality in self.spec.modalities}

    @property
    def backbone(self) -> str:
        """Name of the face network whose features the classifier was trained on."""
        return self.info.get("backbone", "ferplus")

    @property
    @abstractmethod
    def budget(self) -> Budget:
        """What explanations of it may cost."""

    def load_encoders(self) -> Encoders:
        """What turns each modality into the features that it reads."""
        return load_encoders(self.encoders)

    def load_backbone(self) -> Any:
        """The network that looks at a face for it."""
        return load_backbone(self.backbone)

    def judges(self, modality: Modality) -> bool:
        """Whether it reads that modality."""
        return modality in self.spec.modalities

    @abstractmethod
    def encode(self, features: Features, drop: frozenset[Modality] = NOTHING) -> Any:
        """A recording as inputs of one, without the modalities in ``drop``."""

    @abstractmethod
    def encode_clips(self, clips: Clips) -> Iterator[Any]:
        """Many clips at hand as features, in blocks of inputs."""

    @abstractmethod
    def forward(self, inputs: Any) -> torch.Tensor:
        """Calibrated logits (n, 8), differentiable."""

    @abstractmethod
    def logits(self, inputs: Any) -> np.ndarray:
        """Calibrated logits, float64 (n, 8)."""

    @abstractmethod
    def embed(self, inputs: Any) -> np.ndarray:
        """float32 (n, e): what the last layers see."""

    @abstractmethod
    def frame_gradients(self, inputs: Any) -> np.ndarray:
        """float64 (8, m, 512): derivative of each calibrated logit by each raw feature of each frame of the face that counts."""

    @abstractmethod
    def references(self, inputs: Any, most: int | None = None) -> Any:
        """The training recordings to compare ``inputs`` of one with, in the same form; without what is missing there."""

    @abstractmethod
    def baseline(self, inputs: Any) -> Any:
        """One recording in the form of ``inputs`` whose features all have their mean in training."""

    @abstractmethod
    def path_gradients(self, inputs: Any, references: Any, places: np.ndarray) -> np.ndarray:
        """Integrals of the gradients along the straight paths from ``references`` (m) to ``inputs`` of one.

        Args:
            places: (nodes, m) in [0, 1], where on each path the gradient is taken.

        Returns:
            float64 (8, p): mean over the paths of ∫ ∂logit · (x − r), feature by feature, what a sequence has in time summed; or, where
            inputs have :meth:`Inputs.moments`, moment by moment, what a moment has in features summed.
        """

    def column_gradients(self, inputs: Any, references: Any, places: np.ndarray) -> np.ndarray:
        """:meth:`path_gradients`, always feature by feature: float64 (8, d)."""
        return self.path_gradients(inputs, references, places)

    def predict(self, features: Features) -> np.ndarray:
        """A recording → float64 (8,) calibrated logits."""
        return self.logits(self.encode(features))[0]

    def with_classifier(self, classifier: torch.nn.Module, note: str) -> Self:
        """The same with other weights; ``note`` tells the two apart."""
        return replace(self, classifier=classifier, digest=f"{self.digest}-{note}")

    def scaled(self, logits: torch.Tensor, present: Mapping[Modality, torch.Tensor]) -> torch.Tensor:
        """Logits (n, 8) over the temperature for what was there, bool (n,) for each modality, and over :attr:`softening`."""
        logits = logits / self.softening
        if self.alone is None:
            return logits / self.temperature
        single = torch.stack(list(present.values())).sum(dim=0) == 1
        temperatures = torch.full(single.shape, self.temperature)
        for modality, there in present.items():
            temperatures = torch.where(single & there, self.alone[modality], temperatures)
        return logits / temperatures[:, None]

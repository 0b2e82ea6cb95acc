"""What an explanation is: for which emotion, of which parts of a recording, by which method."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from itertools import accumulate
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

import numpy as np

from features import SPACE, Features, FeatureSpace, Modality
from models.labels import LABELS
from models.model import EmotionModel
from xai.metrics.memo import Memo

if TYPE_CHECKING:
    from xai.score import Score

Say = Callable[[str], None]
"""Told in plain words what is done, and called often, so that long work can be cancelled from there."""


def silent(words: str) -> None:
    """A :data:`Say` for nobody."""


@dataclass(frozen=True)
class Contrast:
    """Why one emotion, or why one rather than another: positions in :data:`models.labels.LABELS`.

    >>> Contrast(1, 0).of(np.array([[1.0], [4.0]]))
    array([3.])
    >>> Contrast(0).words, Contrast(0, 1).words
    ('angry', 'angry rather than calm')
    """

    target: int
    against: int | None = None

    def of(self, values: np.ndarray) -> np.ndarray:
        """(8, …) evidence for each class → (…): for the class, or for it rather than the other (explanations are linear in logits)."""
        return values[self.target] if self.against is None else values[self.target] - values[self.against]

    def of_logits(self, logits: np.ndarray) -> np.ndarray:
        """(n, 8) → (n,): the logit that is explained, or the difference of two."""
        return self.of(logits.T)

    @property
    def label(self) -> str:
        """Name of the class."""
        return LABELS[self.target]

    @property
    def rival(self) -> str | None:
        """Name of the other class, if there is one."""
        return None if self.against is None else LABELS[self.against]

    @property
    def words(self) -> str:
        return self.label if self.rival is None else f"{self.label} rather than {self.rival}"


class Panel(StrEnum):
    """Where on a page an explanation belongs: what the model saw, heard, or weighed."""

    SAW = "saw"
    HEARD = "heard"
    WEIGHED = "weighed"


class Parts(Protocol):
    """Where the parts of an explanation lie."""

    panel: ClassVar[Panel]

    def shown(self, values: np.ndarray, contrast: Contrast) -> np.ndarray:
        """Of evidence (8, …) what is drawn for a contrast; the same is checked and read out."""


@dataclass(frozen=True)
class FrameCells:
    """7 × 7 cells of the face in each of n sampled frames: values (8, n, 7, 7), zeros in frames that were left out."""

    panel: ClassVar[Panel] = Panel.SAW

    def shown(self, values: np.ndarray, contrast: Contrast) -> np.ndarray:
        """What speaks for the class; against another class, both signs (Selvaraju et al. 2017 keep the positive part)."""
        own = contrast.of(values)
        return own if contrast.against is not None else np.maximum(own, 0.0)


@dataclass(frozen=True)
class SoundPatches:
    """p patches of the spectrogram: values (8, p).

    Attributes:
        cells: int (p, 4): first and last (exclusive) frame, first and last (exclusive) mel band of each.
        segments: float (p, 4): t0, t1 in seconds, hz0, hz1 in hertz.
    """

    cells: np.ndarray
    segments: np.ndarray
    panel: ClassVar[Panel] = Panel.HEARD

    @property
    def bands(self) -> int:
        """Patches on top of each other."""
        return len(np.unique(self.cells[:, 2]))

    def shown(self, values: np.ndarray, contrast: Contrast) -> np.ndarray:
        return contrast.of(values)


@dataclass(frozen=True)
class Columns:
    """The d features: values (8, d).

    Attributes:
        present: bool (d,): which belong to a modality that is there.
        space: what they are.
    """

    present: np.ndarray
    space: FeatureSpace = SPACE
    panel: ClassVar[Panel] = Panel.WEIGHED

    def part(self, values: np.ndarray, modality: Modality) -> np.ndarray:
        """Of values (d,) those of a modality."""
        return self.space.part(values, modality)

    def shown(self, values: np.ndarray, contrast: Contrast) -> np.ndarray:
        return contrast.of(values)


@dataclass(frozen=True)
class Moments:
    """Half seconds of the voice and frames of the face, one after the other: values (8, p).

    Attributes:
        segments: by modality float (k, 2), start and end of each in seconds; of a missing modality (0, 2).
    """

    segments: Mapping[Modality, np.ndarray]
    panel: ClassVar[Panel] = Panel.WEIGHED

    @property
    def present(self) -> np.ndarray:
        """bool (p,): all of them."""
        return np.ones(sum(map(len, self.segments.values())), bool)

    def part(self, values: np.ndarray, modality: Modality) -> np.ndarray:
        """Of values (p,) those of a modality."""
        ends = dict(zip(self.segments, accumulate(map(len, self.segments.values())), strict=True))
        return values[ends[modality] - len(self.segments[modality]) : ends[modality]]

    def shown(self, values: np.ndarray, contrast: Contrast) -> np.ndarray:
        return contrast.of(values)


@dataclass(frozen=True)
class Attribution:
    """How much each part of a recording speaks for each class, in calibrated logits.

    Attributes:
        method: key of the method.
        values: (8, …), shaped as ``parts`` say.
        parts: where they lie.
        settings: all that the result depends on besides recording and weights, such as the seed.
        extras: more numbers for each class, (8,) each, for ``result.json``.
        baseline: what the recording is compared with, in words; empty where parts are only removed.
    """

    method: str
    values: np.ndarray
    parts: Parts
    settings: Mapping[str, Any] = field(default_factory=dict)
    extras: Mapping[str, np.ndarray] = field(default_factory=dict)
    baseline: str = ""

    def of(self, contrast: Contrast) -> np.ndarray:
        """(…): the evidence for a contrast, signed."""
        return contrast.of(self.values)

    def shown(self, contrast: Contrast) -> np.ndarray:
        """(…): what of it is drawn, checked and read out."""
        return self.parts.shown(self.values, contrast)

    def heat(self, contrast: Contrast) -> np.ndarray:
        """(…) in [−1, 1]: :meth:`shown` on one scale for all parts, so that they can be compared."""
        shown = self.shown(contrast)
        peak = np.abs(shown).max(initial=0.0)
        return shown / peak if peak > 0 else shown


class Backbone(Protocol):
    """The face network: uint8 (n, 224, 224, 3) crops → float32 (n, 512, 7, 7) maps whose mean over space are features."""

    name: str

    def maps(self, crops: np.ndarray) -> np.ndarray: ...


@dataclass(frozen=True)
class Settings:
    """What a result depends on besides the recording and the weights.

    ``stride``: every so many-th frame is looked at; None: about one picture a second (:mod:`features.media.sampling`).
    """

    stride: int | None = None
    samples: int = 2000
    seed: int = 0
    estimator: str = "quadrature"


@dataclass(frozen=True)
class Subject:
    """What is explained: a recording, judged by a model."""

    features: Features
    model: EmotionModel
    backbone: Backbone
    settings: Settings = Settings()

    @cached_property
    def inputs(self) -> Any:
        """The recording as the model reads it."""
        return self.model.encode(self.features)

    @cached_property
    def memo(self) -> Memo:
        """What was computed of this recording and this model, for whoever asks next."""
        return Memo()

    def has(self, modality: Modality) -> bool:
        """Whether that modality is there."""
        return modality in self.features.parts


class Method(ABC):
    """One way to explain. A new one is a file with a subclass, and a line in :data:`xai.methods.METHODS`.

    Attributes:
        key: in ``result.json`` and on the command line; title: for a reader.
        question: what it asks of the model; how: in two or three sentences; limits: what it cannot say; paper: its source.
        panel: where it is shown; modality: what it needs to be there; None: anything.
        needs_gradients: only models through which gradients flow can be asked.
        at_once: it is part of every analysis (:meth:`comes_at_once`), and always has its place in ``result.json``.
        instead: it is part of every analysis by a model through which no gradients flow.
        hint: what to try where it fails its checks.
        stand_ins: keys of the methods that take its place where it fails its checks, the quickest first (:mod:`xai.foreground`).
        picture: key of the method that draws it on the face, with checks of its own.
    """

    key: ClassVar[str]
    title: ClassVar[str]
    question: ClassVar[str]
    how: ClassVar[str]
    limits: ClassVar[str]
    paper: ClassVar[str]
    panel: ClassVar[Panel]
    modality: ClassVar[Modality | None] = None
    needs_gradients: ClassVar[bool] = False
    at_once: ClassVar[bool] = False
    instead: ClassVar[bool] = False
    hint: ClassVar[str] = ""
    stand_ins: ClassVar[tuple[str, ...]] = ()
    picture: ClassVar[str] = ""

    def applies(self, subject: Subject) -> bool:
        """Whether it can be asked of this recording and this model."""
        model = subject.model
        there = self.modality is None or subject.has(self.modality)
        asked = model.differentiable or not self.needs_gradients
        return there and asked and (model.weighs or self.panel is not Panel.WEIGHED)

    def comes_at_once(self, subject: Subject) -> bool:
        """Whether it is part of every analysis of this recording by this model; the others are computed when they are asked for."""
        return (self.at_once or (self.instead and not subject.model.differentiable)) and self.applies(subject)

    def left_out(self, subject: Subject) -> tuple[str, ...]:
        """Checks that this model does not allow, a sentence for each."""
        return ()

    @abstractmethod
    def explain(self, subject: Subject, seed: int = 0, say: Say = silent) -> Attribution:
        """All eight classes of a subject to which it :meth:`applies`."""

    def checks(self, subject: Subject, attribution: Attribution, contrast: Contrast, say: Say = silent) -> Iterator[Score]:
        """How far the explanation of a contrast can be trusted: at least whether what it marks matters to the model."""
        from xai.metrics.faithfulness import check_faithfulness

        yield check_faithfulness(subject, attribution, contrast, say)

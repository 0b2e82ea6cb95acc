"""Classifiers in ONNX files that hear the voice itself, mono at 16 kHz."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar, NoReturn

import numpy as np
import torch

from features import Features, Modality
from features.audio import RATE
from features.patches import Patches
from features.speech import sounding_span
from models.foreign.fading import Fader, resampled
from models.foreign.onnx_model import OnnxModel
from models.foreign.onnx_network import SAMPLE_RATE, OnnxNetwork
from models.model import NOTHING, Budget, Span

if TYPE_CHECKING:
    from models.data.clips import Clips

_VALUES = 4_000_000  # samples of one block of copies: bounds memory at any length
_SHORTEST = SAMPLE_RATE // 10  # samples: a shorter window is continued with silence
# Networks on sound take from milliseconds to seconds: LIME is computed when it is asked for, occlusion needs 80 passes.
_BUDGET = Budget(0, 0, seeds=2, scrambled=0, patches=6, frames=60_000, fewest=200, at_once=False, states=40_000)


@dataclass(frozen=True)
class SampleInputs:
    """n sounds.

    Attributes:
        waves: each float32 (length,), mono at 16 kHz; (0,) where there is no voice.
        source: the one recording that they are of.
    """

    waves: tuple[np.ndarray, ...]
    source: Features

    def __len__(self) -> int:
        return len(self.waves)

    @property
    def tensor(self) -> None:
        """A sound is explained on its spectrogram."""
        return

    def with_tensor(self, tensor: torch.Tensor) -> NoReturn:
        raise TypeError("a sound is not asked about sample by sample")

    def room(self, most: int) -> int:
        return max(1, min(most, _VALUES // max(1, len(self.waves[0]))))

    def repeat(self, n: int) -> SampleInputs:
        return replace(self, waves=self.waves * n)

    def with_patches(self, kept: np.ndarray, patches: Patches, exact: bool = False) -> SampleInputs:
        audio = self.source.audio
        assert audio is not None
        fade = Fader(self.waves[0], SAMPLE_RATE, audio, patches)
        return replace(self, waves=tuple(fade(row) for row in kept))

    def with_faces(self, rows: np.ndarray | torch.Tensor) -> SampleInputs:
        return self.repeat(len(rows))

    def with_frames(self, kept: np.ndarray) -> SampleInputs:
        return self.repeat(len(kept))

    def with_weighed(self, kept: np.ndarray) -> NoReturn:
        raise TypeError("a sound is not weighed number by number")

    def faded(self, left: Mapping[Modality, float]) -> SampleInputs:
        """Towards its own quiet level: what is usual in the training of such a model is not known."""
        share, audio = left.get(Modality.AUDIO, 1.0), self.source.audio
        if share == 1.0 or audio is None or not len(self.waves[0]):
            return self
        whole = Patches(audio.mel_db, np.array([[0, audio.mel_db.shape[1], 0, len(audio.mel_db)]]))
        quiet = Fader(self.waves[0], SAMPLE_RATE, audio, whole)(np.zeros(1, bool))
        return replace(self, waves=(np.float32(share) * self.waves[0] + np.float32(1 - share) * quiet,))

    def moments(self) -> None:
        """It hears all of it at once."""
        return

    def speech_span(self) -> tuple[int, int]:
        audio = self.source.audio
        return (0, 0) if audio is None else sounding_span(audio.mel_db)

    def windows(self, spans: Sequence[Span]) -> SampleInputs:
        return replace(self, waves=tuple(self._window(span.voice) for span in spans))

    def _window(self, frames: slice | None) -> np.ndarray:
        """The sound of some frames of the spectrogram."""
        if frames is None or self.source.audio is None:
            return self.waves[0][:0]
        first, last = (self.source.audio.scale.offsets(np.array([frames.start, frames.stop])) * SAMPLE_RATE).round().astype(int)
        return self.waves[0][max(0, first) : max(0, last)]


@dataclass(frozen=True)
class OnnxSampleModel(OnnxModel):
    """Hears the voice itself. Without one all its emotions are equally probable."""

    weighs: ClassVar[bool] = False

    @property
    def budget(self) -> Budget:
        return _BUDGET

    def encode(self, features: Features, drop: frozenset[Modality] = NOTHING) -> SampleInputs:
        audio = None if Modality.AUDIO in drop else features.audio
        wave = np.zeros(0, np.float32) if audio is None else resampled(audio, SAMPLE_RATE, RATE)
        return SampleInputs((wave,), features)

    def logits(self, inputs: SampleInputs) -> np.ndarray:
        network = self.classifier
        assert isinstance(network, OnnxNetwork)
        found = np.tile(self.sidecar.logits(np.zeros((1, len(self.sidecar.labels)))), (len(inputs), 1))
        lengths = np.array([len(wave) for wave in inputs.waves])
        for length in np.unique(lengths[lengths > 0]):
            rows = np.flatnonzero(lengths == length)
            waves = np.stack([inputs.waves[row] for row in rows])
            found[rows] = network.logits(np.pad(waves, ((0, 0), (0, max(0, _SHORTEST - int(length))))))
        return found

    def _no_gradients(self) -> NoReturn:
        raise TypeError(f"{self.name} is an ONNX file: no gradients flow through it")

    def encode_clips(self, clips: Clips) -> Iterator[SampleInputs]:
        raise TypeError("clips at hand as features have no sound")

    def embed(self, inputs: SampleInputs) -> np.ndarray:
        raise TypeError("an ONNX file shows no inner layer")

    def forward(self, inputs: SampleInputs) -> torch.Tensor:
        self._no_gradients()

    def frame_gradients(self, inputs: SampleInputs) -> np.ndarray:
        self._no_gradients()

    def references(self, inputs: SampleInputs, most: int | None = None) -> SampleInputs:
        self._no_gradients()

    def baseline(self, inputs: SampleInputs) -> SampleInputs:
        self._no_gradients()

    def path_gradients(self, inputs: SampleInputs, references: SampleInputs, places: np.ndarray) -> np.ndarray:
        self._no_gradients()

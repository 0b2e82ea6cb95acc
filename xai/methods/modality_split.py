"""How much of a probability comes from the voice and how much from the face: an exact two-player Shapley split.

Shapley 1953; with two players the value has a closed form, the mean over the two orders of arrival. An absent modality
is zeros after standardising, a state that the model knows from training (modality dropout).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from features import N_AUDIO, Features
from models.checkpoint import AnyModel, EmotionModel, TokenModel
from models.labels import LABELS
from xai.tokens import coalitions


@dataclass(frozen=True)
class ModalitySplit:
    """Probabilities (8,) of the four coalitions, and the Shapley values made from them.

    ``audio`` + ``video`` = ``both`` − ``neither``, class by class.
    """

    neither: np.ndarray
    audio_alone: np.ndarray
    video_alone: np.ndarray
    both: np.ndarray
    has_audio: bool
    has_video: bool

    @property
    def audio(self) -> np.ndarray:
        return ((self.audio_alone - self.neither) + (self.both - self.video_alone)) / 2

    @property
    def video(self) -> np.ndarray:
        return ((self.video_alone - self.neither) + (self.both - self.audio_alone)) / 2

    @property
    def disagree(self) -> bool:
        """Voice and face, each alone, name different emotions."""
        both_there = self.has_audio and self.has_video
        return both_there and int(self.audio_alone.argmax()) != int(self.video_alone.argmax())

    def verdict(self, modality: str) -> str | None:
        """What 'audio' or 'video' alone would name; None where it is missing."""
        alone, there = (self.audio_alone, self.has_audio) if modality == "audio" else (self.video_alone, self.has_video)
        return LABELS[int(alone.argmax())] if there else None

    def followed(self) -> str:
        """What the prediction on both made of the two verdicts, in words."""
        label = LABELS[int(self.both.argmax())]
        for name, modality in (("face", "video"), ("voice", "audio")):
            if self.verdict(modality) == label:
                return f"followed the {name}"
        return f"followed neither: together they look like {label} to it"

    def shares(self, target: int) -> dict[str, float]:
        """Size of each contribution as a share of both sizes; they sum to 1 (or are both 0)."""
        sizes = np.abs([self.audio[target], self.video[target]])
        total = sizes.sum()
        return dict(zip(("audio", "video"), (sizes / total if total > 0 else sizes).tolist(), strict=True))


def split_modalities(features: Features, model: AnyModel) -> ModalitySplit:
    """Probabilities with neither, either and both modalities."""
    there = features.audio is not None, features.video is not None
    neither, audio, video, both = coalitions(features, model) if isinstance(model, TokenModel) else _coalitions(features, model)
    return ModalitySplit(neither, audio, video, both, *there)


def _coalitions(features: Features, model: EmotionModel) -> np.ndarray:
    vectors = np.repeat(features.vector[None], 4, axis=0)
    vectors[[0, 2], :N_AUDIO] = np.nan
    vectors[[0, 1], N_AUDIO:] = np.nan
    return model.probabilities(vectors)

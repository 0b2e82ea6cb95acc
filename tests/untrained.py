"""Classifiers with random or hand-set weights: identities must hold for any of them."""

from __future__ import annotations

from functools import cache

import numpy as np
import torch

import models.token_model
from features import SPACE, FeatureSpace, Modality, Standardiser
from features.audio import RATE
from models.model import EmotionModel
from models.networks.sequence import TokenBatch, TokenTransformer
from models.networks.tokens import Moments, MomentTransformer
from models.networks.transformer import TransformerEmotionClassifier
from models.networks.whisper_voice import WhisperVoice
from models.sequence_model import SequenceInputs, SequenceModel, encoded
from models.token_model import TokenInputs, TokenModel
from models.vector_model import VectorModel


def untrained_vector_model() -> VectorModel:
    torch.manual_seed(1)
    classifier = TransformerEmotionClassifier().eval().requires_grad_(False)
    rng = np.random.default_rng(2)
    mean, std = rng.normal(size=len(SPACE)), rng.uniform(0.5, 2.0, len(SPACE))
    reference = (mean + std * rng.normal(size=(24, len(SPACE)))).astype(np.float32)
    return VectorModel("random", classifier, Standardiser(mean, std, SPACE), reference, temperature=1.3)


def untrained_sequence_model() -> SequenceModel:
    """Behind the mean and deviation of the frames of some voice and face."""
    torch.manual_seed(1)
    network = TokenTransformer()
    with torch.no_grad():
        network.modality.normal_(std=0.3)
        network.voice.weight.mul_(6)  # what is heard and seen moves the logits as in a trained one
        network.face.weight.mul_(3)
    rng = np.random.default_rng(2)
    mean = np.concatenate([[-300.0], rng.normal(0, 5, 39), rng.uniform(0.3, 0.6, 512)])
    std = np.concatenate([[120.0], rng.uniform(10, 25, 39), rng.uniform(0.3, 0.6, 512)])
    voice = mean[:40, None] + std[:40, None] * rng.normal(size=(8, 40, 60)).cumsum(axis=2) / 5
    faces = np.maximum(0, mean[40:] + std[40:] * rng.normal(size=(8, 4, 512)))
    reference = np.concatenate([voice.mean(axis=2), faces.mean(axis=1)], axis=1)
    return SequenceModel(
        "random-tokens",
        network.eval().requires_grad_(False),
        Standardiser(mean, std, SPACE),
        reference.astype(np.float32),
        1.3,
        {"backbone": "ferplus"},
        architecture="av-tokens",
        reference_voice=voice.astype(np.float32),
        reference_faces=faces.astype(np.float32),
    )


@cache
def untrained_token_model() -> TokenModel:
    """Behind the mean and deviation of the tokens of some noises, and of some faces."""
    torch.manual_seed(1)
    network, rng, hear = MomentTransformer(), np.random.default_rng(2), WhisperVoice()
    with torch.no_grad():
        network.modality.normal_(std=0.3)
        network.face.weight.mul_(3)
    steps = [np.repeat(rng.uniform(0.01, 0.3, 8), RATE // 4) for _ in range(8)]
    voice = np.stack([hear((step * rng.normal(size=len(step))).astype(np.float32)).tokens[:4] for step in steps])
    mean = np.concatenate([voice.mean(axis=(0, 1)), rng.uniform(0.3, 0.6, 512)])
    std = np.concatenate([voice.std(axis=(0, 1)) + 1e-2, rng.uniform(0.3, 0.6, 512)])
    faces = np.maximum(0, mean[-512:] + std[-512:] * rng.normal(size=(8, 4, 512)))
    return TokenModel(
        "random-moments",
        network.eval().requires_grad_(False),
        Standardiser(mean, std, FeatureSpace({**SPACE.columns, Modality.AUDIO: hear.names})),
        np.concatenate([voice.mean(axis=1), faces.mean(axis=1)], axis=1).astype(np.float32),
        1.3,
        {"backbone": "ferplus", "voice_encoder": "whisper"},
        architecture="whisper-tokens",
        reference_voice=voice,
        reference_faces=faces.astype(np.float32),
    )


class LinearInTime(torch.nn.Module):
    """A classifier of sequences that is linear: in the mean of some frames of the voice, and in the sum of the faces."""

    def __init__(self, row: np.ndarray, face: np.ndarray | None = None, start: int = 0, stop: int | None = None) -> None:
        super().__init__()
        self.part = slice(start, stop)
        self.register_buffer("row", torch.from_numpy(np.asarray(row)).float())
        self.register_buffer("face", torch.from_numpy(np.zeros((8, 512)) if face is None else face).float())

    def forward(self, batch: TokenBatch) -> torch.Tensor:
        heard = (torch.arange(batch.voice.shape[2])[None] < batch.heard[:, None])[:, self.part]
        voice = (batch.voice[:, :, self.part] * heard[:, None]).sum(2) / heard.sum(1, keepdim=True).clamp(min=1)
        return voice @ self.row.T + (batch.faces * batch.seen[..., None]).sum(1) @ self.face.T


class LinearInMoments(torch.nn.Module):
    """A classifier of tokens that is linear in the sum of those that are there."""

    def __init__(self, voice: np.ndarray, face: np.ndarray) -> None:
        super().__init__()
        self.register_buffer("voice", torch.from_numpy(np.asarray(voice)).float())
        self.register_buffer("face", torch.from_numpy(np.asarray(face)).float())

    def forward(self, batch: Moments) -> torch.Tensor:
        sums = [(part * there[..., None]).sum(1) for part, there in ((batch.voice, batch.spoken), (batch.faces, batch.seen))]
        return sums[0] @ self.voice.T + sums[1] @ self.face.T


class Difference(torch.nn.Module):
    """A classifier all of whose logits are the difference of two logits of another."""

    def __init__(self, classifier: torch.nn.Module, target: int, against: int) -> None:
        super().__init__()
        self.classifier, self.target, self.against = classifier, target, against

    def forward(self, x) -> torch.Tensor:
        logits = self.classifier(x)
        return (logits[:, self.target] - logits[:, self.against])[:, None].expand(-1, 8)


def judged(model: EmotionModel, voice: np.ndarray | None, faces: np.ndarray | None, seconds: np.ndarray | None = None) -> np.ndarray:
    """(8,) logits of a recording made by hand: MFCCs (40, frames), tokens (k, d) or None; features (m, 512) and seconds of the faces."""
    if isinstance(model, TokenModel):
        moments = models.token_model.encoded(voice, faces, seconds, model.standardise)
        return model.logits(TokenInputs(moments, model.standardise))[0]
    if isinstance(model, SequenceModel):
        return model.logits(SequenceInputs(encoded(voice, faces, seconds, model.standardise), model.standardise))[0]
    assert isinstance(model, VectorModel)
    vector = np.full(len(SPACE), np.nan)
    if voice is not None:
        vector[:40] = voice.mean(axis=1)
    if faces is not None:
        vector[40:] = faces.mean(axis=0)
    return model.logits(model.inputs(vector[None]))[0]

"""Train the Transformer on tokens of a pretrained speech encoder and on frames of faces.

As :mod:`models.training.sequences` trains on MFCCs: augmented voices, a mean teacher that has heard them clean, modality dropout.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import torch
from torch import nn

from features import SPACE, FeatureSpace, Modality, Standardiser
from models.data.copies import CLEAN, VOICE_VARIANTS
from models.data.dataset import Faces, Voices
from models.monitoring.monitor import UNWATCHED, Monitor
from models.networks.encoders import load_encoder
from models.networks.tokens import Moments
from models.registry import MODELS
from models.token_model import TokenModel
from models.training.recipe import MomentRecipe
from models.training.samplers import TrainingSet, make_training_set, reference_rows
from models.training.sequence_batches import Sequences, TokenBatches
from models.training.sequences import fit_mean_teacher
from models.training.settings import effective_settings
from models.training.teachers import balanced_weights

_REFERENCE_TOKENS, _REFERENCE_FACES = 4, 4  # of each pair


def train_moments(
    name: str,
    voices: Voices,
    faces: Faces,
    recipe: MomentRecipe,
    training_set: TrainingSet | None = None,
    backbone: str = "ferplus",
    monitor: Monitor = UNWATCHED,
) -> TokenModel:
    """Train on all that is given; the loss of each epoch is in ``info["history"]``.

    Args:
        name: of the model in the registry.
        training_set: of the same data and recipe, if it is at hand.
        monitor: its observer.

    Raises:
        ValueError: the voices were loaded without tokens.
    """
    if voices.tokens is None:
        raise ValueError(f"{name} learns from tokens: load the voices with an encoder")
    training_set = training_set or make_training_set(voices, faces, recipe)
    weights = balanced_weights(faces.label, faces.actor > 0, recipe.ferplus_share)
    data = Sequences(voices, faces, training_set, token_standardiser(voices, training_set), weights)
    info = {"backbone": backbone, "voice_encoder": voices.tokens.encoder, "recipe": effective_settings(name, recipe)}
    reference, voice, face = reference_moments(data, recipe)

    def model_of(network: nn.Module) -> TokenModel:
        return TokenModel(
            name, network, data.standardise, reference, 1.0, info, architecture=name, reference_voice=voice, reference_faces=face
        )

    network = partial(MODELS[name].network, voice_width=voices.tokens.width, dropout=recipe.dropout)
    return fit_mean_teacher(network, MomentBatches(data, recipe), recipe, model_of, monitor)


class MomentBatches(TokenBatches):
    """As :class:`models.training.sequence_batches.TokenBatches`, of tokens."""

    recipe: MomentRecipe

    def _voices(self, rows: np.ndarray) -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
        """A clean and an augmented copy of each voice → twice float32 (n, k, d) standardised, bool (n, k)."""
        n, rng, recipe = len(rows), self.rng, self.recipe
        speed = rng.integers(CLEAN.stop, size=n)
        augmented = rng.random(n) < recipe.altered
        copies = np.where(augmented, rng.integers(CLEAN.stop, VOICE_VARIANTS, n), speed)
        clean, (x, there) = self._tokens(rows, np.where(augmented, 0, speed)), self._tokens(rows, copies)
        x = x + recipe.voice_noise * rng.standard_normal(x.shape, np.float32)
        left = there & (rng.random(there.shape) >= recipe.token_dropout)
        return clean, (x, np.where(left.any(axis=1, keepdims=True), left, there))

    def _tokens(self, rows: np.ndarray, copies: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        tokens = self.data.voices.tokens
        assert tokens is not None
        raw, there = tokens.take(rows, copies)
        return self.data.standardise.part(raw, Modality.AUDIO, dtype=np.float32), there

    def _batch(self, voice: np.ndarray, count: np.ndarray, missing: np.ndarray, *shown: torch.Tensor) -> Any:
        faces, seconds, seen = shown
        return Moments(torch.from_numpy(voice), torch.from_numpy(count & ~missing[:, None]), faces, seen, seconds)


def token_standardiser(voices: Voices, training_set: TrainingSet) -> Standardiser:
    """By mean and deviation of single tokens of clean speech, and of the faces as in the vector."""
    assert voices.tokens is not None
    space = FeatureSpace({**SPACE.columns, Modality.AUDIO: load_encoder(Modality.AUDIO, voices.tokens.encoder).names})
    count, total, squares = 0, np.zeros(voices.tokens.width), np.zeros(voices.tokens.width)
    for row in range(len(voices.label)):  # one at a time: all of them would be a gigabyte
        tokens = voices.tokens.of(row, 0).astype(float)
        count, total, squares = count + len(tokens), total + tokens.sum(axis=0), squares + (tokens**2).sum(axis=0)
    mean = total / count
    moments = mean, np.sqrt(np.maximum(squares / count - mean**2, 0.0)) + 1e-2
    of_faces = (SPACE.part(part, Modality.VIDEO) for part in (training_set.standardise.mean, training_set.standardise.std))
    joined = [space.join({Modality.AUDIO: voice, Modality.VIDEO: face}) for voice, face in zip(moments, of_faces, strict=True)]
    return Standardiser(joined[0], joined[1], space)


def reference_moments(data: Sequences, recipe: MomentRecipe) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pairs of one label as vectors (m, d + 512), and the same as tokens (m, 4, d) and frames (m, 4, 512)."""
    assert data.voices.tokens is not None
    rng = np.random.default_rng(recipe.seed + 2)
    i, j = reference_rows(data.training_set.voices, data.training_set.faces, recipe.reference, rng)
    rows = [int(rng.choice(data.by_label[label])) for label in data.training_set.faces.labels[j]]
    tokens, clips = [data.voices.tokens.of(row, 0) for row in i], [data.faces.frames[row][0] for row in rows]
    voice = np.stack([own[np.arange(_REFERENCE_TOKENS) % len(own)] for own in tokens])
    frames = np.stack([clip[np.arange(_REFERENCE_FACES) % len(clip)] for clip in clips])
    vectors = np.stack([np.concatenate([own.mean(axis=0), clip.mean(axis=0)]) for own, clip in zip(tokens, clips, strict=True)])
    return vectors.astype(np.float32), voice.astype(np.float32), frames.astype(np.float32)

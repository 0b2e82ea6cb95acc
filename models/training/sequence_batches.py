"""Batches of sequences and their soft targets."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from features import Modality, Standardiser
from features.video import N_FACE
from models.data.copies import CLEAN
from models.data.dataset import Faces, Voices
from models.labels import LABELS
from models.networks.sequence import CLIP_SECONDS, TOKEN_FRAMES, TokenBatch
from models.training.recipe import TokenRecipe
from models.training.samplers import DB_TO_MFCC0, TrainingSet, subset
from models.training.teachers import face_expert
from models.training.vector_batches import targets

FACES = 6  # frames of a clip that are shown at most
LONGEST = 3 * TOKEN_FRAMES  # MFCC frames of a voice in training; few have more between their silences


@dataclass
class Sequences:
    """What batches are drawn from.

    Attributes:
        voices, faces: the recordings.
        training_set: the samplers of the same.
        standardise: by the moments of single frames.
        face_weights: (n,), chance of each face.
        by_label: positions of the faces of each label.
    """

    voices: Voices
    faces: Faces
    training_set: TrainingSet
    standardise: Standardiser
    face_weights: np.ndarray
    by_label: dict[int, np.ndarray] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.by_label = {label: np.flatnonzero(self.faces.label == label) for label in range(len(LABELS))}


class TokenBatches:
    """Draws sequences of voices and faces with modality dropout, and their soft targets."""

    def __init__(self, data: Sequences, recipe: TokenRecipe) -> None:
        self.data, self.recipe = data, recipe
        self.rng = np.random.default_rng(recipe.seed + 1)
        means = np.array([frames[0].mean(axis=0) for frames in data.faces.frames])
        self.expert = face_expert(means, data.faces.label, data.faces.actor > 0)

    def clean_and_augmented(self) -> tuple[Any, Any, torch.Tensor]:
        """The same samples with clean voices and with augmented ones, and their targets, float32 (batch, 8)."""
        n, recipe, voices, faces = self.recipe.batch, self.recipe, self.data.training_set.voices, self.data.faces
        i, j, paired = self._rows()
        fate = self.rng.permutation(n) / n  # the same shares in every batch
        missing = recipe.modality_dropout
        no_voice, no_face = fate < missing[Modality.AUDIO], fate >= 1 - missing[Modality.VIDEO]
        versions = self._voices(i)
        rows, seconds, there, means = self._faces(j)
        expert = self.expert.log_probabilities(means)
        target = targets(voices.labels[i], faces.label[j], expert, paired & ~no_voice & ~no_face, no_voice, no_face, recipe)
        shown = torch.from_numpy(rows), torch.from_numpy(seconds), torch.from_numpy(there & ~no_face[:, None])
        clean, augmented = (self._batch(voice, count, no_voice, *shown) for voice, count in versions)
        return clean, augmented, torch.from_numpy(target.astype(np.float32))

    def _batch(self, voice: np.ndarray, count: np.ndarray, missing: np.ndarray, *shown: torch.Tensor) -> Any:
        """Voices, of which some are ``missing``, bool (batch,), beside faces, their seconds and their presence."""
        return TokenBatch(torch.from_numpy(voice), torch.from_numpy(np.where(missing, 0, count)), *shown)

    def _rows(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Which voices, which faces, and bool (batch,): whether they were drawn to have one label."""
        n, rng, data, voices = self.recipe.batch, self.rng, self.data, self.data.training_set.voices
        i = rng.choice(len(voices.labels), n, p=voices.weights)
        j = rng.choice(len(data.faces.label), n, p=data.face_weights)
        paired = np.arange(n) < round(self.recipe.matched * n)
        for k in np.flatnonzero(paired):
            same = data.by_label[voices.labels[i[k]]]
            if len(same):
                j[k] = rng.choice(same, p=data.face_weights[same] / data.face_weights[same].sum())
        return i, j, paired

    def _voices(self, rows: np.ndarray) -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
        """A clean and an augmented copy of each voice → twice float32 (n, 40, 132) standardised, and (n,) frames that count."""
        n, rng, recipe = len(rows), self.rng, self.recipe
        speed = rng.integers(CLEAN.stop, size=n)
        augmented = rng.random(n) < recipe.altered
        copies = np.where(augmented, rng.integers(CLEAN.stop, self.data.voices.sequence.shape[1], n), speed)
        gain = (rng.random(n) < recipe.levelled) * rng.uniform(-recipe.gain_db, recipe.gain_db, n) * DB_TO_MFCC0
        clean, (x, count) = self._frames(rows, np.where(augmented, 0, speed), np.zeros(n)), self._frames(rows, copies, gain)
        x += recipe.voice_noise * rng.standard_normal(x.shape, np.float32)
        for k in range(n):
            start = rng.integers(x.shape[2])
            x[k, :, start : start + rng.integers(max(1, recipe.mask_frames))] = 0
        return self._shifted(*clean), self._shifted(x, count)

    def _frames(self, rows: np.ndarray, copies: np.ndarray, gain: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Copies of voices, ``gain`` (n,) added to MFCC 0 → float32 (n, 40, 132) standardised, (n,) frames that count."""
        voices = self.data.voices
        x = voices.sequence[rows, copies, :, :LONGEST].astype(np.float32)
        x[:, 0] += gain[:, None]
        z = self.data.standardise.part(x, Modality.AUDIO, axis=1, dtype=np.float32)
        return z, np.minimum(voices.heard[rows, copies], LONGEST)

    def _shifted(self, x: np.ndarray, count: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Up to a quarter of each later: where a second begins is an accident."""
        shift = self.rng.integers(0, np.maximum(1, count // 4))
        columns = np.minimum(np.arange(x.shape[2])[None] + shift[:, None], x.shape[2] - 1)
        x = np.take_along_axis(x, columns[:, None, :], axis=2)
        return x.astype(np.float32), np.maximum(count - shift, TOKEN_FRAMES // 4)

    def _faces(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Random frames of random views → (n, 6, 512) standardised, seconds and presence (n, 6), raw means (n, 512)."""
        n, rng, data = len(rows), self.rng, self.data
        faces, seconds = np.zeros((n, FACES, N_FACE), np.float32), np.zeros((n, FACES), np.float32)
        there, means = np.zeros((n, FACES), bool), np.zeros((n, N_FACE))
        for k, row in enumerate(rows):
            views = data.faces.frames[row][: self.recipe.face_views]
            view = views[rng.integers(len(views))]
            order = np.sort(subset(np.arange(len(view)), rng)[:FACES])
            means[k] = view[order].mean(axis=0)
            faces[k, : len(order)] = data.standardise.part(view[order], Modality.VIDEO)
            seconds[k, : len(order)] = (order + rng.random()) * CLIP_SECONDS / len(view)
            there[k, : len(order)] = True
        faces += self.recipe.face_noise * rng.standard_normal((n, 1, N_FACE), np.float32)
        return faces, seconds, there, means

"""What the Transformer of sequences is shown in training, and what it should say."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch

from features import N_AUDIO, N_VISUAL
from models.data.dataset import FACE_VARIANTS, SPOKEN, Faces, Voices
from models.labels import LABELS
from models.networks.sequence import CLIP_SECONDS, TOKEN_FRAMES, TokenBatch
from models.training.recipe import Recipe
from models.training.samplers import DB_TO_MFCC0, Samples, subset
from models.training.teachers import face_expert
from models.training.vector_batches import targets

FACES = 6  # frames of a clip that are shown at most
LONGEST = 3 * TOKEN_FRAMES  # MFCC frames of a voice in training; few have more between their silences


@dataclass(frozen=True)
class TokenRecipe(Recipe):
    """As :class:`models.training.recipe.Recipe`, with what sequences allow.

    Attributes:
        mixup: of the Beta distribution, for samples without a face (Zhang et al. 2018, arXiv:1710.09412); 0 for none.
        mask_frames: longest stretch of a voice that is blanked (SpecAugment, Park et al. 2019, arXiv:1904.08779).
        mean_teacher: of what is wanted of a voice, with or without a face, the share that the average of the weights says of it
            unaltered; the rest is what ``targets`` says.
        momentum: of that average, from step to step; it is what is kept.
    """

    epochs: int = 40
    batch: int = 32
    epoch_size: int = 1440
    lr: float = 1e-3
    voice_alone: float = 0.65
    face_alone: float = 0.15
    altered: float = 0.8
    levelled: float = 1.0
    face_views: int = FACE_VARIANTS
    balance: float = 1.0
    mixup: float = 0.3
    mask_frames: int = 25
    mean_teacher: float = 0.5
    momentum: float = 0.99
    reference: int = 32


@dataclass
class Sequences:
    """Everything to draw from, standardised on the way out."""

    voices: Voices
    faces: Faces
    pools: Samples
    mean: np.ndarray
    std: np.ndarray
    face_weights: np.ndarray
    by_label: dict[int, np.ndarray] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.by_label = {label: np.flatnonzero(self.faces.label == label) for label in range(len(LABELS))}


class TokenBatches:
    """Draws sequences of voices and faces, with missing modalities, and their soft targets."""

    def __init__(self, data: Sequences, recipe: TokenRecipe) -> None:
        self.data, self.recipe = data, recipe
        self.rng = np.random.default_rng(recipe.seed + 1)
        filmed = data.faces.actor > 0
        means = np.array([frames[0].mean(axis=0) for frames in data.faces.frames])
        self.expert = face_expert(means, data.faces.label, filmed)

    def twins(self) -> tuple[TokenBatch, TokenBatch, torch.Tensor]:
        """The same samples with voices as they were spoken, and altered, and float32 (batch, 8) targets."""
        n, rng, recipe, data = self.recipe.batch, self.rng, self.recipe, self.data
        heard = data.pools.heard
        i = rng.choice(len(heard.labels), n, p=heard.weights)
        j = rng.choice(len(data.faces.label), n, p=data.face_weights)
        paired = np.arange(n) < round(recipe.matched * n)
        for k in np.flatnonzero(paired):
            same = data.by_label[heard.labels[i[k]]]
            if len(same):
                j[k] = rng.choice(same, p=data.face_weights[same] / data.face_weights[same].sum())
        fate = rng.permutation(n) / n  # the same share of each in every batch
        deaf, blind = fate < recipe.face_alone, fate >= 1 - recipe.voice_alone
        voices = self._voices(i)
        faces, seconds, seen, means = self._faces(j)
        target = targets(
            heard.labels[i], data.faces.label[j], self.expert.log_probabilities(means), paired & ~deaf & ~blind, deaf, blind, recipe
        )
        shown = torch.from_numpy(faces), torch.from_numpy(seconds), torch.from_numpy(seen & ~blind[:, None])
        clean, altered = (TokenBatch(torch.from_numpy(v), torch.from_numpy(np.where(deaf, 0, count)), *shown) for v, count in voices)
        return clean, altered, torch.from_numpy(target.astype(np.float32))

    def _voices(self, rows: np.ndarray) -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
        """Each voice as it was spoken, and a random copy of it → twice float32 (n, 40, 132) standardised, (n,) frames heard."""
        n, rng, recipe, data = len(rows), self.rng, self.recipe, self.data
        speed = rng.integers(SPOKEN.stop, size=n)
        dirty = rng.random(n) < recipe.altered
        copies = np.where(dirty, rng.integers(SPOKEN.stop, data.voices.sequence.shape[1], n), speed)
        level = (rng.random(n) < recipe.levelled) * rng.uniform(-recipe.gain_db, recipe.gain_db, n) * DB_TO_MFCC0
        spoken, (x, count) = self._frames(rows, np.where(dirty, 0, speed), np.zeros(n)), self._frames(rows, copies, level)
        x += recipe.voice_noise * rng.standard_normal(x.shape, np.float32)
        for k in range(n):
            start = rng.integers(x.shape[2])
            x[k, :, start : start + rng.integers(max(1, recipe.mask_frames))] = 0
        return self._shifted(*spoken), self._shifted(x, count)

    def _frames(self, rows: np.ndarray, copies: np.ndarray, level: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Copies of voices, ``level`` (n,) added to MFCC 0 → float32 (n, 40, 132) standardised, (n,) frames heard."""
        voices = self.data.voices
        x = voices.sequence[rows, copies, :, :LONGEST].astype(np.float32)
        x[:, 0] += level[:, None]
        return standardised_frames(x, self.data.mean, self.data.std), np.minimum(voices.heard[rows, copies], LONGEST)

    def _shifted(self, x: np.ndarray, count: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Up to a quarter of each later: where a second begins is an accident."""
        shift = self.rng.integers(0, np.maximum(1, count // 4))
        columns = np.minimum(np.arange(x.shape[2])[None] + shift[:, None], x.shape[2] - 1)
        x = np.take_along_axis(x, columns[:, None, :], axis=2)
        return x.astype(np.float32), np.maximum(count - shift, TOKEN_FRAMES // 4)

    def _faces(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Random frames of random views → (n, 6, 512) standardised, seconds and presence (n, 6), raw means (n, 512)."""
        n, rng, data = len(rows), self.rng, self.data
        faces, seconds = np.zeros((n, FACES, N_VISUAL), np.float32), np.zeros((n, FACES), np.float32)
        seen, means = np.zeros((n, FACES), bool), np.zeros((n, N_VISUAL))
        for k, row in enumerate(rows):
            views = data.faces.frames[row][: self.recipe.face_views]
            view = views[rng.integers(len(views))]
            order = np.sort(subset(np.arange(len(view)), rng)[:FACES])
            means[k] = view[order].mean(axis=0)
            faces[k, : len(order)] = (view[order] - data.mean[N_AUDIO:]) / data.std[N_AUDIO:]
            seconds[k, : len(order)] = (order + rng.random()) * CLIP_SECONDS / len(view)
            seen[k, : len(order)] = True
        faces += self.recipe.face_noise * rng.standard_normal((n, 1, N_VISUAL), np.float32)
        return faces, seconds, seen, means


def standardised_frames(mfccs: np.ndarray, mean: np.ndarray, std: np.ndarray) -> np.ndarray:
    """Raw MFCCs (…, 40, frames) → float32, by the voice's part of ``mean`` and ``std`` (552,)."""
    return (mfccs - mean[:N_AUDIO, None].astype(np.float32)) / std[:N_AUDIO, None].astype(np.float32)

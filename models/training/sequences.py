"""Train the Transformer on sequences: seconds of voices, frames of faces.

It is shown voices from other microphones, rooms and lines, and told in part what the average of its own weights makes of the same
voices unaltered (Mean Teacher, Tarvainen & Valpola 2017, arXiv:1703.01780): so that it says the same of both.
"""

from __future__ import annotations

from copy import deepcopy

import numpy as np
import torch
from torch import nn

from features import N_AUDIO
from models.checkpoint import TokenModel
from models.data.dataset import Faces, Voices
from models.networks.sequence import TokenBatch, TokenTransformer
from models.training.loop import OnEpoch, fit, follow
from models.training.samplers import Samples, reference_rows, samples
from models.training.sequence_batches import Sequences, TokenBatches, TokenRecipe
from models.training.settings import effective_settings
from models.training.teachers import balanced_weights

_WARM_UP = 300  # steps until the average of the weights has its full say


def train_tokens(
    voices: Voices,
    faces: Faces,
    recipe: TokenRecipe,
    backbone: str = "ferplus",
    on_epoch: OnEpoch | None = None,
) -> TokenModel:
    """Train on all that is given; the loss of each epoch is in ``info["history"]``."""
    pools = samples(voices, faces, recipe)
    mean, std = frame_moments(voices, pools)
    weights = balanced_weights(faces.label, faces.actor > 0, recipe.ferplus_share)
    data = Sequences(voices, faces, pools, mean, std, weights)
    torch.manual_seed(recipe.seed)
    network = TokenTransformer(dropout=recipe.dropout)
    average = deepcopy(network).requires_grad_(False).eval()
    lessons = _Lessons(TokenBatches(data, recipe), average, recipe)

    def on_step(done: int) -> None:
        follow(average, network, min(recipe.momentum, done / (9 + done)))
        lessons.share = recipe.mean_teacher * min(1.0, done / _WARM_UP)

    history = fit(network, lessons, recipe, on_epoch, on_step)
    info = {"backbone": backbone, "recipe": effective_settings("av-tokens", recipe), "history": history}
    reference, voice, face = reference_sequences(data, recipe)
    arrays = {"reference_voice": voice, "reference_faces": face}
    return TokenModel("av-tokens", average, mean, std, reference, 1.0, info, "", "av-tokens", None, **arrays)


class _Lessons:
    """Altered voices, with or without faces, what is wanted of them, and in part what ``average`` makes of them unaltered.

    ``share`` is how much of it; a face alone is wanted to be what it always is.
    """

    def __init__(self, batches: TokenBatches, average: nn.Module, recipe: TokenRecipe) -> None:
        self.batches, self.average, self.recipe = batches, average, recipe
        self.share = 0.0

    def __call__(self) -> tuple[TokenBatch, torch.Tensor]:
        """A batch, and float32 (batch, 8) targets."""
        clean, altered, target = self.batches.twins()
        if self.share:
            told = torch.where(altered.heard > 0, self.share, 0.0)[:, None]
            with torch.no_grad():
                target = torch.lerp(target, self.average(clean).softmax(dim=1), told)
        return self._mixed(altered, target)

    def _mixed(self, batch: TokenBatch, target: torch.Tensor) -> tuple[TokenBatch, torch.Tensor]:
        """Mixup among the samples that are voices alone."""
        rng, alone = self.batches.rng, np.flatnonzero(~batch.seen.any(dim=1).numpy())
        if not self.recipe.mixup or len(alone) < 2:
            return batch, target
        partner = rng.permutation(alone)
        share = torch.from_numpy(rng.beta(self.recipe.mixup, self.recipe.mixup, len(alone)).astype(np.float32))
        voice, heard, wanted = batch.voice.clone(), batch.heard.clone(), target.clone()
        voice[alone] = torch.lerp(voice[partner], voice[alone], share[:, None, None])
        heard[alone] = torch.maximum(heard[alone], heard[partner])
        wanted[alone] = torch.lerp(target[partner], target[alone], share[:, None])
        return TokenBatch(voice, heard, batch.faces, batch.seconds, batch.seen), wanted


def frame_moments(voices: Voices, pools: Samples) -> tuple[np.ndarray, np.ndarray]:
    """Mean and deviation (552,) of single MFCC frames, and of the faces as in the vector."""
    some = np.concatenate(
        [s[0, :, :h] for s, h in zip(voices.sequence.astype(np.float32), voices.heard[:, 0], strict=True)], axis=1, dtype=float
    )
    return (
        np.concatenate([some.mean(axis=1), pools.mean[N_AUDIO:]]),
        np.concatenate([some.std(axis=1) + 1e-2, pools.std[N_AUDIO:]]),
    )


def reference_sequences(data: Sequences, recipe: TokenRecipe) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pairs of one label as vectors (m, 552), and the same as sequences (m, 40, 176) and (m, 4, 512)."""
    rng = np.random.default_rng(recipe.seed + 2)
    i, j = reference_rows(data.pools.heard, data.pools.seen, recipe.reference, rng)
    rows = [int(rng.choice(data.by_label[label])) for label in data.pools.seen.labels[j]]
    clips = [data.faces.frames[row][0] for row in rows]
    frames = np.stack([clip[np.arange(4) % len(clip)] for clip in clips])
    vectors = np.concatenate([data.voices.mfcc[i, 0], [clip.mean(axis=0) for clip in clips]], axis=1)
    return vectors.astype(np.float32), data.voices.sequence[i, 0].astype(np.float32), frames.astype(np.float32)

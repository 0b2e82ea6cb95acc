"""Train the Transformer on sequences: seconds of voices, frames of faces.

Its voices are augmented, and part of their target are the probabilities of a mean teacher on the same voices clean, so that both get
the same answer: the mean teacher is the moving average of the network's own weights (Tarvainen & Valpola 2017, arXiv:1703.01780).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any, TypeVar

import numpy as np
import torch
from torch import nn

from features import SPACE, Modality, Standardiser
from models.data.dataset import Faces, Voices
from models.model import EmotionModel
from models.monitoring.monitor import UNWATCHED, Monitor
from models.registry import MODELS
from models.sequence_model import SequenceModel
from models.training.loop import averaged, fit
from models.training.recipe import TokenRecipe
from models.training.samplers import TrainingSet, make_training_set, reference_rows
from models.training.sequence_batches import Sequences, TokenBatches
from models.training.settings import effective_settings
from models.training.teachers import balanced_weights

M = TypeVar("M", bound=EmotionModel)

_WARM_UP = 300  # steps until the mean teacher has its full weight


def train_tokens(
    name: str,
    voices: Voices,
    faces: Faces,
    recipe: TokenRecipe,
    training_set: TrainingSet | None = None,
    backbone: str = "ferplus",
    monitor: Monitor = UNWATCHED,
) -> SequenceModel:
    """Train on all that is given; the loss of each epoch is in ``info["history"]``.

    Args:
        name: of the model in the registry.
        training_set: of the same data and recipe, if it is at hand.
        monitor: its observer.
    """
    training_set = training_set or make_training_set(voices, faces, recipe)
    weights = balanced_weights(faces.label, faces.actor > 0, recipe.ferplus_share)
    data = Sequences(voices, faces, training_set, frame_standardiser(voices, training_set), weights)
    info = {"backbone": backbone, "recipe": effective_settings(name, recipe)}
    reference, voice, face = reference_sequences(data, recipe)

    def model_of(network: nn.Module) -> SequenceModel:
        return SequenceModel(
            name, network, data.standardise, reference, 1.0, info, architecture=name, reference_voice=voice, reference_faces=face
        )

    network = partial(MODELS[name].network, dropout=recipe.dropout)
    return fit_mean_teacher(network, TokenBatches(data, recipe), recipe, model_of, monitor)


def fit_mean_teacher(
    make: Callable[[], nn.Module], batches: TokenBatches, recipe: TokenRecipe, model_of: Callable[[nn.Module], M], monitor: Monitor
) -> M:
    """Train a network that ``make`` makes; → the model of its mean teacher, with the loss of each epoch in ``info["history"]``."""
    torch.manual_seed(recipe.seed)
    network = make()
    average = averaged(network, recipe.momentum)
    taught = MeanTeacherBatches(batches, average.module, recipe)

    def on_step(done: int) -> None:
        average.update_parameters(network)
        taught.weight = recipe.mean_teacher * min(1.0, done / _WARM_UP)

    monitor.start(recipe.epochs, model_of)
    history = fit(network, taught, recipe, partial(monitor.epoch, average.module), on_step)
    model = model_of(average.module)
    return replace(model, info=model.info | {"history": history})


class MeanTeacherBatches:
    """Augmented samples; those with a voice have targets that are in part the probabilities of ``teacher`` on the same voices clean.

    ``weight`` is that part.
    """

    def __init__(self, batches: TokenBatches, teacher: nn.Module, recipe: TokenRecipe) -> None:
        self.batches, self.teacher, self.recipe = batches, teacher, recipe
        self.weight = 0.0

    def __call__(self) -> tuple[Any, torch.Tensor]:
        """A batch, and float32 (batch, 8) targets."""
        clean, augmented, target = self.batches.clean_and_augmented()
        if self.weight:
            weight = torch.where(augmented.present()[Modality.AUDIO], self.weight, 0.0)[:, None]
            with torch.no_grad():
                target = torch.lerp(target, self.teacher(clean).softmax(dim=1), weight)
        return self._mixed(augmented, target)

    def _mixed(self, batch: Any, target: torch.Tensor) -> tuple[Any, torch.Tensor]:
        """Mixup among the samples that are voices alone."""
        rng, alone = self.batches.rng, np.flatnonzero(~batch.present()[Modality.VIDEO].numpy())
        if not self.recipe.mixup or len(alone) < 2:
            return batch, target
        partner = rng.permutation(alone)
        share = torch.from_numpy(rng.beta(self.recipe.mixup, self.recipe.mixup, len(alone)).astype(np.float32))
        wanted = target.clone()
        wanted[alone] = torch.lerp(target[partner], target[alone], share[:, None])
        return batch.mixed(alone, partner, share), wanted


def frame_standardiser(voices: Voices, training_set: TrainingSet) -> Standardiser:
    """By mean and deviation of single MFCC frames, and of the faces as in the vector."""
    recorded = zip(voices.sequence.astype(np.float32), voices.heard[:, 0], strict=True)
    frames = np.concatenate([copies[0, :, :count] for copies, count in recorded], axis=1, dtype=float)
    of_vectors = training_set.standardise

    def joined(voice: np.ndarray, vector: np.ndarray) -> np.ndarray:
        return SPACE.join({Modality.AUDIO: voice, Modality.VIDEO: SPACE.part(vector, Modality.VIDEO)})

    return Standardiser(joined(frames.mean(axis=1), of_vectors.mean), joined(frames.std(axis=1) + 1e-2, of_vectors.std), SPACE)


def reference_sequences(data: Sequences, recipe: TokenRecipe) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pairs of one label as vectors (m, 552), and the same as sequences (m, 40, 176) and (m, 4, 512)."""
    rng = np.random.default_rng(recipe.seed + 2)
    i, j = reference_rows(data.training_set.voices, data.training_set.faces, recipe.reference, rng)
    rows = [int(rng.choice(data.by_label[label])) for label in data.training_set.faces.labels[j]]
    clips = [data.faces.frames[row][0] for row in rows]
    frames = np.stack([clip[np.arange(4) % len(clip)] for clip in clips])
    vectors = np.concatenate([data.voices.mfcc[i, 0], [clip.mean(axis=0) for clip in clips]], axis=1)
    return vectors.astype(np.float32), data.voices.sequence[i, 0].astype(np.float32), frames.astype(np.float32)

"""Knowledge distillation: one network of voice and face from teachers of each (Hinton et al. 2015, arXiv:1503.02531).

Teachers see clean recordings, the student the same ones augmented (Xie et al. 2020, arXiv:1911.04252). The soft target of a pair is the
product of the teachers' probabilities (Hinton 2002, doi 10.1162/089976602760128018), each raised to its own power, of any voice with any
face and of mixtures (function matching, Beyer et al. 2022, arXiv:2106.05237). The loss is the squared distance of logits (Ba & Caruana
2014, arXiv:1312.6184), plus a consistency between an augmented pair and the same pair clean (Sajjadi et al. 2016, arXiv:1606.04586).
The reasons are in MODEL_CARD.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial

import numpy as np
import torch
from torch import nn

from features import SPACE, Modality
from models.labels import LABELS
from models.monitoring.monitor import UNWATCHED, Monitor
from models.networks.fusion import SingleModality
from models.training.loop import OnAverage, fit_average
from models.training.recipe import Recipe
from models.training.samplers import TrainingSet
from models.training.vector_batches import Batches, without_others

_RARE = 1e-2  # least prior of a label
_UNTHINKABLE = 1e-6  # least target probability
_MATCHING_SCALE = 0.2  # most gradients stay below the norm at which they are clipped

Teachers = Mapping[Modality, Sequence[nn.Module]]


def distil(
    untrained: Callable[[], nn.Module], training_set: TrainingSet, recipe: Recipe, monitor: Monitor = UNWATCHED
) -> tuple[nn.Module, list[dict]]:
    """The student of ``recipe.teachers`` networks of each modality, and its loss in each epoch.

    Args:
        untrained: → the student before training.
        monitor: told of the epochs of the student and of its teachers.
    """
    clean = replace(recipe, altered=0.0, levelled=0.0)

    def teacher(modality: Modality, k: int) -> nn.Module:
        told = partial(monitor.teacher, f"{modality.noun} {k + 1}")
        return train_teacher(training_set, replace(clean, seed=recipe.seed + k), modality, told)

    teachers = {modality: [teacher(modality, k) for k in range(recipe.teachers)] for modality in SPACE.columns}
    recipe = replace(recipe, altered=recipe.taught_altered, levelled=recipe.taught_levelled, epochs=recipe.taught_epochs)
    torch.manual_seed(recipe.seed)
    student = untrained()
    batches = DistillationBatches(Batches(training_set, recipe, recipe.modality_dropout), teachers, recipe)
    return fit_average(student, batches, recipe, monitor.epoch, partial(mismatch, consistency=recipe.taught_alike))


def train_teacher(training_set: TrainingSet, recipe: Recipe, modality: Modality, on_epoch: OnAverage | None = None) -> nn.Module:
    """A network of one modality."""
    torch.manual_seed(recipe.seed)
    batches = Batches(training_set, recipe, without_others(modality))
    return fit_average(SingleModality(modality, recipe.dropout), batches, recipe, on_epoch)[0]


def mismatch(logits: torch.Tensor, target: torch.Tensor, consistency: float = 0.0) -> torch.Tensor:
    """Mean squared distance of logits from the logarithms of the targets, up to a constant of each row; × 0.2.

    Args:
        logits: (n + k, 8): of n samples, and of the first k of them clean.
        target: (n, 8) probabilities.
        consistency: weight of the distance between the two versions of those k.
    """
    student, clean = logits[: len(target)], logits[len(target) :]
    from_target = student - target.clamp(min=_UNTHINKABLE).log()
    from_clean = student[: len(clean)] - clean
    return _MATCHING_SCALE * (_distance(from_target) + consistency * _distance(from_clean)) / len(target)


def _distance(difference: torch.Tensor) -> torch.Tensor:
    """(n, 8) → sum of the variances of the rows."""
    return (difference - difference.mean(dim=1, keepdim=True)).square().mean(dim=1).sum()


class DistillationBatches:
    """Augmented samples, with soft targets from ``teachers`` on the same samples clean.

    Pairs come first, and are :func:`mixed`; after the batch they come once more, clean. The target of a pair is the teachers' alone,
    that of a voice or a face alone has ``recipe.taught`` of it beside the usual one.
    """

    def __init__(self, batches: Batches, teachers: Teachers, recipe: Recipe) -> None:
        self.batches, self.teachers, self.recipe = batches, teachers, recipe
        self.exponents = {Modality.AUDIO: recipe.taught_voice_trust, Modality.VIDEO: recipe.taught_face_trust}
        voices = batches.training_set.voices
        self.prior = torch.from_numpy(np.bincount(voices.labels, voices.weights, len(LABELS)).astype(np.float32))

    def __call__(self) -> tuple[torch.Tensor, torch.Tensor]:
        """float32 (batch + pairs, 552) standardised, float32 (batch, 8) targets."""
        clean, augmented, target = self.batches.clean_and_augmented()
        both = torch.stack(list(_present(clean).values())).all(dim=0)
        order = torch.cat([both.nonzero()[:, 0], (~both).nonzero()[:, 0]])
        clean, augmented, target, pairs = clean[order], augmented[order], target[order], int(both.sum())
        clean[:pairs], augmented[:pairs] = mixed(clean[:pairs], augmented[:pairs], self.batches.rng)
        weight = torch.where(torch.arange(len(clean)) < pairs, 1.0, self.recipe.taught)[:, None]
        soft = torch.lerp(target, product(self.teachers, clean, self.exponents, self.prior), weight)
        return torch.cat([augmented, clean[:pairs]]), soft


def _present(x: torch.Tensor) -> dict[Modality, torch.Tensor]:
    """bool (n,) for each modality: whether it is there in standardised (n, 552)."""
    return {modality: (x[:, columns] != 0).any(dim=1) for modality, columns in SPACE.slices.items()}


def product(teachers: Teachers, x: torch.Tensor, exponents: Mapping[Modality, float], prior: torch.Tensor) -> torch.Tensor:
    """Standardised (n, 552) → (n, 8): the normalised product of the mean probabilities by the teachers of each modality.

    A missing modality is left out of the product; those that are there are raised to the powers of ``exponents``. Where both are
    there it is divided by ``prior`` (8,), the frequencies of the labels among voices: of pairs, every label is equally likely a
    priori (naive Bayes).
    """
    present = _present(x)
    both = torch.stack(list(present.values())).all(dim=0)
    logs = torch.outer(both, -prior.clamp(min=_RARE).log())
    with torch.no_grad():
        for modality, there in present.items():
            shown = x[there]
            mean = torch.stack([teacher(shown).softmax(dim=1) for teacher in teachers[modality]]).mean(dim=0)
            logs[there] += exponents[modality] * mean.log()
    return logs.softmax(dim=1)


def mixed(clean: torch.Tensor, augmented: torch.Tensor, rng: np.random.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    """Pairs (n, 552) whose voices and faces are each mixed with a random other one's (mixup, Zhang et al. 2018, arXiv:1710.09412).

    What augmentation added to a pair is added to its mixture in full: a mixture of augmented ones would be augmented by half.
    """
    mixtures = clean.clone()
    for columns in SPACE.slices.values():
        others = torch.from_numpy(rng.permutation(len(clean)))
        share = torch.from_numpy(rng.random((len(clean), 1), dtype=np.float32))
        mixtures[:, columns] = torch.lerp(clean[:, columns], clean[others, columns], share)
    return mixtures, mixtures + (augmented - clean)

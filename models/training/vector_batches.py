"""Batches of vectors and their soft targets."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch

from features import Modality
from models.evaluation.metrics import softmax
from models.labels import LABELS
from models.training.recipe import Recipe
from models.training.samplers import TrainingSet


def without_others(modality: Modality) -> dict[Modality, float]:
    """Modality dropout for a network that reads one modality: the others are always missing."""
    return {other: float(other is not modality) for other in Modality}


class Batches:
    """Draws pairs of voice and face, part of them of one label, with modality dropout, and their soft targets."""

    def __init__(self, training_set: TrainingSet, recipe: Recipe, modality_dropout: Mapping[Modality, float]) -> None:
        """``modality_dropout``: share of samples from which each modality is missing; at most one is missing from a sample."""
        self.recipe, self.training_set, self.modality_dropout = recipe, training_set, modality_dropout
        self.rng = np.random.default_rng(recipe.seed + 1)
        faces, part = training_set.faces, training_set.standardise.part
        self.clean_faces, self.faces = (part(vectors, Modality.VIDEO) for vectors in (faces.clean, faces.vectors))
        self.by_label = {label: np.flatnonzero(faces.labels == label) for label in range(len(LABELS))}

    def __call__(self) -> tuple[torch.Tensor, torch.Tensor]:
        """float32 (batch, 552) standardised, float32 (batch, 8) targets."""
        _, x, target = self.clean_and_augmented()
        return x, target

    def clean_and_augmented(self) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """The same samples clean and augmented, float32 (batch, 552) standardised, and their targets, float32 (batch, 8)."""
        recipe, rng, voices, faces = self.recipe, self.rng, self.training_set.voices, self.training_set.faces
        i, j, paired = self._rows()
        fate = rng.random((recipe.batch, 1))
        no_voice, no_face = fate < self.modality_dropout[Modality.AUDIO], fate >= 1 - self.modality_dropout[Modality.VIDEO]
        clean, augmented = (
            np.concatenate([np.where(no_voice, 0, voice), np.where(no_face, 0, face)], axis=1)
            for voice, face in zip(self._voices(i), self._faces(j), strict=True)
        )
        target = targets(voices.labels[i], faces.labels[j], faces.expert[j], paired, no_voice[:, 0], no_face[:, 0], recipe)
        if no_face.any():
            share = recipe.overheard * no_face
            target = share * voices.soft_targets[i] + (1 - share) * target
        return _tensor(clean), _tensor(augmented), _tensor(target)

    def _rows(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Which voices, which faces, and bool (batch,): whether they were drawn to have one label."""
        n, rng, voices, faces = self.recipe.batch, self.rng, self.training_set.voices, self.training_set.faces
        i = rng.choice(len(voices.labels), n, p=voices.weights)
        j = rng.choice(len(faces.labels), n, p=faces.weights)
        paired = np.arange(n) < round(self.recipe.matched * n)
        j[paired] = [self._face_of(label) for label in voices.labels[i[paired]]]
        return i, j, paired

    def _voices(self, rows: np.ndarray) -> list[np.ndarray]:
        """Clean and augmented voices (batch, 40), both with the same noise."""
        raw = self.training_set.voices.draw(rows, self.rng, self.recipe)
        noise = self.recipe.voice_noise * self.rng.standard_normal(raw[0].shape)
        return [self.training_set.standardise.part(vectors, Modality.AUDIO) + noise for vectors in raw]

    def _faces(self, rows: np.ndarray) -> list[np.ndarray]:
        """Clean and augmented faces (batch, 512), these with noise."""
        noise = self.recipe.face_noise * self.rng.standard_normal((len(rows), self.faces.shape[1]))
        return [self.clean_faces[rows], self.faces[rows] + noise]

    def _face_of(self, label: int) -> int:
        weights, candidates = self.training_set.faces.weights, self.by_label[label]
        if not len(candidates):
            candidates = np.arange(len(weights))
        chances = weights[candidates]
        return self.rng.choice(candidates, p=chances / chances.sum())


def _tensor(values: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(values.astype(np.float32))


def targets(
    voice_labels: np.ndarray,
    face_labels: np.ndarray,
    expert: np.ndarray,
    paired: np.ndarray,
    no_voice: np.ndarray,
    no_face: np.ndarray,
    recipe: Recipe,
) -> np.ndarray:
    """Soft targets (n, 8).

    A voice alone: its smoothed label. A face alone: the expert's probabilities, and a little of its label. Both: the product of
    experts (Hinton 2002, doi 10.1162/089976602760128018), in which the voice's label has the probability ``voice_trust``.

    Args:
        voice_labels, face_labels: int (n,).
        expert: (n, 8) log probabilities of the faces.
        paired, no_voice, no_face: bool (n,): of one label; from which a modality is missing.
    """
    voice = np.log(smooth(voice_labels, 1 - recipe.voice_trust))
    both = softmax(voice + recipe.face_trust * expert)
    soft = np.where(no_voice[:, None], softmax(expert), both)
    soft = np.where(no_face[:, None], smooth(voice_labels, recipe.smoothing), soft)
    label = np.eye(len(LABELS))[np.where(no_voice, face_labels, voice_labels)]
    weight = recipe.label_weight * ((paired & ~no_face) | no_voice)[:, None]
    return (1 - weight) * soft + weight * label


def smooth(labels: np.ndarray, share: float) -> np.ndarray:
    """(n,) → (n, 8): 1 − share for the label, the rest spread over the others."""
    others = len(LABELS) - 1
    return np.where(np.eye(len(LABELS))[labels] == 1, 1 - share, share / others)

"""What a classifier of the 552-vector is shown in training, and what it should say."""

from __future__ import annotations

import numpy as np
import torch

from features import N_AUDIO
from models.checkpoint import softmax
from models.labels import LABELS
from models.training.recipe import Recipe
from models.training.samplers import Samples, standardised


class Batches:
    """Draws pairs of voice and face, half of them of one label, with missing modalities, and their soft targets."""

    def __init__(self, pools: Samples, recipe: Recipe, architecture: str) -> None:
        self.recipe, self.pools = recipe, pools
        self.rng = np.random.default_rng(recipe.seed + 1)
        faces = (pools.seen.vectors, pools.seen.unaltered)
        self.faces, self.unaltered = (standardised(part, pools.mean, pools.std, voice=False) for part in faces)
        self.by_label = {label: np.flatnonzero(pools.seen.labels == label) for label in range(len(LABELS))}
        deaf, blind = {"fused": (recipe.face_alone, recipe.voice_alone), "voice": (0.0, 1.0), "face": (1.0, 0.0)}[architecture]
        self.deaf, self.blind = deaf, blind

    def __call__(self) -> tuple[torch.Tensor, torch.Tensor]:
        """float32 (batch, 552) standardised, float32 (batch, 8) targets."""
        _, x, target = self.twins()
        return x, target

    def twins(self) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """As a call, after the same samples with voices that were not altered, and faces that were not, either."""
        n, rng, recipe, pools = self.recipe.batch, self.rng, self.recipe, self.pools
        i = rng.choice(len(pools.heard.labels), n, p=pools.heard.weights)
        j = rng.choice(len(pools.seen.labels), n, p=pools.seen.weights)
        paired = np.arange(n) < round(recipe.matched * n)
        j[paired] = [self._face_of(label) for label in pools.heard.labels[i[paired]]]
        fate = rng.random((n, 1))
        deaf, blind = fate < self.deaf, fate >= 1 - self.blind
        raw = pools.heard.draw_twins(i, rng, recipe)
        hiss = recipe.voice_noise * rng.standard_normal((n, N_AUDIO))
        voices = [standardised(voice, pools.mean, pools.std, voice=True) + hiss for voice in raw]
        faces = [self.unaltered[j], self.faces[j] + recipe.face_noise * rng.standard_normal((n, self.faces.shape[1]))]
        twins = zip(voices, faces, strict=True)
        clean, x = (np.concatenate([np.where(deaf, 0, voice), np.where(blind, 0, face)], axis=1) for voice, face in twins)
        target = targets(pools.heard.labels[i], pools.seen.labels[j], pools.seen.expert[j], paired, deaf[:, 0], blind[:, 0], recipe)
        if blind.any():  # a voice alone: what a listener to the whole recording makes of it
            told = recipe.overheard * blind
            target = told * pools.heard.opinions[i] + (1 - told) * target
        spoken, shown, wanted = (torch.from_numpy(part.astype(np.float32)) for part in (clean, x, target))
        return spoken, shown, wanted

    def _face_of(self, label: int) -> int:
        candidates = self.by_label[label]
        if not len(candidates):
            candidates = np.arange(len(self.pools.seen.labels))
        chances = self.pools.seen.weights[candidates]
        return self.rng.choice(candidates, p=chances / chances.sum())


def targets(heard, seen, expert, paired, deaf, blind, recipe: Recipe) -> np.ndarray:
    """(n, 8) wanted probabilities.

    A voice alone: its label. A face alone: mostly what the expert says, a little its label. Both: the product of the two
    opinions (Hinton 2002, doi 10.1162/089976602760128018), in which a label that was heard counts as ``voice_trust``.

    Args:
        heard, seen: int (n,) labels of voices and faces.
        expert: (n, 8) log probabilities of the faces.
        paired, deaf, blind: bool (n,): of one label; without voice; without face.
    """
    said = np.log(smooth(heard, 1 - recipe.voice_trust))
    both = softmax(said + recipe.face_trust * expert)
    opinion = np.where(deaf[:, None], softmax(expert), both)
    opinion = np.where(blind[:, None], smooth(heard, recipe.smoothing), opinion)
    truth = np.eye(len(LABELS))[np.where(deaf, seen, heard)]
    certain = recipe.label_weight * ((paired & ~blind) | deaf)[:, None]
    return (1 - certain) * opinion + certain * truth


def smooth(labels: np.ndarray, share: float) -> np.ndarray:
    """(n,) → (n, 8): 1 − share for the label, the rest spread over the others."""
    others = len(LABELS) - 1
    return np.where(np.eye(len(LABELS))[labels] == 1, 1 - share, share / others)

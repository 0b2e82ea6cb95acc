"""Train the classifiers of the 552-vector on voices and faces that need not belong together."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn.functional import log_softmax

from features import N_AUDIO
from models.architectures import LateFusion, LinearClassifier, SingleModality
from models.checkpoint import EmotionModel, softmax
from models.classifier import TransformerEmotionClassifier
from models.dataset import FACE_VARIANTS, Faces, Voices
from models.labels import LABELS
from models.pools import FacePool, VoicePool, face_pool, moments, reference_vectors, standardised, voice_pool
from models.teachers import face_expert, linear_weights, voice_regression

_EMA = 0.999
OnEpoch = Callable[[int, float], None]


@dataclass(frozen=True)
class Recipe:
    """Everything that decides the result, besides the data.

    Attributes:
        seed: of everything random.
        epochs, batch, lr, weight_decay: AdamW with a one-cycle schedule; an epoch is ``epoch_size`` samples.
        dropout: of the network.
        voice_alone, face_alone: share of samples that are only heard, and that are only seen.
        smoothing: of labels (Szegedy et al. 2016).
        label_weight: weight of the true label beside the experts' opinion, for pairs of one label.
        voice_trust: what a voice's label is worth against a face: the probability that an expert of voices gives it.
        face_trust: exponent of the face expert's opinion in a pair: on strangers it is less right than it is sure.
        altered: chance of a voice from another microphone, room or line, and of another level.
        gain_db: range of that level, up and down.
        voice_noise, face_noise: deviation of noise on standardised features.
        face_views: altered copies of each filmed face that are used, the face as it is included.
        face_draws: random subsets of frames for each view of a filmed face.
        ferplus_share: chance that a face is a FER+ photograph.
        matched: share of a batch in which voice and face show the same emotion; the others are drawn independently.
        reference: pairs kept as the baseline of SHAP.
    """

    epochs: int = 40
    batch: int = 64
    epoch_size: int = 2880
    lr: float = 1e-3
    weight_decay: float = 0.05
    seed: int = 0
    dropout: float = 0.1
    voice_alone: float = 0.3
    face_alone: float = 0.2
    smoothing: float = 0.1
    label_weight: float = 0.1
    voice_trust: float = 0.8
    face_trust: float = 0.5
    altered: float = 0.3
    gain_db: float = 12.0
    voice_noise: float = 0.2
    face_noise: float = 0.3
    face_views: int = FACE_VARIANTS
    face_draws: int = 4
    ferplus_share: float = 0.6
    matched: float = 0.5
    reference: int = 64


@dataclass(frozen=True)
class Samples:
    """What a set of recordings gives to draw from."""

    heard: VoicePool
    seen: FacePool
    mean: np.ndarray
    std: np.ndarray
    reference: np.ndarray


def samples(voices: Voices, faces: Faces, recipe: Recipe) -> Samples:
    """The pools of voices and faces, their moments, and the reference pairs."""
    rng = np.random.default_rng(recipe.seed)
    heard, seen = voice_pool(voices), face_pool(faces, rng, recipe.face_views, recipe.face_draws, recipe.ferplus_share)
    return Samples(heard, seen, *moments(heard, seen), reference_vectors(heard, seen, recipe.reference, rng))


def train(
    voices: Voices,
    faces: Faces,
    recipe: Recipe,
    backbone: str = "ferplus",
    on_epoch: OnEpoch | None = None,
    architecture: str = "fused",
    pools: Samples | None = None,
) -> EmotionModel:
    """Train on all that is given; the loss of each epoch is in ``info["history"]``.

    Same data, same recipe, same machine: same weights.

    Args:
        architecture: ``fused``, ``voice``, ``face`` or ``linear``; ``late-fusion`` is made by :func:`fuse_late`.
        pools: :func:`samples` of the same data and recipe, if they are at hand.
    """
    pools = pools or samples(voices, faces, recipe)
    info: dict[str, Any] = {}
    network: nn.Module
    if architecture == "linear":
        network, info["chosen"] = _fit_linear(pools, faces)
    else:
        torch.manual_seed(recipe.seed)
        network, info["history"] = _fit(_network(architecture, recipe), _Batches(pools, recipe, architecture), recipe, on_epoch)
    info["backbone"], info["recipe"] = backbone, asdict(recipe)
    return EmotionModel(architecture, network, pools.mean, pools.std, pools.reference, 1.0, info, architecture=architecture)


def _network(architecture: str, recipe: Recipe) -> nn.Module:
    if architecture == "fused":
        return TransformerEmotionClassifier(dropout=recipe.dropout)
    return SingleModality(architecture, recipe.dropout)


def fuse_late(voice: EmotionModel, face: EmotionModel) -> EmotionModel:
    """The confidence-weighted mixture of a voice and a face classifier that were trained on the same data."""
    network = LateFusion()
    network.voice.load_state_dict(voice.classifier.state_dict())
    network.face.load_state_dict(face.classifier.state_dict())
    own = (model.alone or (model.temperature,) * 2 for model in (voice, face))
    network.temperatures.copy_(torch.tensor([pair[k] for k, pair in enumerate(own)]))
    info: dict[str, Any] = {key: voice.info[key] for key in ("backbone", "recipe") if key in voice.info}
    network.eval().requires_grad_(False)
    return EmotionModel("late-fusion", network, voice.mean, voice.std, voice.reference, 1.0, info, architecture="late-fusion")


def _fit_linear(pools: Samples, faces: Faces) -> tuple[nn.Module, dict]:
    """Logistic regressions of voice and face, their logits added: naive Bayes over the modalities, and still linear."""
    voice, c = voice_regression(pools.heard.spoken[:, 0].astype(float), pools.heard.labels, pools.heard.actors)
    means = np.array([frames[0].mean(axis=0) for frames in faces.frames])
    face = face_expert(means, faces.label, faces.actor > 0)
    parts = [linear_weights(e, pools.mean[s], pools.std[s]) for e, s in ((voice, slice(0, N_AUDIO)), (face, slice(N_AUDIO, None)))]
    network = LinearClassifier()
    with torch.no_grad():
        network.layer.weight.copy_(torch.from_numpy(np.concatenate([weights for weights, _ in parts], axis=1)))
        network.layer.bias.copy_(torch.from_numpy(np.sum([intercepts for _, intercepts in parts], axis=0)))
    return network.eval().requires_grad_(False), {"voice_C": c}


def _fit(network: nn.Module, draw: _Batches, recipe: Recipe, on_epoch: OnEpoch | None) -> tuple[nn.Module, list[dict]]:
    average = deepcopy(network).requires_grad_(False)
    history = fit(network, draw, recipe, on_epoch, lambda done: follow(average, network, min(_EMA, done / (9 + done))))
    return average.eval(), history


def fit(
    network: nn.Module,
    draw: Callable[[], tuple[Any, torch.Tensor]],
    recipe: Recipe,
    on_epoch: OnEpoch | None = None,
    on_step: Callable[[int], None] = lambda done: None,
) -> list[dict]:
    """Cross-entropy with soft targets, AdamW, one cycle; → the loss of each epoch.

    Args:
        draw: a batch that ``network`` takes, and (n, 8) wanted probabilities.
        on_step: told the number of steps done.
    """
    steps = max(1, recipe.epoch_size // recipe.batch)
    optimiser = torch.optim.AdamW(network.parameters(), lr=recipe.lr, weight_decay=recipe.weight_decay)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, recipe.lr, total_steps=recipe.epochs * steps + 1)
    history = []
    for epoch in range(recipe.epochs):
        network.train()
        total = 0.0
        for step in range(steps):
            x, target = draw()
            loss = -(target * log_softmax(network(x), dim=1)).sum(dim=1).mean()
            optimiser.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimiser.step()
            schedule.step()
            on_step(epoch * steps + step + 1)
            total += loss.item()
        history.append({"epoch": epoch + 1, "loss": round(total / steps, 4)})
        if on_epoch:
            on_epoch(epoch + 1, total / steps)
    return history


class _Batches:
    """Draws pairs of voice and face, half of them of one label, with missing modalities, and their soft targets."""

    def __init__(self, pools: Samples, recipe: Recipe, architecture: str) -> None:
        self.recipe, self.pools = recipe, pools
        self.rng = np.random.default_rng(recipe.seed + 1)
        self.faces = standardised(pools.seen.vectors, pools.mean, pools.std, voice=False)
        self.by_label = {label: np.flatnonzero(pools.seen.labels == label) for label in range(len(LABELS))}
        deaf, blind = {"fused": (recipe.face_alone, recipe.voice_alone), "voice": (0.0, 1.0), "face": (1.0, 0.0)}[architecture]
        self.deaf, self.blind = deaf, blind

    def __call__(self) -> tuple[torch.Tensor, torch.Tensor]:
        """float32 (batch, 552) standardised, float32 (batch, 8) targets."""
        n, rng, recipe, pools = self.recipe.batch, self.rng, self.recipe, self.pools
        i = rng.choice(len(pools.heard.labels), n, p=pools.heard.weights)
        j = rng.choice(len(pools.seen.labels), n, p=pools.seen.weights)
        paired = np.arange(n) < round(recipe.matched * n)
        j[paired] = [self._face_of(label) for label in pools.heard.labels[i[paired]]]
        fate = rng.random((n, 1))
        deaf, blind = fate < self.deaf, fate >= 1 - self.blind
        raw = pools.heard.draw(i, rng, recipe.altered, recipe.gain_db)
        voice = standardised(raw, pools.mean, pools.std, voice=True) + recipe.voice_noise * rng.standard_normal((n, N_AUDIO))
        face = self.faces[j] + recipe.face_noise * rng.standard_normal((n, self.faces.shape[1]))
        x = np.concatenate([np.where(deaf, 0, voice), np.where(blind, 0, face)], axis=1)
        target = targets(pools.heard.labels[i], pools.seen.labels[j], pools.seen.expert[j], paired, deaf[:, 0], blind[:, 0], recipe)
        return torch.from_numpy(x.astype(np.float32)), torch.from_numpy(target.astype(np.float32))

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


def follow(average: nn.Module, network: nn.Module, momentum: float) -> None:
    """Exponential moving average of the weights (Polyak & Juditsky 1992)."""
    with torch.no_grad():
        for slow, fast in zip(average.parameters(), network.parameters(), strict=True):
            slow.lerp_(fast, 1 - momentum)

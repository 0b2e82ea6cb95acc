"""Train the Transformer on voices and faces that need not belong together."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from dataclasses import asdict, dataclass

import numpy as np
import torch
from torch.nn.functional import log_softmax

from features import N_AUDIO
from features.vector import join
from models.checkpoint import EmotionModel
from models.classifier import TransformerEmotionClassifier
from models.dataset import Faces, Voices
from models.labels import LABELS
from models.teachers import balanced_weights, face_expert, voice_expert

_DB_TO_MFCC0 = np.sqrt(128)  # a gain of 1 dB adds this to MFCC 0 and nothing to the others
_EMA = 0.999


@dataclass(frozen=True)
class Recipe:
    """Everything that decides the result, besides the data.

    Attributes:
        seed: of everything random.
        epochs, batch, lr: Adam with a cosine schedule; an epoch is one pass over the recordings.
        dropout: of the network.
        drop_modality: chance of leaving out the voice, and the same for the face.
        label_weight: weight of the cross-entropy with the true label (for pairs of one label) beside that with the experts.
        voice_variants: altered copies of each recording that are used, the clean one included.
        gain_db: deviation of random gain.
        face_draws: random subsets of frames for each view of a filmed face.
        face_noise: deviation of noise on standardised face features.
        ferplus_share: chance that a face is a FER+ photograph.
        matched: share of a batch in which voice and face show the same emotion; the others are drawn independently.
        reference: pairs kept as the baseline of SHAP.
    """

    epochs: int = 50
    batch: int = 32
    lr: float = 1e-3
    seed: int = 0
    dropout: float = 0.1
    drop_modality: float = 0.2
    label_weight: float = 0.1
    voice_variants: int = 4
    gain_db: float = 5.0
    face_draws: int = 4
    face_noise: float = 0.3
    ferplus_share: float = 0.6
    matched: float = 0.5
    reference: int = 64


@dataclass(frozen=True)
class Pool:
    """Samples to draw from: raw vectors (n, d), labels (n,), chance of each (n,), and the expert's logits (n, 8)."""

    vectors: np.ndarray
    labels: np.ndarray
    weights: np.ndarray
    expert: np.ndarray


def train(
    voices: Voices, faces: Faces, recipe: Recipe, backbone: str = "ferplus", on_epoch: Callable[[int, float], None] | None = None
) -> EmotionModel:
    """Train on all that is given; the loss of each epoch is in ``info["history"]``.

    Same data, same recipe, same machine: same weights.
    """
    rng = np.random.default_rng(recipe.seed)
    heard, seen = voice_pool(voices, recipe, rng), face_pool(faces, recipe, rng)
    mean, std = _moments(heard, seen)
    classifier, history = _fit(heard, seen, mean, std, recipe, len(voices.label), on_epoch)
    info = {"recipe": asdict(recipe), "history": history, "backbone": backbone}
    reference = reference_vectors(heard, seen, recipe.reference, rng)
    return EmotionModel("fused", classifier, mean, std, reference, 1.0, info)


def voice_pool(voices: Voices, recipe: Recipe, rng: np.random.Generator) -> Pool:
    """Clean and altered recordings, the altered ones with a random gain."""
    mfcc = voices.mfcc[:, : recipe.voice_variants].astype(float)
    gain = rng.normal(0.0, recipe.gain_db, mfcc.shape[:2])
    gain[:, 0] = 0.0
    mfcc[:, :, 0] += gain * _DB_TO_MFCC0
    vectors, labels = mfcc.reshape(-1, N_AUDIO), np.repeat(voices.label, mfcc.shape[1])
    weights = balanced_weights(labels, np.ones(len(labels), bool), 0.0)
    return Pool(vectors, labels, weights, voice_expert(vectors, labels, recipe.seed).log_probabilities(vectors))


def face_pool(faces: Faces, recipe: Recipe, rng: np.random.Generator) -> Pool:
    """Means over random subsets of frames of every view of a filmed face, and FER+ photographs as they are."""
    rows: list[np.ndarray] = []
    names: list[int] = []
    sources: list[bool] = []
    for frames, label, actor in zip(faces.frames, faces.label, faces.actor, strict=True):
        views = frames if actor == 0 else [_subset(view, rng) for view in frames for _ in range(recipe.face_draws)]
        rows += [view.mean(axis=0) for view in views]
        names += [label] * len(views)
        sources += [actor > 0] * len(views)
    vectors, labels, filmed = np.array(rows), np.array(names), np.array(sources)
    weights = balanced_weights(labels, filmed, recipe.ferplus_share)
    return Pool(vectors, labels, weights, face_expert(vectors, labels, filmed).log_probabilities(vectors))


def _subset(frames: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A third to all of the frames: clips are sampled at any stride."""
    count = rng.integers(max(1, len(frames) // 3), len(frames) + 1)
    return frames[rng.permutation(len(frames))[:count]]


def _moments(heard: Pool, seen: Pool) -> tuple[np.ndarray, np.ndarray]:
    """Weighted mean and deviation (552,) of the raw features."""
    means, deviations = [], []
    for pool in (heard, seen):
        mean = pool.weights @ pool.vectors
        means.append(mean)
        deviations.append(np.sqrt(pool.weights @ (pool.vectors - mean) ** 2) + 1e-2)
    return join(*means), join(*deviations)


def _fit(heard: Pool, seen: Pool, mean, std, recipe: Recipe, per_epoch: int, on_epoch) -> tuple[torch.nn.Module, list[dict]]:
    torch.manual_seed(recipe.seed)
    network = TransformerEmotionClassifier(dropout=recipe.dropout)
    average = deepcopy(network).requires_grad_(False)
    draw = _Batches(heard, seen, mean, std, recipe)
    steps = max(1, per_epoch // recipe.batch)
    optimiser = torch.optim.Adam(network.parameters(), lr=recipe.lr)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, recipe.epochs * steps)
    history, done = [], 0
    for epoch in range(recipe.epochs):
        network.train()
        total = 0.0
        for _ in range(steps):
            x, target = draw()
            loss = -(target * log_softmax(network(x), dim=1)).sum(dim=1).mean()
            optimiser.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimiser.step()
            schedule.step()
            done += 1
            _follow(average, network, min(_EMA, done / (9 + done)))
            total += loss.item()
        history.append({"epoch": epoch + 1, "loss": round(total / steps, 4)})
        if on_epoch:
            on_epoch(epoch + 1, total / steps)
    return average.eval(), history


class _Batches:
    """Draws pairs of voice and face, half of them of one label, with missing modalities, and their soft targets."""

    def __init__(self, heard: Pool, seen: Pool, mean: np.ndarray, std: np.ndarray, recipe: Recipe) -> None:
        self.recipe = recipe
        self.rng = np.random.default_rng(recipe.seed + 1)
        self.heard, self.seen = heard, seen
        self.voices = ((heard.vectors - mean[:N_AUDIO]) / std[:N_AUDIO]).astype(np.float32)
        self.faces = ((seen.vectors - mean[N_AUDIO:]) / std[N_AUDIO:]).astype(np.float32)
        self.by_label = {label: np.flatnonzero(seen.labels == label) for label in range(len(LABELS))}

    def __call__(self) -> tuple[torch.Tensor, torch.Tensor]:
        """float32 (batch, 552) standardised, float32 (batch, 8) targets."""
        n, rng, recipe = self.recipe.batch, self.rng, self.recipe
        i = rng.choice(len(self.heard.labels), n, p=self.heard.weights)
        j = rng.choice(len(self.seen.labels), n, p=self.seen.weights)
        paired = np.arange(n) < round(recipe.matched * n)
        j[paired] = [self._face_of(label) for label in self.heard.labels[i[paired]]]
        fate = rng.random((n, 1))
        deaf, blind = fate < recipe.drop_modality, fate > 1 - recipe.drop_modality
        voice = np.where(deaf, 0, self.voices[i])
        noise = recipe.face_noise * rng.standard_normal((n, self.faces.shape[1]), np.float32)
        face = np.where(blind, 0, self.faces[j] + noise)
        target = _softmax(np.where(deaf, 0, self.heard.expert[i]) + np.where(blind, 0, self.seen.expert[j]))
        truth = np.eye(len(LABELS))[np.where(deaf[:, 0], self.seen.labels[j], self.heard.labels[i])]
        certain = recipe.label_weight * (paired | deaf[:, 0] | blind[:, 0])[:, None]
        x = np.concatenate([voice, face], axis=1).astype(np.float32)
        return torch.from_numpy(x), torch.from_numpy(((1 - certain) * target + certain * truth).astype(np.float32))

    def _face_of(self, label: int) -> int:
        candidates = self.by_label[label]
        if not len(candidates):
            candidates = np.arange(len(self.seen.labels))
        chances = self.seen.weights[candidates]
        return self.rng.choice(candidates, p=chances / chances.sum())


def _follow(average: torch.nn.Module, network: torch.nn.Module, momentum: float) -> None:
    """Exponential moving average of the weights (Polyak & Juditsky 1992)."""
    with torch.no_grad():
        for slow, fast in zip(average.parameters(), network.parameters(), strict=True):
            slow.lerp_(fast, 1 - momentum)


def _softmax(logits: np.ndarray) -> np.ndarray:
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def reference_vectors(heard: Pool, seen: Pool, count: int, rng: np.random.Generator) -> np.ndarray:
    """float32 (count, 552): pairs of one label, every label as often, as the baseline of SHAP."""
    rows = []
    for k in range(count):
        label = k % len(LABELS)
        voice, face = (_one(pool, label, rng) for pool in (heard, seen))
        rows.append(join(voice, face))
    return np.array(rows, np.float32)


def _one(pool: Pool, label: int, rng: np.random.Generator) -> np.ndarray:
    chances = pool.weights * (pool.labels == label)
    chances = chances / chances.sum() if chances.sum() else pool.weights
    return pool.vectors[rng.choice(len(chances), p=chances)]

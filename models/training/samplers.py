"""Samplers of voices and of faces: their features, labels, chances, and the soft targets that go with them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from features import SPACE, Modality, Standardiser
from models.data.copies import CLEAN
from models.data.dataset import Faces, Voices
from models.labels import LABELS
from models.training.recipe import Recipe
from models.training.sequence_teacher import soft_targets
from models.training.teachers import balanced_weights, face_expert, label_weights

DB_TO_MFCC0 = np.sqrt(128)  # a gain of 1 dB adds this to MFCC 0 and nothing to the others


@dataclass(frozen=True)
class VoiceSampler:
    """n recordings of voices.

    Attributes:
        copies: raw (n, c, 40) mean MFCCs; those in :data:`models.data.dataset.CLEAN` are clean, the others augmented.
        cut: (n, c, 40): the same, trimmed closer to the words.
        labels, actors: int (n,).
        weights: (n,), chance of each recording.
        speaker_means: (n, 40), mean voice of each one's actor.
        voices: the recordings themselves.
        balance: see :class:`models.training.recipe.Recipe`.
    """

    copies: np.ndarray
    cut: np.ndarray
    labels: np.ndarray
    actors: np.ndarray
    weights: np.ndarray
    speaker_means: np.ndarray
    voices: Voices
    balance: float

    @cached_property
    def soft_targets(self) -> np.ndarray:
        """(n, 8) probabilities from :mod:`models.training.sequence_teacher`, which takes seconds."""
        return soft_targets(self.voices, self.balance)

    @property
    def clean(self) -> np.ndarray:
        """(n, v, 40): clean speech at several speeds, the first as it was recorded."""
        return self.copies[:, CLEAN]

    @property
    def augmented(self) -> np.ndarray:
        """(n, w, 40): from other microphones, rooms and lines."""
        return self.copies[:, CLEAN.stop :]

    def draw(self, rows: np.ndarray, rng: np.random.Generator, recipe: Recipe) -> tuple[np.ndarray, np.ndarray]:
        """A clean copy of each of ``rows`` at a random speed, and an augmented one → two (n, 40).

        With chance ``recipe.altered`` the second is from another microphone, room or line, with chance ``recipe.levelled`` it has
        another gain, with chance ``recipe.cut`` it is trimmed. With chance ``recipe.recast`` both are moved the same way towards
        another actor.
        """
        count = len(rows)
        speed = rng.integers(CLEAN.stop, size=count)
        augmented = rng.random(count) < recipe.altered
        copy = np.where(augmented, rng.integers(CLEAN.stop, self.copies.shape[1], size=count), speed)
        trimmed = rng.random((count, 1)) < recipe.cut
        vectors = np.where(trimmed, self.cut[rows, copy], self.copies[rows, copy]).astype(float)
        vectors[:, 0] += (rng.random(count) < recipe.levelled) * rng.uniform(-recipe.gain_db, recipe.gain_db, count) * DB_TO_MFCC0
        shift = self.speaker_shift(rows, rng, recipe.recast)
        return self.copies[rows, np.where(augmented, 0, speed)] + shift, vectors + shift

    def speaker_shift(self, rows: np.ndarray, rng: np.random.Generator, chance: float) -> np.ndarray:
        """(n, 40): part of the way from the mean voice of each one's actor to that of a random one, or nothing.

        There are few actors, each with one loudness, pitch and microphone: interpolation shows each emotion with other voices, too.
        """
        share = rng.random((len(rows), 1)) * (rng.random((len(rows), 1)) < chance)
        return share * (self.speaker_means[rng.integers(len(self.speaker_means), size=len(rows))] - self.speaker_means[rows])


@dataclass(frozen=True)
class FaceSampler:
    """n samples of faces.

    Attributes:
        vectors: raw (n, 512), means over some frames of a view, which may be augmented.
        clean: raw (n, 512), the same faces as they were filmed, means over all frames.
        labels: int (n,).
        weights: (n,), chance of each.
        expert: (n, 8), log probabilities of :func:`models.training.teachers.face_expert`.
    """

    vectors: np.ndarray
    clean: np.ndarray
    labels: np.ndarray
    weights: np.ndarray
    expert: np.ndarray


def voice_sampler(voices: Voices, rng: np.random.Generator, balance: float) -> VoiceSampler:
    """All copies of all recordings, drawn with :func:`models.training.teachers.label_weights`."""
    weights = label_weights(voices.label, balance)
    cut, means = cut_closer(voices, rng), speaker_means(voices.mfcc[:, 0], voices.label, voices.actor)
    return VoiceSampler(voices.mfcc, cut, voices.label, voices.actor, weights, means, voices, balance)


def speaker_means(mfcc: np.ndarray, labels: np.ndarray, actors: np.ndarray) -> np.ndarray:
    """(n, 40) → (n, 40): the mean voice of each one's actor, every emotion weighing the same."""
    out = np.empty(mfcc.shape)
    for actor in np.unique(actors):
        own = actors == actor
        out[own] = np.mean([mfcc[own & (labels == label)].mean(axis=0) for label in np.unique(labels[own])], axis=0)
    return out


def cut_closer(voices: Voices, rng: np.random.Generator) -> np.ndarray:
    """float32 (n, copies, 40): the mean of each copy with less around its words, or without some of these.

    That is between the mean of the whole copy and the mean of half to all of what is between its first and its last sound.
    """
    heard = voices.heard
    count = np.maximum(1, (heard * rng.uniform(0.5, 1.0, heard.shape)).astype(int))
    start = rng.integers(0, heard - count + 1)
    share = rng.random((*heard.shape, 1), dtype=np.float32)
    words = np.empty_like(voices.mfcc)
    for row, frames in enumerate(voices.sequence):  # one at a time: all of them would be a gigabyte
        sums = np.pad(frames.astype(np.float32).cumsum(axis=2), ((0, 0), (0, 0), (1, 0)))
        first, last = (np.take_along_axis(sums, at[row, :, None, None], axis=2)[..., 0] for at in (start, start + count))
        words[row] = (last - first) / count[row, :, None]
    return voices.mfcc + share * (words - voices.mfcc)


def face_sampler(faces: Faces, rng: np.random.Generator, views: int, draws: int, ferplus_share: float) -> FaceSampler:
    """Means over random subsets of frames (``draws``) of the first ``views`` of a filmed face, and FER+ photographs as they are."""
    if not len(faces.label):  # the sound alone: enough for a model of the voice
        nothing = np.zeros((1, SPACE.size(Modality.VIDEO)))
        return FaceSampler(nothing, nothing, np.zeros(1, int), np.ones(1), np.zeros((1, len(LABELS))))

    def means(frames: np.ndarray, actor: int) -> list[np.ndarray]:
        drawn = list(frames) if actor == 0 else [subset(view, rng) for view in frames[:views] for _ in range(draws)]
        return [view.mean(axis=0) for view in drawn]

    drawn = [means(frames, actor) for frames, actor in zip(faces.frames, faces.actor, strict=True)]
    counts = [len(own) for own in drawn]
    vectors = np.array([vector for own in drawn for vector in own])
    clean = np.repeat([frames[0].mean(axis=0) for frames in faces.frames], counts, axis=0)
    labels, filmed = np.repeat(faces.label, counts), np.repeat(faces.actor > 0, counts)
    weights = balanced_weights(labels, filmed, ferplus_share)
    expert = face_expert(vectors, labels, filmed).log_probabilities(vectors)
    return FaceSampler(vectors, clean, labels, weights, expert)


def subset(frames: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A third to all of the frames, in any order: clips are sampled at any stride."""
    count = rng.integers(max(1, len(frames) // 3), len(frames) + 1)
    return frames[rng.permutation(len(frames))[:count]]


def standardiser(voices: VoiceSampler, faces: FaceSampler) -> Standardiser:
    """By the weighted mean and deviation of the raw features, of the voices clean."""
    mean = {Modality.AUDIO: voices.weights @ voices.clean.mean(axis=1, dtype=float), Modality.VIDEO: faces.weights @ faces.vectors}
    squares = {
        Modality.AUDIO: voices.weights @ ((voices.clean - mean[Modality.AUDIO]) ** 2).mean(axis=1, dtype=float),
        Modality.VIDEO: faces.weights @ (faces.vectors - mean[Modality.VIDEO]) ** 2,
    }
    deviation = {modality: np.sqrt(square) for modality, square in squares.items()}
    return Standardiser(SPACE.join(mean), SPACE.join(deviation) + 1e-2, SPACE)


def reference_rows(voices: VoiceSampler, faces: FaceSampler, count: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Positions (count,) of voices and of faces: pairs of one label, every label as often, as the baseline of SHAP."""
    wanted = [k % len(LABELS) for k in range(count)]
    return np.array([draw_label(voices, k, rng) for k in wanted]), np.array([draw_label(faces, k, rng) for k in wanted])


def draw_label(sampler: VoiceSampler | FaceSampler, label: int, rng: np.random.Generator) -> int:
    """Position of a random sample with that label; of any sample if there is none."""
    chances = sampler.weights * (sampler.labels == label)
    chances = chances / chances.sum() if chances.sum() else sampler.weights
    return int(rng.choice(len(chances), p=chances))


def reference_vectors(voices: VoiceSampler, faces: FaceSampler, count: int, rng: np.random.Generator) -> np.ndarray:
    """float32 (count, 552): see :func:`reference_rows`; the voices are as they were recorded."""
    i, j = reference_rows(voices, faces, count, rng)
    return np.concatenate([voices.clean[i, 0], faces.vectors[j]], axis=1).astype(np.float32)


@dataclass(frozen=True)
class TrainingSet:
    """The samplers of voices and faces, how their features are standardised, and raw reference pairs float32 (m, 552)."""

    voices: VoiceSampler
    faces: FaceSampler
    standardise: Standardiser
    reference: np.ndarray


def make_training_set(voices: Voices, faces: Faces, recipe: Recipe) -> TrainingSet:
    """What a model with this recipe learns from."""
    rng = np.random.default_rng(recipe.seed)
    own = voice_sampler(voices, rng.spawn(1)[0], recipe.balance)
    shown = face_sampler(faces, rng, recipe.face_views, recipe.face_draws, recipe.ferplus_share)
    return TrainingSet(own, shown, standardiser(own, shown), reference_vectors(own, shown, recipe.reference, rng))

"""Voices and faces as samples to draw from: standardised rows, labels, chances, and what an expert makes of them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from features import N_AUDIO, N_VISUAL
from features.extract import join
from models.data.dataset import SPOKEN, Faces, Voices
from models.labels import LABELS
from models.training.listener import opinions
from models.training.recipe import Recipe
from models.training.teachers import balanced_weights, face_expert, label_weights

DB_TO_MFCC0 = np.sqrt(128)  # a gain of 1 dB adds this to MFCC 0 and nothing to the others


@dataclass(frozen=True)
class VoicePool:
    """n recordings: raw ``copies`` (n, c, 40), those in :data:`SPOKEN` clean, and ``cut`` (n, c, 40): with less around the words.

    ``speakers`` (n, 40) is the mean voice of each one's actor; ``voices`` are the recordings themselves.
    """

    copies: np.ndarray
    cut: np.ndarray
    labels: np.ndarray
    actors: np.ndarray
    weights: np.ndarray
    speakers: np.ndarray
    voices: Voices
    balance: float

    @cached_property
    def opinions(self) -> np.ndarray:
        """(n, 8): what a listener to other actors makes of each (:mod:`models.training.listener`), which takes seconds."""
        return opinions(self.voices, self.balance)

    @property
    def spoken(self) -> np.ndarray:
        """(n, v, 40): clean speech at several speeds, the first as it is."""
        return self.copies[:, SPOKEN]

    @property
    def altered(self) -> np.ndarray:
        """(n, w, 40): from other microphones, rooms and lines."""
        return self.copies[:, SPOKEN.stop :]

    def draw_twins(self, rows: np.ndarray, rng: np.random.Generator, recipe: Recipe) -> tuple[np.ndarray, np.ndarray]:
        """Each of ``rows`` as it was spoken, at a random speed, and a random copy of it → two (n, 40).

        With chance ``recipe.altered`` the copy is one from another microphone, room or line, with chance ``recipe.levelled`` its level
        is another, with chance ``recipe.cut`` it is cut. With chance ``recipe.recast`` both are moved, some way, to where another
        actor's voice is.
        """
        count = len(rows)
        speed = rng.integers(SPOKEN.stop, size=count)
        dirty = rng.random(count) < recipe.altered
        copy = np.where(dirty, rng.integers(SPOKEN.stop, self.copies.shape[1], size=count), speed)
        shorter = rng.random((count, 1)) < recipe.cut
        vectors = np.where(shorter, self.cut[rows, copy], self.copies[rows, copy]).astype(float)
        vectors[:, 0] += (rng.random(count) < recipe.levelled) * rng.uniform(-recipe.gain_db, recipe.gain_db, count) * DB_TO_MFCC0
        move = self.recast(rows, rng, recipe.recast)
        return self.copies[rows, np.where(dirty, 0, speed)] + move, vectors + move

    def recast(self, rows: np.ndarray, rng: np.random.Generator, chance: float) -> np.ndarray:
        """(n, 40): part of the way from the mean voice of each one's actor to that of somebody else, or nothing.

        Loudness, pitch and microphone of few actors are all that is known of people: so what an emotion adds to a voice is
        shown with other voices, too, and with all that lie between them.
        """
        share = rng.random((len(rows), 1)) * (rng.random((len(rows), 1)) < chance)
        return share * (self.speakers[rng.integers(len(self.speakers), size=len(rows))] - self.speakers[rows])


@dataclass(frozen=True)
class FacePool:
    """n faces: raw ``vectors`` (n, 512), labels, chance of each, and the expert's log probabilities (n, 8).

    ``unaltered`` (n, 512) are the same faces as they were filmed, with all their frames.
    """

    vectors: np.ndarray
    unaltered: np.ndarray
    labels: np.ndarray
    weights: np.ndarray
    expert: np.ndarray


def voice_pool(voices: Voices, rng: np.random.Generator, balance: float) -> VoicePool:
    """All copies of all recordings, drawn with :func:`models.training.teachers.label_weights`."""
    weights = label_weights(voices.label, balance)
    cut, speakers = cut_closer(voices, rng), mean_voices(voices.mfcc[:, 0], voices.label, voices.actor)
    return VoicePool(voices.mfcc, cut, voices.label, voices.actor, weights, speakers, voices, balance)


def mean_voices(mfcc: np.ndarray, labels: np.ndarray, actors: np.ndarray) -> np.ndarray:
    """(n, 40) → (n, 40): the mean of what each one's actor has said, every emotion counting the same."""
    out = np.empty(mfcc.shape)
    for actor in np.unique(actors):
        own = actors == actor
        out[own] = np.mean([mfcc[own & (labels == label)].mean(axis=0) for label in np.unique(labels[own])], axis=0)
    return out


def cut_closer(voices: Voices, rng: np.random.Generator) -> np.ndarray:
    """float32 (n, copies, 40): the mean of each copy when there is less around its words, or not all of these are left.

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


def face_pool(faces: Faces, rng: np.random.Generator, views: int, draws: int, ferplus_share: float) -> FacePool:
    """Means over random subsets of frames (``draws``) of the first ``views`` of a filmed face, and FER+ photographs as they are."""
    if not len(faces.label):  # the sound alone: enough for a model of the voice
        return FacePool(np.zeros((1, N_VISUAL)), np.zeros((1, N_VISUAL)), np.zeros(1, int), np.ones(1), np.zeros((1, len(LABELS))))
    rows: list[np.ndarray] = []
    originals: list[np.ndarray] = []
    names: list[int] = []
    sources: list[bool] = []
    for frames, label, actor in zip(faces.frames, faces.label, faces.actor, strict=True):
        drawn = list(frames) if actor == 0 else [subset(view, rng) for view in frames[:views] for _ in range(draws)]
        rows += [view.mean(axis=0) for view in drawn]
        originals += [frames[0].mean(axis=0)] * len(drawn)
        names += [label] * len(drawn)
        sources += [actor > 0] * len(drawn)
    vectors, labels, filmed = np.array(rows), np.array(names), np.array(sources)
    weights = balanced_weights(labels, filmed, ferplus_share)
    expert = face_expert(vectors, labels, filmed).log_probabilities(vectors)
    return FacePool(vectors, np.array(originals), labels, weights, expert)


def subset(frames: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A third to all of the frames, in any order: clips are sampled at any stride."""
    count = rng.integers(max(1, len(frames) // 3), len(frames) + 1)
    return frames[rng.permutation(len(frames))[:count]]


def moments(heard: VoicePool, seen: FacePool) -> tuple[np.ndarray, np.ndarray]:
    """Weighted mean and deviation (552,) of the raw features, of the voices as they are spoken."""
    voices = heard.spoken.mean(axis=1, dtype=float)
    mean = heard.weights @ voices
    spread = np.sqrt(heard.weights @ ((heard.spoken - mean) ** 2).mean(axis=1, dtype=float))
    face_mean = seen.weights @ seen.vectors
    face_spread = np.sqrt(seen.weights @ (seen.vectors - face_mean) ** 2)
    return join(mean, face_mean), join(spread, face_spread) + 1e-2


def reference_rows(heard: VoicePool, seen: FacePool, count: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Positions (count,) of voices and of faces: pairs of one label, every label as often, as the baseline of SHAP."""
    wanted = [k % len(LABELS) for k in range(count)]
    return np.array([draw_label(heard, k, rng) for k in wanted]), np.array([draw_label(seen, k, rng) for k in wanted])


def draw_label(pool: VoicePool | FacePool, label: int, rng: np.random.Generator) -> int:
    """Position of a random member with that label; of any member if there is none."""
    chances = pool.weights * (pool.labels == label)
    chances = chances / chances.sum() if chances.sum() else pool.weights
    return int(rng.choice(len(chances), p=chances))


def reference_vectors(heard: VoicePool, seen: FacePool, count: int, rng: np.random.Generator) -> np.ndarray:
    """float32 (count, 552): see :func:`reference_rows`; the voices are as they were recorded."""
    i, j = reference_rows(heard, seen, count, rng)
    return np.concatenate([heard.spoken[i, 0], seen.vectors[j]], axis=1).astype(np.float32)


def standardised(vectors: np.ndarray, mean: np.ndarray, std: np.ndarray, voice: bool) -> np.ndarray:
    """Raw (n, 40) or (n, 512) → float32, by its part of ``mean`` and ``std`` (552,)."""
    part = slice(0, N_AUDIO) if voice else slice(N_AUDIO, None)
    return ((vectors - mean[part]) / std[part]).astype(np.float32)


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
    heard = voice_pool(voices, rng.spawn(1)[0], recipe.balance)
    seen = face_pool(faces, rng, recipe.face_views, recipe.face_draws, recipe.ferplus_share)
    return Samples(heard, seen, *moments(heard, seen), reference_vectors(heard, seen, recipe.reference, rng))

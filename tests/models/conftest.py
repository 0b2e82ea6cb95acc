"""Recordings of nobody: the tables that training sees, with an emotion written into known numbers."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.special import softmax

from features import SPACE, Encoders, Features, Modality, Standardiser
from features.audio import mfcc_features
from models.data.copies import CLEAN, VOICE_VARIANTS
from models.data.corruptions import CORRUPTIONS
from models.data.dataset import SEQUENCE_FRAMES, Faces, Voices
from models.data.faces import face_views
from models.data.ravdess import Take, file_name, find_takes, performances
from models.data.tokens import MOST, VoiceTokens
from models.evaluation.predictions import Prediction
from models.labels import label_index
from models.model import EmotionModel
from models.networks.whisper_voice import WhisperVoice
from models.registry import MODELS
from models.sequence_model import SequenceModel
from tests.conftest import encode_video, tone, wav
from tests.film_backbones import quick_film  # noqa: F401

VARIANTS = CLEAN.stop + 2  # all speeds, and two augmented copies
FILMED = (1, 5)
FRAMES = 3


def make_voices(actors: Sequence[int], signal: np.ndarray, seed: int = 0) -> Voices:
    """All performances of ``actors``: noise plus ``signal`` (actor, label, 40), MFCC 0 as wide as in real voices."""
    rng = np.random.default_rng(seed)
    takes = [take(key, 3, "voice") for actor in actors for key in performances(actor)]
    label, actor, statement = columns(takes)
    sequence = rng.standard_normal((len(takes), VARIANTS + len(CORRUPTIONS[Modality.AUDIO]), 40, SEQUENCE_FRAMES), np.float32)
    sequence += rng.standard_normal((*sequence.shape[:3], 1), np.float32)
    sequence += signal[actor, label].astype(np.float32)[:, None, :, None]
    sequence[:, :, 0] *= 100
    heard = rng.integers(60, SEQUENCE_FRAMES - 20, sequence.shape[:2])
    there = np.arange(SEQUENCE_FRAMES) < heard[..., None]
    last = np.take_along_axis(sequence, heard[..., None, None] - 1, axis=3)
    sequence = np.where(there[:, :, None], sequence, last)
    mfcc = (sequence * there[:, :, None]).sum(axis=3) / heard[..., None]
    tables = [table.astype(kind) for table, kind in ((mfcc, np.float32), (sequence, np.float16), (heard, int))]
    learn, test = ([table[:, part] for table in tables] for part in (slice(VARIANTS), slice(VARIANTS, None)))
    return Voices(*learn, *test, label, actor, statement, takes, make_tokens(signal[actor, label], seed))


class Copies:
    """All copies of the tokens of a recording, in the memory of one: float16 (9, 1 + d), whose last number says which copy it is."""

    def __init__(self, tokens: np.ndarray) -> None:
        self.tokens, self.shape = tokens, (VOICE_VARIANTS + len(CORRUPTIONS[Modality.AUDIO]), *tokens.shape)

    def __getitem__(self, copy: int) -> np.ndarray:
        if not 0 <= copy < self.shape[0]:
            raise IndexError(copy)
        found = self.tokens.copy()
        found[:, -1] = found[:, 0] * copy
        return found


def make_tokens(signal: np.ndarray, seed: int = 0) -> VoiceTokens:
    """Of every recording 3 to 9 tokens of noise plus ``signal`` (n, 40), in a seventh of their numbers."""
    rng, width = np.random.default_rng(seed), len(WhisperVoice.names)
    files = []
    for own in np.tile(signal, width // 40 // 7):
        there = np.arange(MOST)[:, None] < rng.integers(3, MOST + 1)
        tokens = rng.standard_normal((MOST, width), np.float32)
        tokens[:, : len(own)] += own
        files.append(Copies(np.where(there, np.c_[there, tokens], 0).astype(np.float16)))
    return VoiceTokens(files, WhisperVoice.name)


def make_faces(actors: Sequence[int], signal: np.ndarray, photographs: int = 0, seed: int = 0) -> Faces:
    """Videos of all performances of ``actors``: noise plus ``signal`` (actor, label, 512); then photographs of every emotion."""
    rng = np.random.default_rng(seed)
    takes = [take(key, 1, "video") for actor in actors for key in performances(actor)]
    label, actor, statement = columns(takes)

    def views(count: int, frames: int, k: int, a: int) -> np.ndarray:
        return (np.abs(rng.normal(size=(count, frames, 512))) + signal[a, k]).astype(np.float32)

    frames = [views(2, FRAMES, k, a) for k, a in zip(label, actor, strict=True)]
    corrupted = [views(len(CORRUPTIONS[Modality.VIDEO]), FRAMES, k, a) for k, a in zip(label, actor, strict=True)]
    pictures = np.repeat(np.arange(8), photographs)
    frames += [views(1, 1, k, 0) for k in pictures]
    corrupted += [np.zeros((0, 1, 512), np.float32)] * len(pictures)
    nobody = np.zeros(len(pictures), int)
    return Faces(
        frames,
        corrupted,
        np.concatenate([label, pictures]),
        np.concatenate([actor, nobody]),
        np.concatenate([statement, nobody]),
        [*takes, *[None] * len(pictures)],
    )


def take(key: tuple, modality: int, kind: str) -> Take:
    return Take(*key, modality, kind, Path())


def columns(takes: list[Take]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Labels, actors and statements."""
    return tuple(np.array([[label_index(t.label), t.actor, t.statement] for t in takes]).reshape(-1, 3).T)


def planted(size: int, first: int, width: int) -> np.ndarray:
    """(25, 8, size): emotion k is written into the features from ``first + width · k`` on, the same for all actors."""
    signal = np.zeros((25, 8, size))
    for label in range(8):
        signal[:, label, first + width * label : first + width * (label + 1)] = 4
    return signal


@pytest.fixture(scope="session")
def encoders(backbone) -> Encoders:
    """Those of the app."""
    return {Modality.AUDIO: mfcc_features, Modality.VIDEO: backbone.maps}


@pytest.fixture(scope="session")
def corpus() -> tuple[Voices, Faces]:
    """Four actors, two of them filmed, and photographs; the emotion is in MFCC 10 + label and in 16 features of the face."""
    return make_voices((1, 2, 3, 5), planted(40, 10, 1)), make_faces(FILMED, planted(512, 100, 16), photographs=3)


def random_model(name: str, seed: int = 0) -> EmotionModel:
    """Untrained weights behind some mean and deviation."""
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    mean, std = rng.normal(size=len(SPACE)), rng.uniform(0.5, 2.0, len(SPACE))
    reference = (mean + std * rng.normal(size=(8, len(SPACE)))).astype(np.float32)
    spec = MODELS[name]
    classifier = spec.network().eval().requires_grad_(False)
    return spec.model_class(name, classifier, Standardiser(mean, std, SPACE), reference, 1.0, architecture=name)


def random_vectors(model: EmotionModel, count: int = 4) -> np.ndarray:
    """Raw (count, 552), as wide as those that the model was trained on."""
    return model.standardise.mean + model.standardise.std * np.random.default_rng(0).normal(size=(count, len(SPACE)))


@pytest.fixture(scope="session")
def sequence_model() -> SequenceModel:
    """Untrained, with reference sequences of random numbers."""
    rng = np.random.default_rng(0)
    model = random_model("av-tokens")
    assert isinstance(model, SequenceModel)
    return replace(
        model,
        standardise=Standardiser(rng.normal(size=len(SPACE)), rng.uniform(20, 30, len(SPACE)), SPACE),
        reference=rng.normal(size=(3, len(SPACE))).astype(np.float32),
        temperature=1.7,
        info={"backbone": "ferplus"},
        reference_voice=rng.normal(size=(3, 40, 88)).astype(np.float32),
        reference_faces=rng.normal(size=(3, 4, 512)).astype(np.float32),
    )


@pytest.fixture(scope="session")
def speech() -> Features:
    """A voice alone: a noisy tone of 1.5 s."""
    samples = tone(1.5, 300) + 0.01 * np.random.default_rng(0).standard_normal(33_075)
    return Features({Modality.AUDIO: mfcc_features(samples.astype(np.float32))})


def publish(folder: Path, actors: Sequence[int], filmed: Sequence[int], emotions: Sequence[int] = (3, 4, 5)) -> Path:
    """RAVDESS's published layout with a note for each emotion, a little higher for each actor, and one short film for all."""
    film = encode_video([np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)] * 2)
    for actor in actors:
        (folder / f"Actor_{actor:02d}").mkdir()
        for emotion in emotions:
            key = (actor, f"{emotion:02d}", 1, 1, 1)
            note = wav(tone(0.5, 200 * emotion + 10 * actor))
            (folder / f"Actor_{actor:02d}" / file_name(key, 3, ".wav")).write_bytes(note)
            if actor in filmed:
                (folder / f"Actor_{actor:02d}" / file_name(key, 1, ".mp4")).write_bytes(film)
    return folder


@pytest.fixture(scope="session")
def published(tmp_path_factory) -> Path:
    """Three actors of three folds, three emotions, and faces of two."""
    return publish(tmp_path_factory.mktemp("published"), (1, 2, 3), (1, 2))


@pytest.fixture(scope="session")
def cache(tmp_path_factory, published) -> Path:
    """Features of the one film are there already: else many threads would compute them at once."""
    folder = tmp_path_factory.mktemp("cache")
    face_views(next(t for t in find_takes(published) if t.kind == "video"), folder, "ferplus")
    return folder


@pytest.fixture
def inline(monkeypatch):
    """Splits are worked on in this process, one after another."""

    class Pool:
        def __init__(self, _workers, _context, prepare, arguments) -> None:
            prepare(*arguments)

        def __enter__(self):
            return self

        def __exit__(self, *_) -> None: ...

        def submit(self, function, *job) -> Future:
            done: Future = Future()
            done.set_result(function(*job))
            return done

    monkeypatch.setattr("models.evaluation.cross_validation.ProcessPoolExecutor", Pool)


def synthetic(
    split: int, scale: float, n: int = 4000, model: str = "m", state: str = "voice", corruption: str | None = None, people: int = 1
) -> Prediction:
    """Calibrated logits, times ``scale``."""
    rng = np.random.default_rng(split)
    logits = 2 * rng.normal(size=(n, 8))
    labels = (softmax(logits, axis=1).cumsum(axis=1) < rng.random((n, 1))).sum(axis=1)
    return Prediction(model, split, 0, state, corruption, scale * logits, labels, np.arange(n) % people, [(0,)] * n)

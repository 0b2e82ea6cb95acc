"""A recording with random content and a classifier with random weights: identities must hold for any of them."""

import numpy as np
import pytest
import torch
from lime.lime_base import LimeBase
from sklearn.metrics import pairwise_distances

from features import N_FEATURES, Features
from features.audio import HOP, RATE, AudioFeatures, mean_mfcc, mel_centres, mel_spectrogram_db
from features.extract import join
from features.faces import Box
from features.video import VideoFeatures
from models.checkpoint import EmotionModel, TokenModel
from models.networks.sequence import TokenTransformer
from models.networks.transformer import TransformerEmotionClassifier
from tests.conftest import tone
from xai.methods.lime import LimeExplanation


@pytest.fixture
def random_model() -> EmotionModel:
    torch.manual_seed(1)
    classifier = TransformerEmotionClassifier().eval().requires_grad_(False)
    rng = np.random.default_rng(2)
    mean, std = rng.normal(size=N_FEATURES), rng.uniform(0.5, 2.0, N_FEATURES)
    reference = (mean + std * rng.normal(size=(24, N_FEATURES))).astype(np.float32)
    return EmotionModel("random", classifier, mean, std, reference, temperature=1.3)


@pytest.fixture(scope="session")
def token_model() -> TokenModel:
    """Untrained, behind the mean and deviation of the frames of some voice and face."""
    torch.manual_seed(1)
    network = TokenTransformer()
    with torch.no_grad():
        network.modality.normal_(std=0.3)
        network.voice.weight.mul_(6)  # what is heard and seen moves the logits as in a trained one
        network.face.weight.mul_(3)
    rng = np.random.default_rng(2)
    mean = np.concatenate([[-300.0], rng.normal(0, 5, 39), rng.uniform(0.3, 0.6, 512)])
    std = np.concatenate([[120.0], rng.uniform(10, 25, 39), rng.uniform(0.3, 0.6, 512)])
    voice = mean[:40, None] + std[:40, None] * rng.normal(size=(8, 40, 60)).cumsum(axis=2) / 5
    faces = np.maximum(0, mean[40:] + std[40:] * rng.normal(size=(8, 4, 512)))
    reference = np.concatenate([voice.mean(axis=2), faces.mean(axis=1)], axis=1)
    return TokenModel(
        "random-tokens",
        network.eval().requires_grad_(False),
        mean,
        std,
        reference.astype(np.float32),
        1.3,
        {"backbone": "ferplus"},
        architecture="av-tokens",
        reference_voice=voice.astype(np.float32),
        reference_faces=faces.astype(np.float32),
    )


def make_audio(samples: np.ndarray) -> AudioFeatures:
    mel_db = mel_spectrogram_db(samples.astype(np.float32))
    return AudioFeatures(samples.astype(np.float32), mel_db, mean_mfcc(mel_db), RATE, 1)


def make_video(crops: np.ndarray, used: np.ndarray, backbone) -> VideoFeatures:
    maps = np.zeros((len(crops), 512, 7, 7), np.float32)
    maps[used] = backbone.maps(crops[used])
    squares = [Box(20, 10, 100, 100) if u else None for u in used]
    pictures = [np.full((120, 160, 3), 128, np.uint8) for _ in crops]
    return VideoFeatures(np.arange(len(crops)) * 1.0, pictures, 1.0, squares, squares, crops, maps, used, False)


@pytest.fixture
def random_features(backbone) -> Features:
    """Two seconds of noise in bursts, and three frames of noise of which the second has no face."""
    rng = np.random.default_rng(3)
    samples = rng.standard_normal(2 * RATE) * (np.sin(np.linspace(0, 20, 2 * RATE)) > 0) * 0.1
    audio = make_audio(samples)
    crops = rng.integers(0, 255, (3, 224, 224, 3), np.uint8)
    video = make_video(crops, np.array([True, False, True]), backbone)
    return Features(audio, video, join(audio.mfcc, video.mean))


def library_lime(masks: np.ndarray, logits: np.ndarray, target: int, seed: int) -> tuple[np.ndarray, float]:
    """Weights (p,) and R² of ``lime``'s own surrogate, called as lime_image does."""
    distances = pairwise_distances(masks, masks[:1], metric="cosine").ravel()
    base = LimeBase(lambda d: np.sqrt(np.exp(-(d**2) / 0.25**2)), random_state=seed)
    _, found, r2, _ = base.explain_instance_with_data(masks, logits, distances, target, masks.shape[1], "none")
    return np.array([weight for _, weight in sorted(found)]), r2


@pytest.fixture
def voice(random_features) -> Features:
    return Features(random_features.audio, None, join(random_features.audio.mfcc, None))


@pytest.fixture
def face(random_features) -> Features:
    return Features(None, random_features.video, join(None, random_features.video.mean))


def burst(start: float, band: int) -> Features:
    """Two seconds of silence but for a tone of 0.2 s in the middle of a mel band."""
    samples = 1e-3 * np.random.default_rng(0).standard_normal(2 * RATE)
    at = int(start * RATE)
    samples[at : at + RATE // 5] += tone(0.2, mel_centres()[band])
    audio = make_audio(samples)
    return Features(audio, None, join(audio.mfcc, None))


def assert_marks_burst(lime: LimeExplanation, target: int, start: float, band: int) -> None:
    """The strongest patch holds :func:`burst`."""
    a, b, low, high = lime.cells[lime.weights[target].argmax()]
    assert low <= band < high
    assert a * HOP / RATE <= start + 0.2
    assert b * HOP / RATE >= start

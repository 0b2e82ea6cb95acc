"""Recordings with random content: identities must hold for any of them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from features import Features, Modality
from features.audio import RATE, AudioFeatures, mel_centres, mfcc_features
from features.faces import Box
from features.speech import speech_span
from features.tokens import TokenFeatures
from features.video import VideoFeatures
from models.networks.whisper_voice import WhisperVoice
from tests.conftest import tone


def make_audio(samples: np.ndarray) -> AudioFeatures:
    return mfcc_features(samples.astype(np.float32))


def make_video(crops: np.ndarray, used: np.ndarray, encode: Callable[[np.ndarray], np.ndarray]) -> VideoFeatures:
    """A film of crops, a second apart, of which those that are ``used`` show a face; ``encode`` makes their maps."""
    encoded = encode(crops[used])
    maps = np.zeros((len(crops), *encoded.shape[1:]), np.float32)
    maps[used] = encoded
    squares = [Box(20, 10, 100, 100) if u else None for u in used]
    pictures = [np.full((120, 160, 3), 128, np.uint8) for _ in crops]
    return VideoFeatures(np.arange(len(crops)) * 1.0, pictures, 1.0, squares, squares, crops, maps, used, False)


def recording(audio: AudioFeatures | None = None, video: VideoFeatures | None = None) -> Features:
    parts = {Modality.AUDIO: audio, Modality.VIDEO: video}
    return Features({modality: part for modality, part in parts.items() if part is not None})


def random_recording(encode: Callable[[np.ndarray], np.ndarray]) -> Features:
    """Two seconds of noise in bursts, and three frames of noise of which the second has no face."""
    rng = np.random.default_rng(3)
    samples = rng.standard_normal(2 * RATE) * (np.sin(np.linspace(0, 20, 2 * RATE)) > 0) * 0.1
    crops = rng.integers(0, 255, (3, 224, 224, 3), np.uint8)
    return recording(make_audio(samples), make_video(crops, np.array([True, False, True]), encode))


def random_maps(crops: np.ndarray) -> np.ndarray:
    """What stands for a backbone where nobody looks at the picture again: (n, 512, 7, 7), never negative, as those of a ResNet."""
    return np.abs(np.random.default_rng(4).normal(0, 0.6, (len(crops), 512, 7, 7))).astype(np.float32)


def as_tokens(features: Features) -> Features:
    """The same with its voice by the encoder of models of tokens."""
    return features.with_part(Modality.AUDIO, WhisperVoice()(features.audio.samples)) if features.audio is not None else features


def quiet_ends() -> Features:
    """A second of noise between two silences."""
    rng = np.random.default_rng(5)
    samples = 1e-6 * rng.standard_normal(int(2.5 * RATE))
    samples[RATE // 2 : RATE * 3 // 2] += 0.1 * rng.standard_normal(RATE) * np.linspace(0.2, 1, RATE)
    return recording(make_audio(samples))


def burst(start: float, band: int) -> Features:
    """Two seconds of silence but for a tone of 0.2 s in the middle of a mel band."""
    samples = 1e-3 * np.random.default_rng(0).standard_normal(2 * RATE)
    at = int(start * RATE)
    samples[at : at + RATE // 5] += tone(0.2, mel_centres()[band])
    return recording(make_audio(samples))


def sequences_of(features: Features) -> tuple[np.ndarray | None, np.ndarray | None, np.ndarray | None]:
    """MFCCs (40, frames) between the silences, or tokens (k, d); features (m, 512) and seconds (m,) of the faces; None where missing."""
    audio, video = features.audio, features.video
    if isinstance(audio, TokenFeatures):
        voice = audio.tokens
    else:
        voice = None if audio is None else audio.frame_vectors[:, slice(*speech_span(audio.frame_vectors))]
    return voice, *((None, None) if video is None else (video.frame_vectors, video.times[video.used]))

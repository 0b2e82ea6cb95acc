"""What the model recognises from moment to moment: the same path as for the whole recording, on a sliding window."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from features import N_AUDIO, N_FEATURES, Features
from features.audio import HOP, RATE, mfcc
from models.checkpoint import AnyModel, TokenModel, softmax
from models.labels import LABELS
from models.networks.sequence import TokenBatch, speech_span, token_batch
from xai.methods.lime import sounding_part

WINDOW = 1.5  # seconds: several syllables, and one or two frames of the face
STEP = 0.25  # seconds
_MOST = 120  # windows; in a longer recording they lie further apart and reach further
_SPEECH = 0.5  # of a window at least: silence alone, which no training clip is, can look like any emotion


@dataclass(frozen=True)
class Timeline:
    """Probabilities over time.

    A window is shorter than any clip the model was trained on (about 3 s), so a single moment is less certain than its
    probabilities say; the whole recording is what the model was made to judge.

    Attributes:
        times: float64 (k,), seconds, the middle of each window.
        probabilities: float64 (k, 8), rows sum to 1; NaN where too little is heard and there is no face.
        heard: bool (k,), whether the voice counts in a window.
        window: length of a window in seconds.
    """

    times: np.ndarray
    probabilities: np.ndarray
    heard: np.ndarray
    window: float


@dataclass(frozen=True)
class _Part:
    """What lies in one window: frames of the voice (None: too little is heard), rows of the faces, their seconds in the window."""

    voice: slice | None
    faces: np.ndarray
    seconds: np.ndarray


def explain_timeline(features: Features, model: AnyModel, *, window: float = WINDOW, step: float = STEP) -> Timeline:
    """Probabilities of all eight classes on a sliding window, in one batched pass.

    For each window the voice is the mean of the MFCCs of the spectrogram's frames in it, and the face the mean of the
    features of the sampled frames in it, or of the nearest one where there is none. A model of sequences is given the
    parts of its sequences. Where the silence before or after the voice fills more than half of a window, the voice
    counts as missing. One window that holds everything gives the probabilities of the whole recording.
    """
    starts, window = _windows(_seconds(features), window, step)
    logits = _token_logits if isinstance(model, TokenModel) else _vector_logits
    parts = _parts(features, starts, window, speech_of(features, model))
    there = np.array([part.voice is not None or len(part.faces) > 0 for part in parts])
    probabilities = np.full((len(parts), len(LABELS)), np.nan)
    if there.any():
        kept = [part for part, known in zip(parts, there, strict=True) if known]
        probabilities[there] = softmax(logits(features, model, kept))  # type: ignore[arg-type]
    heard = np.array([part.voice is not None for part in parts])
    return Timeline(starts + window / 2, probabilities, heard, window)


def speech_of(features: Features, model: AnyModel) -> tuple[int, int]:
    """First and last (exclusive) frame of the spectrogram that is not silence before or after; decided on the whole."""
    if features.audio is None:
        return 0, 0
    if isinstance(model, TokenModel):
        return speech_span(mfcc(features.audio.mel_db))
    return sounding_part(features.audio.mel_db)


def _seconds(features: Features) -> float:
    """What is known of the length: to the end of the voice, or to the last frame that was looked at."""
    ends = [features.audio.seconds] if features.audio is not None else []
    if features.video is not None:
        ends.append(float(features.video.times[-1]))
    return max(ends)


def _windows(seconds: float, window: float, step: float) -> tuple[np.ndarray, float]:
    """Starts (k,) of whole windows inside the recording, and their length."""
    room = seconds - window
    if room <= 0:
        return np.zeros(1), seconds
    step = max(step, room / (_MOST - 1))
    window = min(max(window, step), seconds)  # no moment lies between two windows
    count = min(_MOST, 1 + round((seconds - window) / step))
    return np.linspace(0.0, seconds - window, count), window


def _parts(features: Features, starts: np.ndarray, window: float, speech: tuple[int, int]) -> list[_Part]:
    video = features.video
    times = video.times[video.used] if video is not None else np.zeros(0)
    return [_part(start, window, times, speech) for start in starts.tolist()]


def _part(start: float, window: float, times: np.ndarray, speech: tuple[int, int]) -> _Part:
    end = start + window
    # Frame i is centred on sample i · HOP; the tiny number keeps the last one in spite of rounding.
    first, last = int(np.ceil(start * RATE / HOP - 1e-6)), int(end * RATE / HOP + 1e-6) + 1
    spoken = min(last, speech[1]) - max(first, speech[0])
    heard = spoken > 0 and spoken >= min(_SPEECH * (last - first), speech[1] - speech[0])
    rows = np.flatnonzero((times >= start - 1e-9) & (times <= end + 1e-9))
    if not len(rows) and len(times):
        rows = np.array([np.abs(times - (start + end) / 2).argmin()])
    return _Part(slice(first, last) if heard else None, rows, np.clip(times[rows] - start, 0.0, window))


def _vector_logits(features: Features, model, parts: Sequence[_Part]) -> np.ndarray:
    """(k, 8): all windows as raw 552-vectors, NaN where a modality is missing."""
    vectors = np.full((len(parts), N_FEATURES), np.nan)
    mfccs, faces = _sequences(features)
    for row, part in zip(vectors, parts, strict=True):
        if part.voice is not None:
            row[:N_AUDIO] = mfccs[:, part.voice].mean(axis=1)
        if len(part.faces):
            row[N_AUDIO:] = faces[part.faces].mean(axis=0)
    return model.logits(vectors)


def _token_logits(features: Features, model: TokenModel, parts: Sequence[_Part]) -> np.ndarray:
    """(k, 8): all windows as sequences, each timed from its own beginning, silence around the voice cut off."""
    mfccs, faces = _sequences(features)
    first, last = speech_of(features, model)
    batches = []
    for part in parts:
        voice = mfccs[:, max(first, part.voice.start) : min(last, part.voice.stop)] if part.voice is not None else None
        batches.append(token_batch(voice, faces[part.faces], part.seconds, model.mean, model.std))
    return model.logits(_together(batches))


def _together(batches: Sequence[TokenBatch]) -> TokenBatch:
    """Batches of one as one batch: voices go on with their last frame, faces are filled up with absent ones."""
    frames, shown = max(b.voice.shape[2] for b in batches), max(b.faces.shape[1] for b in batches)
    return TokenBatch(
        torch.cat([_longer(b.voice, frames) for b in batches]),
        torch.cat([b.heard for b in batches]),
        torch.cat([_filled(b.faces, shown) for b in batches]),
        torch.cat([_filled(b.seconds, shown) for b in batches]),
        torch.cat([_filled(b.seen, shown) for b in batches]),
    )


def _longer(voice: torch.Tensor, frames: int) -> torch.Tensor:
    """(1, 40, n) → (1, 40, frames)."""
    if voice.shape[2] == 0:
        return voice.new_zeros(1, N_AUDIO, frames)
    return torch.cat([voice, voice[:, :, -1:].expand(-1, -1, frames - voice.shape[2])], dim=2)


def _filled(rows: torch.Tensor, count: int) -> torch.Tensor:
    """(1, m, …) → (1, count, …), zeros or False at the end."""
    return torch.cat([rows, rows.new_zeros(1, count - rows.shape[1], *rows.shape[2:])], dim=1)


def _sequences(features: Features) -> tuple[np.ndarray, np.ndarray]:
    """MFCCs float64 (40, frames) and face features float64 (m, 512) of the frames that count; empty where missing."""
    audio, video = features.audio, features.video
    mfccs = mfcc(audio.mel_db) if audio is not None else np.zeros((N_AUDIO, 0))
    faces = video.maps[video.used].mean(axis=(2, 3), dtype=np.float64) if video is not None else np.zeros((0, N_FEATURES - N_AUDIO))
    return mfccs, faces

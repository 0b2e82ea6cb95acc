"""What the model recognises from moment to moment: the same path as for the whole recording, on a sliding window."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from features import Features
from features.audio import SCALE, MelScale
from models.evaluation.metrics import softmax
from models.labels import LABELS
from models.model import EmotionModel, Span

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


def explain_timeline(features: Features, model: EmotionModel, *, window: float = WINDOW, step: float = STEP) -> Timeline:
    """Probabilities of all eight classes on a sliding window, in one batched pass.

    For each window the voice is judged by the spectrogram's frames in it (their mean MFCCs, or a sequence), and the face by the
    sampled frames in it, or by the nearest one where there is none. Where the silence before or after
    the voice fills more than half of a window, the voice counts as missing. One window that holds everything gives the
    probabilities of the whole recording.
    """
    starts, window = _windows(features.length, window, step)
    inputs = model.encode(features)
    spans = _spans(features, starts, window, inputs.speech_span())
    there = np.array([span.voice is not None or len(span.faces) > 0 for span in spans])
    probabilities = np.full((len(spans), len(LABELS)), np.nan)
    if there.any():
        probabilities[there] = softmax(model.logits(inputs.windows([span for span, known in zip(spans, there, strict=True) if known])))
    return Timeline(starts + window / 2, probabilities, np.array([span.voice is not None for span in spans]), window)


def _windows(seconds: float, window: float, step: float) -> tuple[np.ndarray, float]:
    """Starts (k,) of whole windows inside the recording, and their length."""
    room = seconds - window
    if room <= 0:
        return np.zeros(1), seconds
    step = max(step, room / (_MOST - 1))
    window = min(max(window, step), seconds)  # no moment lies between two windows
    count = min(_MOST, 1 + round((seconds - window) / step))
    return np.linspace(0.0, seconds - window, count), window


def _spans(features: Features, starts: np.ndarray, window: float, speech: tuple[int, int]) -> list[Span]:
    video = features.video
    times = video.times[video.used] if video is not None else np.zeros(0)
    scale = SCALE if features.audio is None else features.audio.scale
    begins = float(video.times[0]) if video is not None else 0.0
    return [_span(start, window, times, speech, scale, begins) for start in starts.tolist()]


def _span(start: float, window: float, times: np.ndarray, speech: tuple[int, int], scale: MelScale, begins: float) -> Span:
    end = start + window
    # Frame i is centred on sample i · hop; the tiny number keeps the last one in spite of rounding.
    first = int(np.ceil((start - scale.origin) * scale.frame_rate - 1e-6))
    last = int(np.floor((end - scale.origin) * scale.frame_rate + 1e-6)) + 1
    spoken = min(last, speech[1]) - max(first, speech[0])
    heard = spoken > 0 and spoken >= min(_SPEECH * (last - first), speech[1] - speech[0])
    rows = np.flatnonzero((times >= start - 1e-9) & (times <= end + 1e-9))
    if not len(rows) and len(times):
        rows = np.array([np.abs(times - (start + end) / 2).argmin()])
    return Span(slice(max(0, first), last) if heard else None, rows, np.clip(times[rows] - max(start, begins), 0.0, window))

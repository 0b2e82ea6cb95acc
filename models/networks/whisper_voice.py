"""Whisper's encoder as an ear: the mean and the deviation of its first blocks over each half second of speech."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from typing import cast

import numpy as np
import torch

from features.audio import RATE, TOP_DB, to_mono
from features.log_mel import OFFSET, SCALE, db_to_log_mel, mel_power, power_to_db
from features.log_mel import RATE as WHISPER_RATE
from features.speech import speech_span_of_bands
from features.tokens import TOKEN_SECONDS, TokenFeatures, mean_token, token_lengths
from models.networks.whisper import POSITIONS, POSITIONS_PER_SECOND, WIDTH, load_whisper

BLOCKS = (1, 2, 3)
"""The stages from which emotion is recognised best (MODEL_CARD, *History of experiments*)."""
LONGEST = 300
"""Positions of a window, with a second of context on both sides: 6 s, hardly longer than the clips of training."""
PEAK_DB = 10.0
"""To which the loudest cell of the speech is raised or lowered: how loud it is says more about the microphone than the emotion."""
TOKEN_POSITIONS = round(TOKEN_SECONDS * POSITIONS_PER_SECOND)
_KINDS = ("mean", "deviation")


class WhisperVoice:
    """See :class:`features.tokens.TokenEncoder`. A token has 384 means, then 384 deviations, of each of :data:`BLOCKS`.

    >>> tone = np.sin(2 * np.pi * 440 * np.arange(RATE) / RATE).astype(np.float32)
    >>> WhisperVoice()(tone).tokens.shape
    (2, 2304)
    """

    name, title, scale, gradients = "whisper", "Whisper tiny.en", SCALE, True
    names = tuple(f"block{block}_{kind}_{unit:03d}" for block in BLOCKS for kind in _KINDS for unit in range(WIDTH))

    def __call__(self, samples: np.ndarray) -> TokenFeatures:
        """float32 (n,) at 22,050 Hz → the voice."""
        mel_db = power_to_db(mel_power(to_mono(samples[:, None], RATE, WHISPER_RATE)))
        span = speech_span_of_bands(mel_db)
        speech = mel_db[:, slice(*span)]
        tokens = pooled(load_whisper().encode(_log_mel(speech, speech.max()), BLOCKS, LONGEST))
        lengths = token_lengths(span[1] - span[0], SCALE.frame_rate)
        mean, peak = mean_token(tokens, lengths), float(speech.max())
        return TokenFeatures(samples, mel_db, mean, encoder=self, tokens=tokens, speech=span, peak=peak)

    @property
    def digest(self) -> str:
        """16 hex digits of its weights and of what is made of them: part of the cache's keys."""
        settings = BLOCKS, LONGEST, PEAK_DB, TOKEN_POSITIONS
        return hashlib.sha256(f"{load_whisper().digest} {settings}".encode()).hexdigest()[:16]

    def later(self, samples: np.ndarray, seconds: float) -> np.ndarray:
        """float32 (n,) at 22,050 Hz → tokens (k, 2304), as if the speech began so much later, in one window of at most 30 s.

        When a sound comes changes its encoding: what learns from this learns not to mind.
        """
        voice = self(samples)
        first, last = voice.speech
        room = int((POSITIONS - round(seconds * POSITIONS_PER_SECOND)) * SCALE.frame_rate / POSITIONS_PER_SECOND)
        heard = _log_mel(voice.mel_db[None, :, first : min(last, first + room)], voice.peak)
        with torch.inference_mode():
            found = load_whisper().stages(torch.from_numpy(np.ascontiguousarray(heard)), BLOCKS, round(seconds * POSITIONS_PER_SECOND))
        return pooled(found[0].numpy())

    def copies(self, audio: TokenFeatures, mel_db: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
        """Masked copies of a voice, each (80, frames) in dB → their tokens, float32 (b, k, 2304), a few copies at a time."""
        heard = (_log_mel(db[:, slice(*audio.speech)], audio.peak) for db in mel_db)
        for positions in load_whisper().many(heard, BLOCKS, LONGEST):
            yield np.stack([pooled(copy) for copy in positions])

    def differentiable(self, audio: TokenFeatures, mel_db: torch.Tensor) -> torch.Tensor:
        """Tensor (n, 80, frames) in dB → tokens (n, k, 2304) through which gradients flow back."""
        first, last = audio.speech
        levelled = (mel_db[:, :, first:last] - audio.peak).clamp(min=-TOP_DB) + PEAK_DB
        found = load_whisper().joined((levelled + OFFSET) / OFFSET, BLOCKS, LONGEST)
        parts = [torch.stack([part.mean(dim=2), _deviation(part)], dim=2) for part in found.split(TOKEN_POSITIONS, dim=2)]
        return torch.stack(parts, dim=1).flatten(2)


def _deviation(part: torch.Tensor) -> torch.Tensor:
    """(n, blocks, positions, 384) → (n, blocks, 384); differentiable where nothing varies, too."""
    return (part.var(dim=2, correction=0) + 1e-12).sqrt()


def _log_mel(mel_db: np.ndarray, peak: float) -> np.ndarray:
    """dB (80, frames) → what Whisper reads, of a recording whose loudest cell has ``peak`` dB."""
    return cast(np.ndarray, db_to_log_mel(np.maximum(mel_db - peak, -TOP_DB) + PEAK_DB))


def pooled(positions: np.ndarray) -> np.ndarray:
    """(blocks, positions, 384) → float32 (k, blocks · 2 · 384): mean and deviation of every half second."""
    parts = (positions[:, start : start + TOKEN_POSITIONS] for start in range(0, positions.shape[1], TOKEN_POSITIONS))
    return np.stack([np.stack([part.mean(axis=1), part.std(axis=1)], axis=1).ravel() for part in parts]).astype(np.float32)

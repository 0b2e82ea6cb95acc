"""A recording whose mel bands are louder or quieter: for networks that read samples, not a spectrogram.

The gain of every band lies on the recording's own short-time Fourier transform and the original phase is kept, so where nothing was
changed the sound is the recording. Through :func:`torch.istft`, so that gradients flow back to the decibels.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np
import torch

from features.audio import RATE as FILE_RATE
from features.audio import hann, mel_centres, to_mono
from features.log_mel import HOP, N_FFT, N_MELS, RATE, mel_power, power_to_db
from features.speech import speech_span_of_bands
from features.tokens import TokenFeatures

_MARGIN = 4  # frames on both sides of the speech: within them its transform is that of the whole recording


@dataclass(frozen=True, kw_only=True)
class SampledVoice(TokenFeatures):
    """A voice whose encoder reads ``sound``, float32 (n,), its samples at 16 kHz."""

    sound: np.ndarray

    def resynthesis(self) -> tuple[Callable[[torch.Tensor], torch.Tensor], tuple[int, int]]:
        """A function: tensor (n, 80, frames) in dB → sounds with these bands; and the first and last (exclusive) frame of speech."""
        (first, last), frames = self.speech, self.mel_db.shape[1]
        start, stop = max(0, first - _MARGIN), min(frames, last + _MARGIN)
        end = stop * HOP if stop < frames else len(self.sound)
        made = Resynthesis(self.sound[start * HOP : end], self.mel_db[:, start:stop])
        return lambda mel_db: made(mel_db[:, :, start:stop]), (first - start, last - start)


def read_voice(samples: np.ndarray) -> tuple[np.ndarray, np.ndarray, tuple[int, int]]:
    """float32 (n,) at 22,050 Hz → ``sound``, ``mel_db`` and ``speech`` of a :class:`SampledVoice`."""
    sound = to_mono(samples[:, None], FILE_RATE, RATE)
    mel_db = power_to_db(mel_power(sound))
    return sound, mel_db, speech_span_of_bands(mel_db)


class Resynthesis:
    """Sound whose bands can be changed.

    Args:
        sound: float32 (n,) at 16 kHz, which begins on a frame of ``own_db``.
        own_db: float32 (80, frames), its mel power in dB (:func:`features.log_mel.mel_power`).
    """

    def __init__(self, sound: np.ndarray, own_db: np.ndarray) -> None:
        self.length, self.own_db = len(sound), torch.from_numpy(np.ascontiguousarray(own_db))
        self.window, self.to_bins = torch.from_numpy(hann(N_FFT)), torch.from_numpy(bands_to_bins())
        self.spectrum = torch.stft(torch.from_numpy(sound), N_FFT, HOP, window=self.window, return_complex=True)

    def __call__(self, mel_db: torch.Tensor) -> torch.Tensor:
        """(m, 80, frames) in dB → (m, n) samples at 16 kHz."""
        gain = self.to_bins @ (mel_db - self.own_db)
        gain = torch.cat([gain, gain[:, :, -1:].expand(-1, -1, self.spectrum.shape[1] - gain.shape[2])], dim=2)
        return torch.istft(self.spectrum * 10.0 ** (gain / 20), N_FFT, HOP, window=self.window, length=self.length)


@cache
def bands_to_bins() -> np.ndarray:
    """float32 (201, 80): decibels of the bands → of the bins of the transform, on straight lines between the centres of bands."""
    centres, bins = mel_centres(RATE, N_MELS), np.fft.rfftfreq(N_FFT, 1 / RATE)
    return np.stack([np.interp(bins, centres, row) for row in np.eye(N_MELS)], axis=1).astype(np.float32)

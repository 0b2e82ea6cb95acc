"""A sound without some patches of its spectrogram, for models that read the sound itself.

The patches lie on the mel spectrogram; a mask of gains on the short-time Fourier transform fades each to the quiet level of its band, the
original phase is kept, and nothing is made louder than it was. ``scipy.signal.ShortTimeFFT`` gives the same (it is the reference in the
tests) and takes ten times as long, as it puts a sound together window by window.
"""

from __future__ import annotations

import numpy as np
import scipy.fft

from features.audio import AudioFeatures, hann, to_mono
from features.patches import Patches

WINDOW, HOP = 1024, 256  # samples; windows overlap four times
_OVERLAP = WINDOW // HOP
_GAIN = 1.5  # sum of the squares of all Hann windows over a sample, at that overlap


def resampled(audio: AudioFeatures, rate: int, own_rate: int) -> np.ndarray:
    """float32 (n,) at ``rate`` Hz of a voice whose samples are at ``own_rate``."""
    return to_mono(audio.samples[:, None], own_rate, rate)


class Fader:
    """Fades patches of one sound.

    Args:
        wave: float32 (n,) at ``rate`` Hz.
        audio: the voice that it is of; patches: of its spectrogram.
    """

    def __init__(self, wave: np.ndarray, rate: int, audio: AudioFeatures, patches: Patches) -> None:
        self.length, self.patches = len(wave), patches
        padded = np.pad(wave.astype(np.float32), (WINDOW, 2 * WINDOW))
        self.spectrum = scipy.fft.rfft(np.lib.stride_tricks.sliding_window_view(padded, WINDOW)[::HOP] * hann(WINDOW), axis=1)
        hertz = np.arange(self.spectrum.shape[1]) * rate / WINDOW
        seconds = (np.arange(len(self.spectrum)) * HOP - WINDOW / 2) / rate
        bands, frames = patches.mel_db.shape
        self.band = np.clip(np.searchsorted(audio.scale.edges, hertz, side="right") - 1, 0, bands - 1)
        self.frame = np.clip(np.round(seconds * audio.scale.frame_rate).astype(int), 0, frames - 1)
        self.gains = (10 ** (np.minimum(0.0, patches.background[:, None] - patches.mel_db) / 20)).astype(np.float32).T

    def __call__(self, kept: np.ndarray) -> np.ndarray:
        """bool (p,), the patches that are kept → float32 (n,)."""
        gains = np.ones_like(self.gains)
        for first, last, low, high in self.patches.cells[~kept]:
            gains[first:last, low:high] = self.gains[first:last, low:high]
        windows = scipy.fft.irfft(self.spectrum * gains[self.frame][:, self.band], axis=1) * (hann(WINDOW) / np.float32(_GAIN))
        total = np.zeros((len(windows) + _OVERLAP - 1, HOP), np.float32)
        for k in range(_OVERLAP):
            total[k : k + len(windows)] += windows[:, k * HOP : (k + 1) * HOP]
        return total.ravel()[WINDOW : WINDOW + self.length]

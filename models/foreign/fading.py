"""A sound without some patches of its spectrogram, for models that read the sound itself.

The patches lie on the mel spectrogram; a mask of gains on the short-time Fourier transform fades each to the quiet level of its band,
the original phase is kept (``scipy.signal.ShortTimeFFT``). Nothing is made louder than it was.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import scipy.signal

from features.audio import AudioFeatures, to_mono
from features.patches import Patches

_WINDOW, _HOP = 1024, 256  # samples


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
        self.transform = _transform(rate)
        self.spectrum = self.transform.stft(np.pad(wave, (0, max(0, _WINDOW - len(wave)))))
        bins = np.arange(self.spectrum.shape[0]) * rate / _WINDOW
        seconds = (np.arange(self.spectrum.shape[1]) + self.transform.p_min) * _HOP / rate
        bands, frames = patches.mel_db.shape
        self.band = np.clip(np.searchsorted(audio.scale.edges, bins, side="right") - 1, 0, bands - 1)
        self.frame = np.clip(np.round(seconds * audio.scale.frame_rate).astype(int), 0, frames - 1)
        self.gains = 10 ** (np.minimum(0.0, patches.background[:, None] - patches.mel_db) / 20)

    def __call__(self, kept: np.ndarray) -> np.ndarray:
        """bool (p,), the patches that are kept → float32 (n,)."""
        gains = np.ones_like(self.gains)
        for first, last, low, high in self.patches.cells[~kept]:
            gains[low:high, first:last] = self.gains[low:high, first:last]
        masked = self.spectrum * gains[self.band[:, None], self.frame[None]]
        return self.transform.istft(masked, k1=max(self.length, _WINDOW))[: self.length].astype(np.float32)


@cache
def _transform(rate: int) -> scipy.signal.ShortTimeFFT:
    return scipy.signal.ShortTimeFFT(scipy.signal.windows.hann(_WINDOW, sym=False), _HOP, rate)

"""The log-mel spectrogram that Whisper reads (Radford et al. 2022, arXiv:2212.04356), without importing librosa or torch.

``whisper.audio.log_mel_spectrogram`` is the reference in the tests (to 1e-4). The steps are kept apart because what hides a patch of the
spectrogram does so in dB, before quiet is cut off: power → dB → log-mel.
"""

from __future__ import annotations

import numpy as np
import scipy.fft

from features.audio import AMIN, TOP_DB, MelScale, hann, mel_filters

RATE = 16_000
N_FFT = 400
HOP = 160
N_MELS = 80
SCALE = MelScale(RATE, N_FFT, HOP, N_MELS)
OFFSET = 40.0  # dB: 4 on Whisper's scale, on which 40 dB are 1
_BLOCK = 1024  # frames transformed at a time: bounds memory at any clip length


def log_mel(samples: np.ndarray) -> np.ndarray:
    """float32 (n,) at 16 kHz, −1 to 1 → float32 (80, n // 160): what Whisper's encoder reads, 100 frames a second.

    Raises:
        ValueError: fewer than 160 samples, which are not one frame.

    >>> tone = np.sin(2 * np.pi * 440 * np.arange(RATE) / RATE).astype(np.float32)
    >>> log_mel(tone).shape
    (80, 100)
    """
    return db_to_log_mel(power_to_db(mel_power(samples)))


def mel_power(samples: np.ndarray, bands: int = N_MELS) -> np.ndarray:
    """float32 (n,) at 16 kHz → float32 (bands, n // 160): power in each mel band, periodic Hann window, centred frames.

    Beyond its ends the sound is mirrored. The last frame, centred on the end or up to 10 ms before it, is left out, as Whisper does.

    Raises:
        ValueError: fewer than 160 samples, which are not one frame.
    """
    count = len(samples) // HOP
    if not count:
        raise ValueError(f"{len(samples)} samples are too few: one frame takes {HOP}.")
    padded = np.pad(samples, N_FFT // 2, mode="reflect")
    frames = np.lib.stride_tricks.sliding_window_view(padded, N_FFT)[::HOP][:count]
    power, window, filters = np.empty((bands, count), np.float32), hann(N_FFT), mel_filters(RATE, N_FFT, bands)
    for start in range(0, count, _BLOCK):
        spectrum = scipy.fft.rfft(frames[start : start + _BLOCK] * window, axis=1)
        power[:, start : start + _BLOCK] = filters @ (spectrum.real**2 + spectrum.imag**2).T
    return power


def power_to_db(power: np.ndarray) -> np.ndarray:
    """(…, 80, frames) power → dB re 1, at least −100. ``10 ** (db / 10)`` is the power again."""
    return 10.0 * np.log10(np.maximum(power, AMIN))


def db_to_log_mel(db: np.ndarray) -> np.ndarray:
    """(…, 80, frames) dB → what the encoder reads: at least 80 dB below the maximum of each recording, (dB + 40) ÷ 40."""
    return (np.maximum(db, db.max(axis=(-2, -1), keepdims=True) - TOP_DB) + OFFSET) / OFFSET

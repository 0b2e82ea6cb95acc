"""The log-mel spectrogram that Whisper reads (Radford et al. 2022, arXiv:2212.04356), without importing librosa or torch.

``whisper.audio.log_mel_spectrogram`` is the reference in the tests (to 1e-4). The steps are kept apart because what hides a patch of the
spectrogram does so in dB, before quiet is cut off: power → dB → log-mel.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import scipy.fft
import soxr

from features.audio import AMIN, TOP_DB, hz_to_mel, mel_to_hz

RATE = 16_000
N_FFT = 400
HOP = 160
N_MELS = 80
_OFFSET = 40.0  # dB: 4 on Whisper's scale, on which 40 dB are 1
_BLOCK = 1024  # frames transformed at a time: bounds memory at any clip length


def to_mono(samples: np.ndarray, rate: int) -> np.ndarray:
    """(n, channels) or (n,) at ``rate`` Hz → float32 (m,) at 16 kHz: the mean of the channels, soxr's HQ as in ``librosa.load``."""
    mono = samples.reshape(len(samples), -1).mean(axis=1, dtype=np.float32)
    if rate == RATE:
        return mono
    wanted = int(np.ceil(len(mono) * RATE / rate))
    out = soxr.resample(mono, rate, RATE, quality="HQ")[:wanted]
    return np.pad(out, (0, wanted - len(out)))


def log_mel(samples: np.ndarray) -> np.ndarray:
    """float32 (n,) at 16 kHz, −1 to 1 → float32 (80, n // 160): what Whisper's encoder reads, 100 frames a second.

    Raises:
        ValueError: fewer than 160 samples, which are not one frame.

    >>> tone = np.sin(2 * np.pi * 440 * np.arange(RATE) / RATE).astype(np.float32)
    >>> log_mel(tone).shape
    (80, 100)
    """
    return db_to_log_mel(power_to_db(mel_power(samples)))


def mel_power(samples: np.ndarray) -> np.ndarray:
    """float32 (n,) at 16 kHz → float32 (80, n // 160): power in each mel band, periodic Hann window, centred frames.

    Beyond its ends the sound is mirrored. The last frame, centred on the end or up to 10 ms before it, is left out, as Whisper does.

    Raises:
        ValueError: fewer than 160 samples, which are not one frame.
    """
    count = len(samples) // HOP
    if not count:
        raise ValueError(f"{len(samples)} samples are too few: one frame takes {HOP}.")
    padded = np.pad(samples, N_FFT // 2, mode="reflect")
    frames = np.lib.stride_tricks.sliding_window_view(padded, N_FFT)[::HOP][:count]
    power = np.empty((N_MELS, count), np.float32)
    for start in range(0, count, _BLOCK):
        spectrum = scipy.fft.rfft(frames[start : start + _BLOCK] * _window(), axis=1)
        power[:, start : start + _BLOCK] = mel_filters() @ (spectrum.real**2 + spectrum.imag**2).T
    return power


def power_to_db(power: np.ndarray) -> np.ndarray:
    """(…, 80, frames) power → dB re 1, at least −100. ``10 ** (db / 10)`` is the power again."""
    return 10.0 * np.log10(np.maximum(power, AMIN))


def db_to_log_mel(db: np.ndarray) -> np.ndarray:
    """(…, 80, frames) dB → what the encoder reads: at least 80 dB below the maximum of each recording, (dB + 40) ÷ 40."""
    return (np.maximum(db, db.max(axis=(-2, -1), keepdims=True) - TOP_DB) + _OFFSET) / _OFFSET


@cache
def mel_filters() -> np.ndarray:
    """float32 (80, 201): triangular filters, unit area (Slaney 1998; ``librosa.filters.mel``; Whisper's ``mel_filters.npz``)."""
    bins = np.fft.rfftfreq(N_FFT, 1 / RATE)
    edges = mel_to_hz(_edges())
    rising = (bins - edges[:-2, None]) / np.diff(edges)[:-1, None]
    falling = (edges[2:, None] - bins) / np.diff(edges)[1:, None]
    area = 2.0 / (edges[2:] - edges[:-2])
    return (np.maximum(0.0, np.minimum(rising, falling)) * area[:, None]).astype(np.float32)


def mel_edges() -> np.ndarray:
    """float64 (81,): borders between neighbouring mel bands in Hz, from 0 to the Nyquist frequency."""
    borders = mel_to_hz(_edges())
    middle = (borders[1:-2] + borders[2:-1]) / 2
    return np.concatenate([[0.0], middle, [RATE / 2]])


def _edges() -> np.ndarray:
    """(82,) on the mel scale: where each triangle starts, peaks and ends."""
    return np.linspace(0.0, hz_to_mel(RATE / 2), N_MELS + 2)


@cache
def _window() -> np.ndarray:
    return (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(N_FFT) / N_FFT)).astype(np.float32)

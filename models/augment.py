"""What happens to recordings in the world: other microphones, rooms, lines and cameras.

Each function takes a ``numpy.random.Generator``, so that a seed fixes the result. The voice functions take and return
float32 mono at 22,050 Hz; the face functions take and return uint8 (224, 224, 3).
"""

from __future__ import annotations

import cv2
import numpy as np
import scipy.fft
import scipy.signal

from features.audio import RATE


def gain(samples: np.ndarray, db: float) -> np.ndarray:
    """Louder or softer by ``db`` decibels."""
    return (samples * 10 ** (db / 20)).astype(np.float32)


def band_pass(samples: np.ndarray, low: float = 300.0, high: float = 3400.0, order: int = 4) -> np.ndarray:
    """A telephone line (ITU-T G.712 band by default)."""
    sos = scipy.signal.butter(order, (low, high), "bandpass", fs=RATE, output="sos")
    return scipy.signal.sosfilt(sos, samples).astype(np.float32)


def low_pass(samples: np.ndarray, high: float, order: int = 6) -> np.ndarray:
    """A codec or a low sampling rate that cuts everything above ``high`` Hz."""
    sos = scipy.signal.butter(order, high, "lowpass", fs=RATE, output="sos")
    return scipy.signal.sosfilt(sos, samples).astype(np.float32)


def tilt(samples: np.ndarray, db_per_octave: float) -> np.ndarray:
    """A microphone that favours low or high notes: a slope around 1 kHz, limited to 50 Hz–10 kHz."""
    size = scipy.fft.next_fast_len(len(samples), real=True)
    hz = np.clip(scipy.fft.rfftfreq(size, 1 / RATE), 50.0, 10_000.0)
    spectrum = scipy.fft.rfft(samples, size) * 10 ** (db_per_octave * np.log2(hz / 1000.0) / 20)
    return scipy.fft.irfft(spectrum, size)[: len(samples)].astype(np.float32)


def noise(samples: np.ndarray, snr_db: float, rng: np.random.Generator, colour: float = 0.0) -> np.ndarray:
    """Steady noise ``snr_db`` below the mean power; spectrum falls with f^(−colour) (0 white, 1 pink)."""
    size = scipy.fft.next_fast_len(len(samples), real=True)
    hz = np.maximum(scipy.fft.rfftfreq(size, 1 / RATE), 20.0)
    hiss = scipy.fft.irfft(scipy.fft.rfft(rng.standard_normal(size)) * hz ** (-colour / 2), size)[: len(samples)]
    power = np.mean(np.square(samples, dtype=np.float64)) * 10 ** (-snr_db / 10)
    hiss *= np.sqrt(power / max(np.mean(hiss**2), 1e-20))
    return (samples + hiss).astype(np.float32)


def reverb(samples: np.ndarray, rt60: float, rng: np.random.Generator, wet: float = 0.5) -> np.ndarray:
    """A room: exponentially decaying noise as impulse response (Polack's model), direct sound kept at full level."""
    n = max(2, int(rt60 * RATE))
    tail = rng.standard_normal(n) * np.exp(-6.908 * np.arange(n) / n)
    tail *= wet / np.sqrt(np.sum(tail**2))
    tail[0] = 1.0
    return scipy.signal.fftconvolve(samples, tail)[: len(samples)].astype(np.float32)


def speed(samples: np.ndarray, factor: float) -> np.ndarray:
    """Play ``factor`` times as fast: pitch and formants shift with it, as between speakers of different size."""
    positions = np.arange(0, len(samples) - 1, factor)
    return np.interp(positions, np.arange(len(samples)), samples).astype(np.float32)


def random_voice(samples: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A random chain of the above, each link with its own chance.

    Gain is left out: it adds ``√128 · dB`` to MFCC 0 and nothing to the others, which training does on the features.
    """
    if rng.random() < 0.5:
        samples = speed(samples, rng.uniform(0.93, 1.08))
    if rng.random() < 0.5:
        samples = tilt(samples, rng.uniform(-3, 3))
    if rng.random() < 0.3:
        samples = reverb(samples, rng.uniform(0.15, 0.8), rng, rng.uniform(0.2, 0.9))
    if rng.random() < 0.25:
        samples = band_pass(samples, rng.uniform(100, 350), rng.uniform(3000, 5000))
    elif rng.random() < 0.25:
        samples = low_pass(samples, rng.uniform(4000, 10_000))
    if rng.random() < 0.5:
        samples = noise(samples, rng.uniform(12, 45), rng, rng.uniform(0, 1.5))
    return samples


def random_face(crop: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Another cut of the same face (roll ±15°, scale, shift, mirror) under another light and camera."""
    picture = _shift_cut(crop, rng.uniform(-15, 15), rng.uniform(0.88, 1.15), rng.uniform(-0.07, 0.07, 2), rng.random() < 0.5)
    value = picture.astype(np.float32) / 255
    value = np.clip(value, 0, 1) ** np.exp(rng.uniform(-0.5, 0.5))
    value = (value - 0.5) * np.exp(rng.uniform(-0.4, 0.3)) + 0.5 + rng.uniform(-0.15, 0.15)
    if rng.random() < 0.3:
        value = cv2.GaussianBlur(value, (0, 0), rng.uniform(0.5, 3.0))
    if rng.random() < 0.3:
        value += rng.normal(0, rng.uniform(0.005, 0.04), value.shape)
    picture = (np.clip(value, 0, 1) * 255).astype(np.uint8)
    if rng.random() < 0.3:
        _, code = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(15, 70))])
        picture = np.asarray(cv2.imdecode(code, cv2.IMREAD_COLOR))
    return picture


def _shift_cut(crop: np.ndarray, degrees: float, scale: float, shift: np.ndarray, mirror: bool) -> np.ndarray:
    side = crop.shape[0]
    matrix = cv2.getRotationMatrix2D((side / 2, side / 2), degrees, scale)
    matrix[:, 2] += shift * side
    out = cv2.warpAffine(crop, matrix, (side, side), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return out[:, ::-1].copy() if mirror else out

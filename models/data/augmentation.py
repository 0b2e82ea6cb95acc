"""Augmentation of voices and faces: other microphones, rooms, lines and cameras.

Each function takes a ``numpy.random.Generator``, so that a seed fixes the result. The voice functions take and return
float32 mono at 22,050 Hz; the face functions take and return uint8 (224, 224, 3).
"""

from __future__ import annotations

import io

import av
import cv2
import numpy as np
import scipy.fft

from features.audio import RATE

_AAC_FRAME = 1024  # samples


def gain(samples: np.ndarray, db: float) -> np.ndarray:
    """Louder or softer by ``db`` decibels."""
    return (samples * 10 ** (db / 20)).astype(np.float32)


def band_pass(samples: np.ndarray, low: float = 300.0, high: float = 3400.0, order: int = 4) -> np.ndarray:
    """A telephone line (ITU-T G.712 band by default)."""
    from scipy import signal  # 50 MB, which the app does not need for an analysis

    sos = signal.butter(order, (low, high), "bandpass", fs=RATE, output="sos")
    return signal.sosfilt(sos, samples).astype(np.float32)


def low_pass(samples: np.ndarray, high: float, order: int = 6) -> np.ndarray:
    """A codec or a low sampling rate that cuts everything above ``high`` Hz."""
    from scipy import signal

    sos = signal.butter(order, high, "lowpass", fs=RATE, output="sos")
    return signal.sosfilt(sos, samples).astype(np.float32)


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
    from scipy import signal

    n = max(2, int(rt60 * RATE))
    tail = rng.standard_normal(n) * np.exp(-6.908 * np.arange(n) / n)
    tail *= wet / np.sqrt(np.sum(tail**2))
    tail[0] = 1.0
    return signal.fftconvolve(samples, tail)[: len(samples)].astype(np.float32)


def speed(samples: np.ndarray, factor: float) -> np.ndarray:
    """Play ``factor`` times as fast: pitch and formants shift with it, as between speakers of different size."""
    positions = np.arange(0, len(samples) - 1, factor)
    return np.interp(positions, np.arange(len(samples)), samples).astype(np.float32)


def aac(samples: np.ndarray, kilobits: int = 64) -> np.ndarray:
    """Through an AAC codec and back, by FFmpeg (PyAV): what a phone or a video platform does."""
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="adts") as out:
        stream = out.add_stream("aac", rate=RATE, layout="mono")
        stream.bit_rate = 1000 * kilobits
        frame = av.AudioFrame.from_ndarray(samples[None].astype(np.float32), format="fltp", layout="mono")
        frame.rate = RATE
        for part in av.AudioResampler("fltp", "mono", RATE, frame_size=_AAC_FRAME).resample(frame):
            out.mux(stream.encode(part))
        out.mux(stream.encode())
    buffer.seek(0)
    with av.open(buffer, "r") as coded:
        decoded = np.concatenate([frame.to_ndarray()[0] for frame in coded.decode(audio=0)])
    wanted = decoded[_AAC_FRAME : _AAC_FRAME + len(samples)]  # the encoder starts one frame early
    return np.pad(wanted, (0, len(samples) - len(wanted))).astype(np.float32)


def random_line(samples: np.ndarray, rng: np.random.Generator, kind: str) -> np.ndarray:
    """One augmentation of a random strength: ``telephone``, ``noise``, ``room``, ``codec`` or ``microphone``.

    Raises:
        KeyError: there is no such kind.
    """
    make = {
        "telephone": lambda: band_pass(samples, rng.uniform(200, 400), rng.uniform(2800, 4000), int(rng.integers(2, 6))),
        "noise": lambda: noise(samples, rng.uniform(10, 35), rng, rng.choice([0.0, 0.0, 1.0])),
        "room": lambda: reverb(samples, rng.uniform(0.2, 1.0), rng, rng.uniform(0.2, 0.9)),
        "codec": lambda: low_pass(samples, rng.uniform(3500, 10_000)),
        "microphone": lambda: tilt(samples, rng.uniform(-4, 4)),
    }
    return make[kind]()


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
        picture = jpeg(picture, int(rng.integers(15, 70)))
    return picture


def random_camera(crop: np.ndarray, rng: np.random.Generator, kind: str) -> np.ndarray:
    """One augmentation of a random strength: ``left`` or ``right`` (a tilted head), ``blur``, ``dim`` or ``jpeg``.

    Raises:
        KeyError: there is no such kind.
    """
    make = {
        "left": lambda: roll(crop, rng.uniform(8, 20)),
        "right": lambda: roll(crop, -rng.uniform(8, 20)),
        "blur": lambda: cv2.GaussianBlur(crop, (0, 0), rng.uniform(2.0, 4.5)),
        "dim": lambda: (crop * rng.uniform(0.2, 0.5)).astype(np.uint8),
        "jpeg": lambda: jpeg(crop, int(rng.integers(10, 30))),
    }
    return make[kind]()


def jpeg(crop: np.ndarray, quality: int) -> np.ndarray:
    """Through a JPEG and back."""
    _, code = cv2.imencode(".jpg", crop, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.asarray(cv2.imdecode(code, cv2.IMREAD_COLOR))


def roll(crop: np.ndarray, degrees: float) -> np.ndarray:
    """The head tilted towards a shoulder."""
    return _shift_cut(crop, degrees, 1.0, np.zeros(2), False)


def _shift_cut(crop: np.ndarray, degrees: float, scale: float, shift: np.ndarray, mirror: bool) -> np.ndarray:
    side = crop.shape[0]
    matrix = cv2.getRotationMatrix2D((side / 2, side / 2), degrees, scale)
    matrix[:, 2] += shift * side
    out = cv2.warpAffine(crop, matrix, (side, side), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return out[:, ::-1].copy() if mirror else out

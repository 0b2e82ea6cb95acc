"""Sounds that no model here has learned from: altered voices, noise, music and animals made by formulas, narration by a synthesiser."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator
from importlib import util
from pathlib import Path

import librosa
import numpy as np
from scipy import signal

from features.audio import RATE

_LEVEL = -24.0  # dBFS
_TEXTS = (
    "It is a truth universally acknowledged, that a single man in possession of a good fortune, must be in want of a wife.",
    "Call me Ishmael. Some years ago, never mind how long precisely.",
    "The meeting starts at nine; bring the report and two copies of the plan.",
    "Tomorrow it will be cloudy in the north with light rain in the evening.",
)
_LANGUAGES = {
    "de": "Guten Morgen, wir treffen uns heute um neun Uhr vor dem Haus.",
    "fr": "Bonjour, nous nous retrouvons ce matin devant la maison.",
    "es": "Buenos días, nos vemos hoy a las nueve delante de la casa.",
    "it": "Buongiorno, ci vediamo oggi alle nove davanti alla casa.",
    "ru": "Доброе утро, мы встречаемся сегодня в девять часов у дома.",
}


def altered(samples: np.ndarray, rng: np.random.Generator) -> Iterator[tuple[str, np.ndarray]]:
    """What a person would still call this voice, or once was: the emotion that was portrayed stays its label."""
    loud = samples[np.abs(samples) > 0.01]
    yield "reversed", samples[::-1]
    yield "pitch by 5 to 9 semitones", librosa.effects.pitch_shift(samples, sr=RATE, n_steps=float(rng.choice([-7, -5, 5, 7, 9])))
    yield "noise at 0 dB", samples + rng.normal(0, np.sqrt((loud**2).mean()) if len(loud) else 0.05, len(samples))
    room = rng.normal(size=2 * RATE) * 10 ** (-1.5 * np.arange(2 * RATE) / RATE)
    yield "two seconds of reverberation", signal.fftconvolve(samples, room / np.linalg.norm(room))[: len(samples) + RATE]
    yield "500 to 1,500 Hz", signal.sosfilt(signal.butter(6, (500, 1500), "band", fs=RATE, output="sos"), samples)


def made(rng: np.random.Generator) -> Iterator[tuple[str, np.ndarray]]:
    """One of each kind, of 2.5 to 5 s: no voice at all."""
    n = int(RATE * rng.uniform(2.5, 5))
    white = rng.normal(size=n)
    yield "white noise", white
    yield "brown noise", np.cumsum(white) - signal.savgol_filter(np.cumsum(white), 2001, 1)
    yield "mains hum", sum(np.sin(2 * np.pi * 50 * k * np.arange(n) / RATE + rng.uniform(0, 6)) / k for k in range(1, 20)) + 0.05 * white
    yield "music", _notes(n, rng)
    yield "barks", _calls(n, rng, (0.05, 0.4), _bark)
    yield "birds", _calls(n, rng, (0.05, 0.3), _chirp) + 0.01 * white


def _notes(n: int, rng: np.random.Generator) -> np.ndarray:
    out, beat = np.zeros(n), rng.uniform(0.2, 0.6)
    for start in (np.arange(0, n / RATE, beat) * RATE).astype(int):
        t = np.arange(n - start) / RATE
        root = 220 * 2 ** (rng.choice([0, 2, 4, 5, 7, 9, 11]) / 12)
        for tone in rng.choice([1, 1.25, 1.5, 2], rng.integers(1, 4), replace=False):
            out[start:] += np.exp(-4 * t) * sum(np.sin(2 * np.pi * root * tone * k * t) / k**1.5 for k in range(1, 6))
    return out


def _calls(n: int, rng: np.random.Generator, lengths: tuple[float, float], call: Callable) -> np.ndarray:
    out = np.zeros(n)
    for _ in range(rng.integers(4, 12)):
        t = np.arange(int(RATE * rng.uniform(*lengths))) / RATE
        start = rng.integers(0, n - len(t))
        out[start : start + len(t)] += call(t, rng) * np.hanning(len(t))
    return out


def _bark(t: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    pitch = rng.uniform(200, 600) * (1 + 0.5 * np.sin(np.pi * t / t[-1]))
    rough = signal.sawtooth(2 * np.pi * np.cumsum(pitch) / RATE) + rng.normal(0, 0.6, len(t))
    return signal.sosfilt(signal.butter(2, (400, 2500), "band", fs=RATE, output="sos"), rough)


def _chirp(t: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return np.sin(2 * np.pi * (rng.uniform(2000, 5000) * t + rng.uniform(-4000, 4000) * t**2))


def levelled(samples: np.ndarray) -> np.ndarray:
    """float32 at −24 dBFS."""
    rms = np.sqrt((samples**2).mean()) + 1e-12
    return np.clip(samples / rms * 10 ** (_LEVEL / 20), -1, 1).astype(np.float32)


class Synthesiser:
    """eSpeak NG, from the wheel of ``espeakng-loader``."""

    def __init__(self) -> None:
        spec = util.find_spec("espeakng_loader")
        if spec is None or spec.origin is None:
            raise ModuleNotFoundError("pip install espeakng-loader")
        folder = Path(spec.origin).parent
        self._library = ctypes.CDLL(_library(folder))
        self._said: list[np.ndarray] = []
        kind = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)
        self._keep = kind(self._hear)
        if self._library.espeak_Initialize(2, 0, str(folder).encode(), 0) != RATE:
            raise OSError("the synthesiser speaks at another rate")
        self._library.espeak_SetSynthCallback(self._keep)

    def _hear(self, samples, count: int, _) -> int:
        if samples and count > 0:
            self._said.append(np.ctypeslib.as_array(samples, (count,)).copy())
        return 0

    def __call__(self, text: str, voice: str, rng: np.random.Generator) -> np.ndarray:
        """float32 samples at 22,050 Hz."""
        self._said.clear()
        self._library.espeak_SetVoiceByName(voice.encode())
        for parameter, value in ((1, rng.integers(130, 190)), (3, rng.integers(30, 70)), (4, rng.integers(10, 80))):
            self._library.espeak_SetParameter(parameter, int(value), 0)
        data = text.encode()
        self._library.espeak_Synth(data, len(data) + 1, 0, 0, 0, 1, None, None)
        self._library.espeak_Synchronize()
        return np.concatenate(self._said).astype(np.float32) / 32768


def _library(folder: Path) -> str:
    return str(next(path for path in folder.iterdir() if ".so" in path.name or path.suffix in {".dylib", ".dll"}))


def spoken(count: int, rng: np.random.Generator) -> Iterator[tuple[str, np.ndarray]]:
    """Narration in English, and a sentence in other languages, by synthetic voices."""
    say, languages = Synthesiser(), list(_LANGUAGES)
    for k in range(count):
        yield "narration, synthetic", say(_TEXTS[k % len(_TEXTS)], ("en-us", "en-gb", "en-us+f2", "en-gb+m3", "en-us+f4")[k % 5], rng)
        language = languages[k % len(languages)]
        yield "other languages, synthetic", say(_LANGUAGES[language], language + ("", "+f3")[k // 5 % 2], rng)

"""The sound of a session, a second at a time, and its way into a file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction

import av
import numpy as np
from scipy import signal

from features.audio import RATE
from tests.sessions.script import Turn
from tests.sessions.voices import Piece, heard, power

ROOM = -75.0  # dB of full scale: what a microphone hears of a silent room
LINE = 300.0, 3400.0  # Hz
LINE_RATE = 8000
_COLOUR = 0.9  # of the noise: one pole, so that low notes are louder


def sound(turns: Sequence[Turn], seconds: float, snr: float | None, telephone: bool, seed: int) -> Iterator[np.ndarray]:
    """float32 (n,) at 22,050 Hz, a second each, together ``seconds``: the turns and noise, through a telephone line if asked for.

    Args:
        snr: dB from the mean power of the speech to that of the noise; None: the noise of a silent room.
    """
    pieces = sorted((piece for turn in turns for piece in turn.pieces), key=lambda piece: piece.at)
    level = 10 ** (ROOM / 10) if snr is None else power(pieces) * 10 ** (-snr / 10)
    noise = _noise(level, np.random.default_rng([seed, 1]))
    line = _line() if telephone else None
    for block in _mixed(pieces, round(seconds * RATE)):
        whole = block + noise(len(block))
        yield (line(whole) if line else whole).astype(np.float32)


def _mixed(pieces: list[Piece], length: int) -> Iterator[np.ndarray]:
    """Holds the recordings that sound at the moment, and no more."""
    waiting, sounding = list(reversed(pieces)), []
    for first in range(0, length, RATE):
        block = np.zeros(min(RATE, length - first))
        while waiting and (waiting[-1].at - 1) * RATE < first + len(block):
            sounding.append(heard(waiting.pop()))
        for start, samples in sounding:
            begin, end = max(start, first), min(start + len(samples), first + len(block))
            if begin < end:
                block[begin - first : end - first] += samples[begin - start : end - start]
        sounding = [(start, samples) for start, samples in sounding if start + len(samples) > first + len(block)]
        yield block


def _noise(level: float, rng: np.random.Generator):
    state = np.zeros(1)
    scale = np.sqrt(level * (1 - _COLOUR**2))

    def more(count: int) -> np.ndarray:
        nonlocal state
        values, state = signal.lfilter([1.0], [1.0, -_COLOUR], scale * rng.standard_normal(count), zi=state)
        return values

    return more


def _line():
    sections = signal.butter(6, LINE, "bandpass", fs=RATE, output="sos")
    state = np.zeros((len(sections), 2))

    def through(samples: np.ndarray) -> np.ndarray:
        nonlocal state
        values, state = signal.sosfilt(sections, samples, zi=state)
        return values

    return through


CODECS = {
    ".wav": ("pcm_s16le", None),
    ".ogg": ("libopus", 48_000),
    ".flac": ("flac", None),
    ".mp4": ("aac", 48_000),
    ".mkv": ("libopus", 48_000),
}


class SoundTrack:
    """Encodes what it is given into a container."""

    def __init__(self, container, suffix: str, telephone: bool) -> None:
        codec, rate = CODECS[suffix]
        rate = rate or (LINE_RATE if telephone else RATE)
        self._container = container
        self._stream = container.add_stream(codec, rate=rate, layout="mono")
        context = self._stream.codec_context
        context.open()
        self._line = av.AudioResampler("fltp", "mono", LINE_RATE) if telephone else None
        self._resampler = av.AudioResampler(context.format.name, "mono", rate, frame_size=context.frame_size or 1024)
        self._written = 0

    def write(self, samples: np.ndarray) -> None:
        """float32 (n,) at 22,050 Hz, what follows the last call."""
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(np.clip(samples, -1, 1)[None], np.float32), format="fltp", layout="mono")
        frame.rate, frame.pts, frame.time_base = RATE, self._written, Fraction(1, RATE)
        self._written += len(samples)
        self._encode([frame])

    def close(self) -> None:
        if self._line:
            self._encode(self._line.resample(None), past_line=True)
        for frame in self._resampler.resample(None):
            self._container.mux(self._stream.encode(frame))
        self._container.mux(self._stream.encode())

    def _encode(self, frames, past_line: bool = False) -> None:
        if self._line and not past_line:
            frames = [part for frame in frames for part in self._line.resample(frame)]
        for frame in frames:
            for part in self._resampler.resample(frame):
                self._container.mux(self._stream.encode(part))

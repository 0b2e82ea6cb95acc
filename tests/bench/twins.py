"""``python -m tests.bench.twins``: does a change that nobody hears change a verdict? Files that recorders make, each beside its plain twin.

Prints, for every kind and model, the largest difference of any of the eight probabilities. All files are made in memory from the sample,
and from clips of RAVDESS where they are there.
"""

from __future__ import annotations

import io
import struct
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import soundfile

from features import extract
from models.checkpoint import load_model
from models.evaluation.metrics import softmax
from models.model import EmotionModel

MODELS = ("fused", "whisper-tokens")
LARGEST = 0.02
_ROOT = Path(__file__).parents[2]
_CLIPS = _ROOT / "../shared/data/clips"

Samples = np.ndarray


def wav(samples: Samples, rate: int, subtype: str = "FLOAT", format: str = "WAV") -> bytes:
    """(n,) or (n, channels) → a WAV file."""
    buffer = io.BytesIO()
    soundfile.write(buffer, samples, rate, format=format, subtype=subtype)
    return buffer.getvalue()


def centre(x: Samples, count: int) -> Samples:
    """(n,) in the centre of so many channels, the others silent."""
    channels = np.zeros((len(x), count), np.float32)
    channels[:, 2] = x
    return channels


def bare(x: Samples, rate: int, counted: int) -> bytes:
    """A 16-bit WAV whose header counts so many bytes of samples."""
    pcm = soundfile_16(x)
    head = struct.pack("<IHHIIHH", 16, 1, 1, rate, 2 * rate, 2, 16)
    return b"RIFF" + struct.pack("<I", 36) + b"WAVEfmt " + head + b"data" + struct.pack("<I", counted) + pcm


def soundfile_16(x: Samples) -> bytes:
    """(n,) in [−1, 1] → 16-bit samples."""
    return (np.clip(x, -1, 1) * 32767).astype("<i2").tobytes()


def hiss(x: Samples, level: float) -> Samples:
    """Steady noise, as long as ``x``."""
    return (level * np.random.default_rng(0).standard_normal(len(x))).astype(np.float32)


def silent_ends(x: Samples, rate: int) -> Samples:
    """The voice between two stretches of digital silence."""
    return np.concatenate([np.zeros(rate // 2, np.float32), x, np.zeros(rate // 2, np.float32)])


def full(x: Samples) -> Samples:
    """At full scale."""
    return x / np.abs(x).max()


Maker = Callable[[Samples, int], bytes]
# By name: the file, and its plain twin.
TWINS: dict[str, tuple[Maker, Maker]] = {
    "offset +0.05": (lambda x, r: wav(x + np.float32(0.05), r), wav),
    "offset −0.2, 16 bit": (lambda x, r: wav(x * 0.5 - 0.2, r, "PCM_16"), lambda x, r: wav(x * 0.5, r, "PCM_16")),
    "offset +0.002": (lambda x, r: wav(x + np.float32(0.002), r), wav),
    "offset between silences": (
        lambda x, r: wav(silent_ends(x + np.float32(0.05), r), r),
        lambda x, r: wav(silent_ends(x, r), r),
    ),
    "two channels, two offsets": (lambda x, r: wav(np.c_[x + np.float32(0.1), x - np.float32(0.03)], r), wav),
    "peak 4": (lambda x, r: wav(4 * full(x), r), lambda x, r: wav(full(x), r)),
    "integers as floats": (lambda x, r: wav(32768 * full(x), r), lambda x, r: wav(full(x), r)),
    "opposite phase": (lambda x, r: wav(np.c_[x, -x], r), wav),
    "right channel empty": (lambda x, r: wav(np.c_[x, 0 * x], r), wav),
    "left channel nearly empty": (lambda x, r: wav(np.c_[hiss(x, 1e-4), x], r), wav),
    "left channel noise": (lambda x, r: wav(np.c_[hiss(x, 0.05), x], r), wav),
    "right channel 12 dB lower": (lambda x, r: wav(np.c_[x, 0.25 * x], r), wav),
    "equal channels": (lambda x, r: wav(np.c_[x, x], r), wav),
    "centre of 5.1": (lambda x, r: wav(centre(x, 6), r, format="WAVEX"), wav),
    "centre of 7.1": (lambda x, r: wav(centre(x, 8), r, format="WAVEX"), wav),
    "centre of 5.1, no mask": (lambda x, r: wav(centre(x, 6), r), wav),
    "left and right of quad": (lambda x, r: wav(np.c_[x, x, 0 * x, 0 * x], r), wav),
    "header: 0": (lambda x, r: bare(x, r, 0), lambda x, r: bare(x, r, 2 * len(x))),
    "header: 1,000": (lambda x, r: bare(x, r, 1000), lambda x, r: bare(x, r, 2 * len(x))),
    "header: 2³² − 1": (lambda x, r: bare(x, r, 2**32 - 1), lambda x, r: bare(x, r, 2 * len(x))),
}


def voices() -> dict[str, tuple[Samples, int]]:
    """By name, one channel and its rate."""
    paths = [_ROOT / "pages/sample/sample.wav", *sorted(_CLIPS.glob("*.wav"))]
    read = {path.stem: soundfile.read(path, dtype="float32", always_2d=True) for path in paths}
    return {name: (samples.mean(axis=1, dtype=np.float32), rate) for name, (samples, rate) in read.items()}


def difference(model: EmotionModel, twins: tuple[Maker, Maker], voice: tuple[Samples, int]) -> float:
    """The largest difference of a probability between a file and its twin."""
    first, second = (softmax(model.predict(extract(make(*voice), None, model.load_encoders()))) for make in twins)
    return float(np.abs(first - second).max())


def main() -> int:
    """Print the table; 1 if any difference is above :data:`LARGEST`."""
    models, found = [load_model(name) for name in MODELS], voices()
    worst = 0.0
    print(
        f"Largest difference of a probability over {len(found)} voices\n\n| file | "
        + " | ".join(MODELS)
        + " |\n|---|"
        + "--:|" * len(MODELS)
    )
    for name, twins in TWINS.items():
        row = [max(difference(model, twins, voice) for voice in found.values()) for model in models]
        worst = max(worst, *row)
        print(f"| {name} | " + " | ".join(f"{value:.4f}" for value in row) + " |", flush=True)
    return int(worst > LARGEST)


if __name__ == "__main__":
    sys.exit(main())

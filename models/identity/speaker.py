"""Who speaks, as 256 numbers: Resemblyzer's speaker encoder (Wan et al. 2018, arXiv:1710.10467; Apache-2.0).

``resemblyzer.VoiceEncoder`` is the reference in the tests. Equal error rate on RAVDESS: 22 % for one recording of three seconds a side with
emotions mixed, 5 % for about six seconds of speech a side.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file
from torch import nn

from features.log_mel import HOP, RATE, mel_power

WEIGHTS = Path(__file__).parents[1] / "weights" / "speaker_encoder_ge2e.safetensors"
FRAMES = 160
"""Of a window: 1.6 s."""
BANDS, WIDTH = 40, 256
_LEVEL = -30.0  # dBFS, to which quieter speech is raised
_TOGETHER = 32  # windows in one pass


class SpeakerEncoder(nn.Module):
    """(n, 160, 40) mel power → (n, 256) of unit length; the larger the product of two, the more likely it is one speaker."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(BANDS, WIDTH, 3, batch_first=True)
        self.linear = nn.Linear(WIDTH, WIDTH)

    def forward(self, mel: torch.Tensor) -> torch.Tensor:
        _, (hidden, _) = self.lstm(mel)
        return nn.functional.normalize(torch.relu(self.linear(hidden[-1])), dim=1)


def speaker_codes(samples: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """Windows of a stretch of speech → float32 (k, 256) of unit length.

    Args:
        samples: float32 (n,) at 16 kHz, of one level throughout; less than a window is repeated until it is one.
        starts: (k,), seconds at which windows of 1.6 s begin.
    """
    loudness = 10 * np.log10(np.mean(samples**2, dtype=np.float64) + 1e-12)
    mel = mel_power(samples * np.float32(10 ** (max(0.0, _LEVEL - loudness) / 20)), BANDS).T
    if len(mel) < FRAMES:
        mel = np.resize(mel, (FRAMES, BANDS))
    firsts = np.clip(np.round(np.asarray(starts) * RATE / HOP).astype(int), 0, len(mel) - FRAMES)
    windows = np.stack([mel[first : first + FRAMES] for first in firsts])
    with torch.inference_mode():
        parts = [load_speaker_encoder()(part) for part in torch.from_numpy(windows).split(_TOGETHER)]
    return torch.cat(parts).numpy()


@lru_cache(maxsize=1)
def load_speaker_encoder() -> SpeakerEncoder:
    """The encoder, loaded once: half precision in the file, single in memory (6 MB)."""
    with torch.device("meta"):  # no random weights first
        encoder = SpeakerEncoder()
    encoder.load_state_dict({name: values.float() for name, values in load_file(WEIGHTS).items()}, assign=True)
    return encoder.eval().requires_grad_(False)

"""The Transformer on a sequence: one token for each second of the voice and one for each sampled frame of the face.

The 552-d classifier sees averages over the whole clip, a single token, so its attention has nothing to attend to. Here
it has: when something is heard or seen matters, and a moment can outweigh the rest.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import nn

from features import Modality
from features.audio import N_MFCC
from features.video import N_FACE
from models.labels import LABELS

TOKEN_FRAMES = 44  # MFCC frames of one token: 1.02 s
CLIP_SECONDS = 4.0  # length of RAVDESS's videos, over which frames without a time are spread
_REACH = 12  # MFCC frames after the last that the convolutions look at
_STEP = 4  # MFCC frames of one step of the convolutions, which halve the rate twice
_LAST_SECOND = 6.0  # later than in any training clip: all that follows is "late"
_PERIODS = (1.0, 2.0, 4.0, 8.0, 16.0)  # seconds
TIME_FEATURES = 2 * len(_PERIODS)


@dataclass(frozen=True)
class TokenBatch:
    """n recordings as sequences, standardised.

    Attributes:
        voice: float32 (n, 40, frames), frames a multiple of :data:`TOKEN_FRAMES`; 0 where there is no voice at all.
        heard: int (n,): how many of the frames are there.
        faces: float32 (n, m, 512), one row for each sampled frame.
        seconds: float32 (n, m): when it was.
        seen: bool (n, m): whether it is there.
    """

    voice: torch.Tensor
    heard: torch.Tensor
    faces: torch.Tensor
    seconds: torch.Tensor
    seen: torch.Tensor

    def __len__(self) -> int:
        return len(self.heard)

    def present(self) -> dict[Modality, torch.Tensor]:
        """bool (n,) for each modality: whether it is there."""
        return {Modality.AUDIO: self.heard > 0, Modality.VIDEO: self.seen.any(dim=1)}

    def mixed(self, rows: np.ndarray, partners: np.ndarray, share: torch.Tensor) -> TokenBatch:
        """The same with the voices of ``rows`` interpolated: ``share`` (k,) of each own, the rest of its partner's."""
        voice, heard = self.voice.clone(), self.heard.clone()
        voice[rows] = torch.lerp(voice[partners], voice[rows], share[:, None, None])
        heard[rows] = torch.maximum(heard[rows], heard[partners])
        return replace(self, voice=voice, heard=heard)

    def repeated(self, n: int) -> TokenBatch:
        """A batch of one, ``n`` times over, without copies."""
        voice, faces = self.voice.expand(n, -1, -1), self.faces.expand(n, -1, -1)
        return TokenBatch(voice, self.heard.expand(n), faces, self.seconds.expand(n, -1), self.seen.expand(n, -1))


class TokenTransformer(nn.Module):
    """Three 1-d convolutions over the MFCCs and their slopes, mean and deviation of each second, then the same encoder.

    Width 256, 2 layers, 4 heads, feed-forward 512 as in :class:`models.networks.transformer.TransformerEmotionClassifier`. A token is
    what was heard or seen, plus an embedding of the modality and one of its time. Mean over the tokens, and the same head.
    """

    def __init__(self, width: int = 256, channels: int = 96, dropout: float = 0.3) -> None:
        super().__init__()

        def block(inputs: int, kernel: int) -> nn.Sequential:
            convolution = nn.Conv1d(inputs, channels, kernel, padding=kernel // 2)
            return nn.Sequential(convolution, nn.BatchNorm1d(channels), nn.ReLU())

        self.listen = nn.Sequential(
            block(2 * N_MFCC, 5), nn.MaxPool1d(2), block(channels, 5), nn.MaxPool1d(2), nn.Dropout(dropout), block(channels, 3)
        )
        self.voice = nn.Linear(2 * channels, width)
        self.face = nn.Linear(N_FACE, width)
        self.modality = nn.Parameter(torch.zeros(3, width))  # voice, face, and a token that is always there
        self.time = nn.Linear(TIME_FEATURES, width)
        self.embed = nn.Sequential(nn.LayerNorm(width), nn.ReLU(), nn.Dropout(dropout))
        layer = nn.TransformerEncoderLayer(width, nhead=4, dim_feedforward=512, dropout=dropout, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, num_layers=2, enable_nested_tensor=False)
        self.head = nn.Sequential(nn.Linear(width, width // 2), nn.ReLU(), nn.Dropout(dropout), nn.Linear(width // 2, len(LABELS)))

    def embedding(self, batch: TokenBatch) -> torch.Tensor:
        """→ (n, 256): mean of the encoder's output over the tokens that are there."""
        n = len(batch)
        heard, seconds, there = self._listen(batch)
        seen = self.face(batch.faces) + self.modality[1] + self.time(time_features(batch.seconds))
        start = self.modality[2].expand(n, 1, -1)
        tokens = self.embed(torch.cat([start, heard + self.modality[0] + self.time(time_features(seconds)), seen], dim=1))
        mask = torch.cat([torch.ones(n, 1, dtype=torch.bool), there, batch.seen], dim=1)
        out = self.encoder(tokens, src_key_padding_mask=~mask)
        return (out * mask[:, :, None]).sum(1) / mask.sum(1, keepdim=True)

    def forward(self, batch: TokenBatch) -> torch.Tensor:
        """→ (n, 8) logits, before temperature."""
        return self.head(self.embedding(batch))

    def _listen(self, batch: TokenBatch) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Tokens of the voice (n, k, 256), their seconds (n, k), and whether they are there (n, k)."""
        n, _, frames = batch.voice.shape
        count, width = frames // TOKEN_FRAMES, self.voice.out_features
        seconds = torch.arange(count).float().expand(n, -1)
        if not count:
            return torch.zeros(n, 0, width), seconds, torch.zeros(n, 0, dtype=torch.bool)
        around = nn.functional.pad(batch.voice, (2, 2), mode="replicate")
        slopes = around[:, :, 4:] - around[:, :, :-4]
        steps = self.listen(torch.cat([batch.voice, slopes], dim=1)).unflatten(2, (count, -1))
        valid = (torch.arange(frames // _STEP)[None] * _STEP < batch.heard[:, None]).unflatten(1, (count, -1))
        weight = (valid / valid.sum(2, keepdim=True).clamp(min=1))[:, None]
        mean = (steps * weight).sum(3)
        spread = (((steps - mean[..., None]) ** 2 * weight).sum(3) + 1e-4).sqrt()
        return self.voice(torch.cat([mean, spread], dim=1).transpose(1, 2)), seconds, valid.any(2)


def time_features(seconds: torch.Tensor) -> torch.Tensor:
    """(n, k) → (n, k, 10): sines and cosines (Vaswani et al. 2017) of seconds, which stop at the longest training clip."""
    phase = 2 * np.pi * seconds.clamp(max=_LAST_SECOND)[..., None] / torch.tensor(_PERIODS)
    return torch.cat([phase.sin(), phase.cos()], dim=-1)


def padding(frames: int) -> int:
    """How often the last frame of a voice is repeated: to whole tokens, and beyond what the convolutions see of it."""
    return -(frames + _REACH) % TOKEN_FRAMES + _REACH

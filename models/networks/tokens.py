"""A Transformer on tokens of a pretrained speech encoder and on frames of the face."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import nn

from features import Modality
from features.video import N_FACE
from models.labels import LABELS
from models.networks.sequence import TIME_FEATURES, time_features

VOICE_WIDTH = 2304  # of :class:`models.networks.whisper_voice.WhisperVoice`


@dataclass(frozen=True)
class Moments:
    """n recordings as tokens, standardised.

    Attributes:
        voice: float32 (n, k, d), a row for each half second of speech; spoken: bool (n, k), whether it is there.
        faces: float32 (n, m, 512), a row for each sampled frame; seen: bool (n, m), whether it is there.
        seconds: float32 (n, m): when the frame was.
    """

    voice: torch.Tensor
    spoken: torch.Tensor
    faces: torch.Tensor
    seen: torch.Tensor
    seconds: torch.Tensor

    def __len__(self) -> int:
        return len(self.voice)

    def present(self) -> dict[Modality, torch.Tensor]:
        """bool (n,) for each modality: whether it is there."""
        return {Modality.AUDIO: self.spoken.any(dim=1), Modality.VIDEO: self.seen.any(dim=1)}

    def mixed(self, rows: np.ndarray, partners: np.ndarray, share: torch.Tensor) -> Moments:
        """The same with the voices of ``rows`` interpolated: ``share`` (k,) of each own, the rest of its partner's.

        A token that only one of the two has is kept as it is.
        """
        voice, spoken = self.voice.clone(), self.spoken.clone()
        own, other, there = self.voice[rows], self.voice[partners], self.spoken[rows, :, None] & self.spoken[partners, :, None]
        alone = torch.where(self.spoken[rows, :, None], own, other)
        voice[rows] = torch.where(there, torch.lerp(other, own, share[:, None, None]), alone)
        spoken[rows] |= self.spoken[partners]
        return replace(self, voice=voice, spoken=spoken)

    def repeated(self, n: int) -> Moments:
        """A batch of one, ``n`` times over, without copies."""
        return Moments(*(part.expand(n, *part.shape[1:]) for part in vars(self).values()))

    def kept(self, spoken: torch.Tensor, seen: torch.Tensor) -> Moments:
        """Copies of one in which only some tokens are there: bool (n, k) and (n, m)."""
        copies = self.repeated(len(spoken))
        return replace(copies, spoken=copies.spoken & spoken, seen=copies.seen & seen)


class MomentTransformer(nn.Module):
    """Tokens of the voice and frames of the face, each projected to 256 numbers, then the same encoder as in
    :class:`models.networks.sequence.TokenTransformer`, of 1 layer: 4 heads, feed-forward 512, mean over the tokens, the same head.

    Frames have an embedding of their time; tokens of the voice have none, as their encoder counts positions itself.
    """

    def __init__(self, voice_width: int = VOICE_WIDTH, width: int = 256, layers: int = 1, dropout: float = 0.5) -> None:
        super().__init__()
        self.voice, self.face = nn.Linear(voice_width, width), nn.Linear(N_FACE, width)
        self.modality = nn.Parameter(torch.zeros(3, width))  # voice, face, and a token that is always there
        self.time = nn.Linear(TIME_FEATURES, width)
        self.embed = nn.Sequential(nn.LayerNorm(width), nn.ReLU(), nn.Dropout(dropout))
        layer = nn.TransformerEncoderLayer(width, nhead=4, dim_feedforward=512, dropout=dropout, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, num_layers=layers, enable_nested_tensor=False)
        self.head = nn.Sequential(nn.Linear(width, width // 2), nn.ReLU(), nn.Dropout(dropout), nn.Linear(width // 2, len(LABELS)))

    def embedding(self, batch: Moments) -> torch.Tensor:
        """→ (n, 256): mean of the encoder's output over the tokens that are there."""
        n = len(batch)
        heard = self.voice(batch.voice) + self.modality[0]
        seen = self.face(batch.faces) + self.modality[1] + self.time(time_features(batch.seconds))
        tokens = self.embed(torch.cat([self.modality[2].expand(n, 1, -1), heard, seen], dim=1))
        mask = torch.cat([torch.ones(n, 1, dtype=torch.bool), batch.spoken, batch.seen], dim=1)
        out = self.encoder(tokens, src_key_padding_mask=~mask)
        return (out * mask[:, :, None]).sum(1) / mask.sum(1, keepdim=True)

    def forward(self, batch: Moments) -> torch.Tensor:
        """→ (n, 8) logits, before temperature."""
        return self.head(self.embedding(batch))

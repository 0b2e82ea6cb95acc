"""The Transformer that names one of eight emotions from 552 numbers."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn.functional import dropout, linear, relu

from features import SPACE
from models.labels import LABELS


class TransformerEmotionClassifier(nn.Module):
    """Linear(552→256), LayerNorm, ReLU, Dropout; 2 encoder layers (4 heads, feed-forward 512); Linear→ReLU→Dropout→Linear.

    Vaswani et al. 2017 (arXiv:1706.03762), on a sequence of one token: with nothing else to attend to, attention is a
    linear map, and the network a residual MLP. Input is standardised; a missing modality is zeros.
    """

    def __init__(self, n_features: int = len(SPACE), width: int = 256, dropout: float = 0.3) -> None:
        super().__init__()
        self.embed = nn.Sequential(nn.Linear(n_features, width), nn.LayerNorm(width), nn.ReLU(), nn.Dropout(dropout))
        layer = nn.TransformerEncoderLayer(width, nhead=4, dim_feedforward=512, dropout=dropout, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, num_layers=2, enable_nested_tensor=False)
        self.head = nn.Sequential(nn.Linear(width, width // 2), nn.ReLU(), nn.Dropout(dropout), nn.Linear(width // 2, len(LABELS)))

    def embedding(self, x: torch.Tensor) -> torch.Tensor:
        """(n, 552) standardised → (n, 256): what the last layers see."""
        x = self.embed(x)
        for layer in self.encoder.layers:  # as nn.TransformerEncoder has it, without asking whom one token attends to: itself
            x = layer.norm1(x + layer.dropout1(_attend_to_itself(layer.self_attn, x)))
            x = layer.norm2(x + layer.dropout2(layer.linear2(layer.dropout(relu(layer.linear1(x))))))
        return x

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(n, 552) standardised → (n, 8) logits, before temperature."""
        return self.head(self.embedding(x))


def _attend_to_itself(attention: nn.MultiheadAttention, x: torch.Tensor) -> torch.Tensor:
    """(n, width) → (n, width): the values, projected twice; for many rows the two projections are made one first."""
    out = attention.out_proj
    weight, bias = (part.chunk(3)[2] for part in (attention.in_proj_weight, attention.in_proj_bias))
    if not attention.training and len(x) > 2 * x.shape[1]:
        return linear(x, out.weight @ weight, linear(bias, out.weight, out.bias))
    values = linear(x, weight, bias)
    if attention.training:  # a head has one weight, of the one token: dropped, the whole head is
        kept = dropout(torch.ones(len(x), attention.num_heads, 1), attention.dropout)
        values = (kept * values.unflatten(1, (attention.num_heads, -1))).flatten(1)
    return out(values)

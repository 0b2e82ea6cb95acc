"""The networks beside the fused Transformer. All take 552 standardised numbers, zeros for what is missing."""

from __future__ import annotations

import torch
from torch import nn

from features import SPACE, Modality
from models.labels import LABELS
from models.networks.transformer import TransformerEmotionClassifier

FAINTEST = 1e-9  # probability: its logarithm is finite
_ALONE = (Modality.AUDIO, Modality.VIDEO)  # what late fusion is made of, in the order of its temperatures


class SingleModality(nn.Module):
    """The same Transformer on the columns of one modality alone."""

    def __init__(self, modality: Modality, dropout: float = 0.3) -> None:
        super().__init__()
        self.columns = SPACE.slices[modality]
        self.network = TransformerEmotionClassifier(SPACE.size(modality), dropout=dropout)

    def embedding(self, x: torch.Tensor) -> torch.Tensor:
        """(n, 552) standardised → (n, 256)."""
        return self.network.embedding(x[:, self.columns])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(n, 552) standardised → (n, 8) logits."""
        return self.network(x[:, self.columns])


class LateFusion(nn.Module):
    """Two classifiers that never meet: their probabilities, each weighted by its confidence, w = conf / Σ conf.

    Confidence is a classifier's highest probability, after its own temperature. A missing modality weighs nothing.
    """

    def __init__(self) -> None:
        super().__init__()
        self.voice, self.face = (SingleModality(modality) for modality in _ALONE)
        self.temperatures: torch.Tensor
        self.register_buffer("temperatures", torch.ones(2))

    def embedding(self, x: torch.Tensor) -> torch.Tensor:
        """(n, 552) standardised → (n, 512): the two embeddings side by side."""
        return torch.cat([self.voice.embedding(x), self.face.embedding(x)], dim=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(n, 552) standardised → (n, 8) logarithms of the mixed probabilities."""
        parts = torch.stack([self.voice(x), self.face(x)], dim=1) / self.temperatures[:, None]
        return mixed_by_confidence(parts.softmax(dim=2), torch.stack([(x[:, SPACE.slices[m]] != 0).any(dim=1) for m in _ALONE], dim=1))


def mixed_by_confidence(probabilities: torch.Tensor, there: torch.Tensor) -> torch.Tensor:
    """Probabilities (n, parts, 8) of parts that are ``there``, bool (n, parts) → (n, 8) logarithms of their mixture, none below 1e-9."""
    there = there | ~there.any(dim=1, keepdim=True)  # with none, all say what they expect of anybody
    weights = probabilities.amax(dim=2) * there
    weights = weights / weights.sum(dim=1, keepdim=True)
    return (probabilities * weights[:, :, None]).sum(dim=1).clamp(min=FAINTEST).log()


class LinearClassifier(nn.Module):
    """Multinomial logistic regression: what the others must beat to be worth their complexity."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(len(SPACE), len(LABELS))

    def embedding(self, x: torch.Tensor) -> torch.Tensor:
        """(n, 552) standardised → (n, 8): it has no other inside than its logits."""
        return self.layer(x)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(n, 552) standardised → (n, 8) logits."""
        return self.layer(x)

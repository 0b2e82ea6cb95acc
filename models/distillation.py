"""How ``fused`` learns: from networks that know clean voices only, and say of any recording what it was before it was altered.

Trained on altered voices with nothing but their labels, a network learns to judge each microphone by itself, and strangers less
well. So teachers learn from clean recordings; their student is shown the same ones from another microphone, room or line, and told
what the teachers made of the clean ones (knowledge distillation, Hinton et al. 2015, arXiv:1503.02531; with noise on the
student's side only, Xie et al. 2020, arXiv:1911.04252).

The teachers meet few faces, and would know pairs by heart. In a pair they are therefore asked to come near the product of their
own opinions of voice and face (Hinton 2002, doi 10.1162/089976602760128018).
"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import nn

from features import N_AUDIO
from models.batches import Batches
from models.classifier import TransformerEmotionClassifier
from models.fitting import OnEpoch, fit_average, frozen
from models.pools import Samples
from models.recipe import Recipe


def distil(pools: Samples, recipe: Recipe, on_epoch: OnEpoch | None = None) -> tuple[nn.Module, list[dict]]:
    """The student of ``recipe.teachers`` networks, and its loss in each epoch."""
    teachers = [teach(pools, replace(recipe, altered=0.0, seed=recipe.seed + k)) for k in range(recipe.teachers)]
    recipe = replace(recipe, altered=recipe.taught_altered)
    torch.manual_seed(recipe.seed)
    network = TransformerEmotionClassifier(dropout=recipe.dropout)
    return fit_average(network, Lessons(Batches(pools, recipe, "fused"), teachers, recipe.taught), recipe, on_epoch)


def teach(pools: Samples, recipe: Recipe) -> nn.Module:
    """One teacher, trained on labels and on agreeing with itself."""
    torch.manual_seed(recipe.seed)
    network = TransformerEmotionClassifier(dropout=recipe.dropout)
    average = frozen(network)
    draw = Agreement(Batches(pools, recipe, "fused"), average, recipe.agreement)
    return fit_average(network, draw, recipe, average=average)[0]


class Agreement:
    """Batches in which the wanted answer to a pair is ``share`` of the way to the product of what is said of voice and of face."""

    def __init__(self, batches: Batches, judge: nn.Module, share: float) -> None:
        self.batches, self.judge, self.share = batches, judge, share

    def __call__(self) -> tuple[torch.Tensor, torch.Tensor]:
        """float32 (batch, 552) standardised, float32 (batch, 8) targets."""
        x, target = self.batches()
        pairs = (x[:, :N_AUDIO] != 0).any(dim=1) & (x[:, N_AUDIO:] != 0).any(dim=1)
        target[pairs] = torch.lerp(target[pairs], product(self.judge, x[pairs]), self.share)
        return x, target


def product(judge: nn.Module, pairs: torch.Tensor) -> torch.Tensor:
    """Standardised (n, 552) → (n, 8): the normalised product of the probabilities for the voice alone and for the face alone."""
    voice, face = pairs.clone(), pairs.clone()
    voice[:, N_AUDIO:], face[:, :N_AUDIO] = 0, 0
    with torch.no_grad():
        return (judge(voice).log_softmax(dim=1) + judge(face).log_softmax(dim=1)).softmax(dim=1)


class Lessons:
    """Altered recordings, with what ``teachers`` say, on average, of the same ones unaltered: ``share`` of it, the rest by label."""

    def __init__(self, batches: Batches, teachers: list[nn.Module], share: float) -> None:
        self.batches, self.teachers, self.share = batches, teachers, share

    def __call__(self) -> tuple[torch.Tensor, torch.Tensor]:
        """float32 (batch, 552) standardised, float32 (batch, 8) targets."""
        clean, x, target = self.batches.twins()
        with torch.no_grad():
            said = torch.stack([teacher(clean).softmax(dim=1) for teacher in self.teachers]).mean(dim=0)
        return x, torch.lerp(target, said, self.share)

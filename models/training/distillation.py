"""How ``fused`` learns: from networks that know clean voices only, and say of any recording what it was before it was altered.

Trained on altered voices with nothing but their labels, a network learns to judge each microphone by itself, and strangers less
well. So teachers learn from clean voices, and from faces, some of each; their student is shown the same ones from another
microphone, room, line or camera, and told what the teachers made of the clean ones (knowledge distillation, Hinton
et al. 2015, arXiv:1503.02531; with noise on the student's side only, Xie et al. 2020, arXiv:1911.04252).

There are few faces, and a network that is shown pairs of one emotion learns by heart which face goes with which answer. In a pair
the student is therefore told the product of what the teachers say of the voice alone and of the face alone (Hinton 2002,
doi 10.1162/089976602760128018), of any voice with any face, and of mixtures of voices and of faces: so that it learns how to
weigh the two, and not only what comes out for those that were filmed (function matching, Beyer et al. 2022, arXiv:2106.05237).
What they say of a voice counts for more (``taught_voice_trust``), and of a face for less (``taught_face_trust``): of strangers' voices
they are less sure than right, of strangers' faces surer. It counts for as much where the other is missing, so that what a voice and
what a face add to the logits of a pair are what they are alone, and the network has one thing to learn of each; how sure it is of a
voice alone or of a face alone is set right by their own temperatures. One thing is not added up: how often an emotion is met among voices
is in what is said of a voice, and taken out beside a face, before which no emotion is more to be expected than another (naive Bayes).

The student is not scored by cross-entropy but by how far its logits are from those it is told (Ba & Caruana 2014, arXiv:1312.6184).
Where recordings are altered, the best it can do is to say the average of what is wanted: an average of logits is still a sum of one of
the voice and one of the face, an average of probabilities is not. Taught for as long as it takes (``taught_epochs``), it adds the two
up; with cross-entropy some 0.6 of a voice's logits arrived in a pair, and 0.8 of a face's.

What it says of an altered pair and of the same pair unaltered should not differ, whatever it is (consistency, Sajjadi et al. 2016,
arXiv:1606.04586): how far apart the two are counts for ``taught_alike`` of how far it is from what it is told. That has a price: as it
is the voice that lines and rooms change most, only some 0.8 of a voice's logits arrive in a pair then, and 0.9 of a face's.

A copy that is cut closer (:func:`models.training.samplers.cut_closer`) is one more altered recording, but teachers learn from such copies.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import numpy as np
import torch
from torch import nn

from models.labels import LABELS
from models.networks.fusion import FACE, PARTS, VOICE, SingleModality
from models.networks.transformer import TransformerEmotionClassifier
from models.training.loop import OnEpoch, fit_average
from models.training.recipe import Recipe
from models.training.samplers import Samples
from models.training.vector_batches import Batches

_RARE = 1e-2  # labels of which there are fewer voices are expected as often as this
_UNTHINKABLE = 1e-6  # what is less probable than this is told to be as probable
_MATCHING_SCALE = 0.2  # most gradients stay below the norm at which they are clipped

Teachers = Sequence[Sequence[nn.Module]]  # of voices, and of faces


def distil(pools: Samples, recipe: Recipe, on_epoch: OnEpoch | None = None) -> tuple[nn.Module, list[dict]]:
    """The student of ``recipe.teachers`` networks of each modality, and its loss in each epoch."""
    clean = replace(recipe, altered=0.0, levelled=0.0)
    teachers = [[teach(pools, replace(clean, seed=recipe.seed + k), part) for k in range(recipe.teachers)] for part in PARTS]
    recipe = replace(recipe, altered=recipe.taught_altered, levelled=recipe.taught_levelled, epochs=recipe.taught_epochs)
    torch.manual_seed(recipe.seed)
    network = TransformerEmotionClassifier(dropout=recipe.dropout)
    loss = partial(mismatch, alike=recipe.taught_alike)
    return fit_average(network, Lessons(Batches(pools, recipe, "fused"), teachers, recipe), recipe, on_epoch, loss)


def teach(pools: Samples, recipe: Recipe, modality: str) -> nn.Module:
    """One teacher of voices or of faces, trained on labels and what the experts say."""
    torch.manual_seed(recipe.seed)
    return fit_average(SingleModality(modality, recipe.dropout), Batches(pools, recipe, modality), recipe)[0]


def mismatch(logits: torch.Tensor, target: torch.Tensor, alike: float = 0.0) -> torch.Tensor:
    """Mean squared distance of logits from those of wanted probabilities, whatever is added to all eight; × 0.2.

    Args:
        logits: (n + k, 8): of n recordings, and of the first k of them unaltered.
        target: (n, 8).
        alike: what the distance between the two copies of those k counts for.
    """
    said, twins = logits[: len(target)], logits[len(target) :]
    away = said - target.clamp(min=_UNTHINKABLE).log()
    apart = said[: len(twins)] - twins
    return _MATCHING_SCALE * (_distance(away) + alike * _distance(apart)) / len(target)


def _distance(difference: torch.Tensor) -> torch.Tensor:
    """(n, 8) → sum of the variances of the rows."""
    return (difference - difference.mean(dim=1, keepdim=True)).square().mean(dim=1).sum()


class Lessons:
    """Altered recordings, with what ``teachers`` say of the same ones unaltered; pairs first, and after the batch once more unaltered.

    Of a voice or a face alone that is ``recipe.taught`` of what is wanted, the rest its label; of pairs, which are :func:`mixed`, all.
    """

    def __init__(self, batches: Batches, teachers: Teachers, recipe: Recipe) -> None:
        self.batches, self.teachers, self.recipe = batches, teachers, recipe
        self.trusts = recipe.taught_voice_trust, recipe.taught_face_trust
        heard = batches.pools.heard
        self.expected = torch.from_numpy(np.bincount(heard.labels, heard.weights, len(LABELS)).astype(np.float32))

    def __call__(self) -> tuple[torch.Tensor, torch.Tensor]:
        """float32 (batch + pairs, 552) standardised, float32 (batch, 8) targets."""
        clean, altered, target = self.batches.twins()
        both = (clean[:, VOICE] != 0).any(dim=1) & (clean[:, FACE] != 0).any(dim=1)
        order = torch.cat([both.nonzero()[:, 0], (~both).nonzero()[:, 0]])
        clean, altered, target, pairs = clean[order], altered[order], target[order], int(both.sum())
        clean[:pairs], altered[:pairs] = mixed(clean[:pairs], altered[:pairs], self.batches.rng)
        share = torch.where(torch.arange(len(clean)) < pairs, 1.0, self.recipe.taught)[:, None]
        told = torch.lerp(target, product(self.teachers, clean, self.trusts, self.expected), share)
        return torch.cat([altered, clean[:pairs]]), told


def product(teachers: Teachers, x: torch.Tensor, trusts: tuple[float, float], expected: torch.Tensor) -> torch.Tensor:
    """Standardised (n, 552) → (n, 8): the product of the mean probabilities by teachers of the voice and of the face, normalised.

    What is missing has no say; what is said of a voice and of a face is raised to the powers of ``trusts``.
    Of both, the product is divided by ``expected`` (8,), how often each label is met among voices.
    """
    parts = [(x[:, part] != 0).any(dim=1) for part in (VOICE, FACE)]
    logs = torch.outer(parts[0] & parts[1], -expected.clamp(min=_RARE).log())
    with torch.no_grad():
        for own, there, trust in zip(teachers, parts, trusts, strict=True):
            shown = x[there]
            logs[there] += trust * torch.stack([teacher(shown).softmax(dim=1) for teacher in own]).mean(dim=0).log()
    return logs.softmax(dim=1)


def mixed(clean: torch.Tensor, altered: torch.Tensor, rng: np.random.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    """Pairs (n, 552) in which voices and faces are mixed with others', each by chance (mixup, Zhang et al. 2018, arXiv:1710.09412).

    What altered a recording, its twin less itself, is added in full: a mixture of altered ones would be altered by half.
    """
    mixtures = clean.clone()
    for part in (VOICE, FACE):
        others = torch.from_numpy(rng.permutation(len(clean)))
        share = torch.from_numpy(rng.random((len(clean), 1), dtype=np.float32))
        mixtures[:, part] = torch.lerp(clean[:, part], clean[others, part], share)
    return mixtures, mixtures + (altered - clean)

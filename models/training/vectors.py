"""Train the classifiers of the 552-vector on voices and faces that need not belong together."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import nn

from features import N_AUDIO
from models.checkpoint import EmotionModel
from models.data.dataset import Faces, Voices
from models.networks.fusion import LateFusion, LinearClassifier, SingleModality
from models.networks.transformer import TransformerEmotionClassifier
from models.training.distillation import distil
from models.training.loop import OnEpoch, fit_average
from models.training.recipe import Recipe
from models.training.samplers import Samples, samples
from models.training.settings import effective_settings
from models.training.teachers import face_expert, linear_weights, voice_regression
from models.training.vector_batches import Batches


def train(
    voices: Voices,
    faces: Faces,
    recipe: Recipe,
    backbone: str = "ferplus",
    on_epoch: OnEpoch | None = None,
    architecture: str = "fused",
    pools: Samples | None = None,
) -> EmotionModel:
    """Train on all that is given; the loss of each epoch is in ``info["history"]``.

    Same data, same recipe, same machine: same weights.

    Args:
        architecture: ``fused``, ``voice``, ``face`` or ``linear``; ``late-fusion`` is made by :func:`fuse_late`.
        pools: :func:`samples` of the same data and recipe, if they are at hand.
    """
    pools = pools or samples(voices, faces, recipe)
    info: dict[str, Any] = {}
    network: nn.Module
    if architecture == "linear":
        network, info["chosen"] = _fit_linear(pools, faces)
    elif architecture == "fused" and recipe.teachers:
        network, info["history"] = distil(pools, recipe, on_epoch)
    else:
        torch.manual_seed(recipe.seed)
        if architecture == "fused":
            recipe = replace(recipe, epochs=recipe.taught_epochs)
        network, info["history"] = fit_average(_network(architecture, recipe), Batches(pools, recipe, architecture), recipe, on_epoch)
    info["backbone"], info["recipe"] = backbone, effective_settings(architecture, recipe)
    return EmotionModel(architecture, network, pools.mean, pools.std, pools.reference, 1.0, info, architecture=architecture)


def _network(architecture: str, recipe: Recipe) -> nn.Module:
    if architecture == "fused":
        return TransformerEmotionClassifier(dropout=recipe.dropout)
    return SingleModality(architecture, recipe.dropout)


def fuse_late(voice: EmotionModel, face: EmotionModel) -> EmotionModel:
    """The confidence-weighted mixture of a voice and a face classifier that were trained on the same data."""
    network = LateFusion()
    network.voice.load_state_dict(voice.classifier.state_dict())
    network.face.load_state_dict(face.classifier.state_dict())
    own = (model.alone or (model.temperature,) * 2 for model in (voice, face))
    network.temperatures.copy_(torch.tensor([pair[k] for k, pair in enumerate(own)]))
    info = {key: voice.info[key] for key in ("backbone",) if key in voice.info}
    info["recipe"] = face.info.get("recipe", {}) | voice.info.get("recipe", {})
    network.eval().requires_grad_(False)
    return EmotionModel("late-fusion", network, voice.mean, voice.std, voice.reference, 1.0, info, architecture="late-fusion")


def _fit_linear(pools: Samples, faces: Faces) -> tuple[nn.Module, dict]:
    """Logistic regressions of voice and face, their logits added: naive Bayes over the modalities, and still linear."""
    voice, c = voice_regression(pools.heard.spoken[:, 0].astype(float), pools.heard.labels, pools.heard.actors)
    means = np.array([frames[0].mean(axis=0) for frames in faces.frames])
    face = face_expert(means, faces.label, faces.actor > 0)
    parts = [linear_weights(e, pools.mean[s], pools.std[s]) for e, s in ((voice, slice(0, N_AUDIO)), (face, slice(N_AUDIO, None)))]
    network = LinearClassifier()
    with torch.no_grad():
        network.layer.weight.copy_(torch.from_numpy(np.concatenate([weights for weights, _ in parts], axis=1)))
        network.layer.bias.copy_(torch.from_numpy(np.sum([intercepts for _, intercepts in parts], axis=0)))
    return network.eval().requires_grad_(False), {"voice_C": c}

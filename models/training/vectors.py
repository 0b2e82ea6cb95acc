"""Train the classifiers of the 552-vector on voices and faces that need not belong together.

All ``train_…`` have one signature, the one that :class:`models.registry.ModelSpec` documents. Same data, same recipe, same machine:
same weights. The loss of each epoch is in ``info["history"]``.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import nn

from features import SPACE, Modality
from models.data.dataset import Faces, Voices
from models.model import EmotionModel
from models.monitoring.monitor import UNWATCHED, Monitor
from models.networks.fusion import LateFusion, LinearClassifier
from models.registry import MODELS
from models.training.distillation import distil
from models.training.loop import fit_average
from models.training.recipe import Recipe
from models.training.samplers import TrainingSet, make_training_set
from models.training.settings import effective_settings
from models.training.teachers import face_expert, linear_weights, voice_regression
from models.training.vector_batches import Batches, without_others
from models.vector_model import VectorModel


def train_fused(
    name: str,
    voices: Voices,
    faces: Faces,
    recipe: Recipe,
    training_set: TrainingSet | None = None,
    backbone: str = "ferplus",
    monitor: Monitor = UNWATCHED,
) -> VectorModel:
    """On voices and faces with modality dropout: the student of ``recipe.teachers`` networks of each, or, without, from labels.

    Args:
        name: of the model in the registry.
        training_set: of the same data and recipe, if it is at hand.
        monitor: its observer.
    """
    data = training_set or make_training_set(voices, faces, recipe)
    epochs = len(SPACE.slices) * recipe.teachers * recipe.epochs + recipe.taught_epochs
    monitor.start(epochs, lambda network: _model(name, network, data, {}, recipe, backbone))
    untrained = partial(MODELS[name].network, dropout=recipe.dropout)
    if recipe.teachers:
        network, history = distil(untrained, data, recipe, monitor)
    else:
        recipe = replace(recipe, epochs=recipe.taught_epochs)
        torch.manual_seed(recipe.seed)
        network, history = fit_average(untrained(), Batches(data, recipe, recipe.modality_dropout), recipe, monitor.epoch)
    return _model(name, network, data, {"history": history}, recipe, backbone)


def train_single(
    name: str,
    voices: Voices,
    faces: Faces,
    recipe: Recipe,
    training_set: TrainingSet | None = None,
    backbone: str = "ferplus",
    monitor: Monitor = UNWATCHED,
) -> VectorModel:
    """On the one modality that the model reads. Arguments: see :func:`train_fused`."""
    data = training_set or make_training_set(voices, faces, recipe)
    (modality,) = MODELS[name].modalities
    monitor.start(recipe.epochs, lambda network: _model(name, network, data, {}, recipe, backbone))
    torch.manual_seed(recipe.seed)
    batches = Batches(data, recipe, without_others(modality))
    network, history = fit_average(MODELS[name].network(dropout=recipe.dropout), batches, recipe, monitor.epoch)
    return _model(name, network, data, {"history": history}, recipe, backbone)


def train_linear(
    name: str,
    voices: Voices,
    faces: Faces,
    recipe: Recipe,
    training_set: TrainingSet | None = None,
    backbone: str = "ferplus",
    monitor: Monitor = UNWATCHED,
) -> VectorModel:
    """Logistic regressions of voice and face, their logits added: naive Bayes over the modalities, and still linear.

    Arguments: see :func:`train_fused`; there are no epochs.
    """
    data = training_set or make_training_set(voices, faces, recipe)
    voice, c = voice_regression(data.voices.clean[:, 0].astype(float), data.voices.labels, data.voices.actors)
    means = np.array([frames[0].mean(axis=0) for frames in faces.frames])
    experts = {Modality.AUDIO: voice, Modality.VIDEO: face_expert(means, faces.label, faces.actor > 0)}
    mean, std = data.standardise.mean, data.standardise.std
    parts = [linear_weights(expert, SPACE.part(mean, m), SPACE.part(std, m)) for m, expert in experts.items()]
    network = LinearClassifier()
    with torch.no_grad():
        network.layer.weight.copy_(torch.from_numpy(np.concatenate([weights for weights, _ in parts], axis=1)))
        network.layer.bias.copy_(torch.from_numpy(np.sum([intercepts for _, intercepts in parts], axis=0)))
    network.eval().requires_grad_(False)
    return _model(name, network, data, {"chosen": {"voice_C": c}}, recipe, backbone)


def _model(name: str, network: nn.Module, data: TrainingSet, info: dict[str, Any], recipe: Recipe, backbone: str) -> VectorModel:
    info = info | {"backbone": backbone, "recipe": effective_settings(name, recipe)}
    return VectorModel(name, network, data.standardise, data.reference, 1.0, info, architecture=name)


def fuse_late(name: str, *parts: EmotionModel) -> VectorModel:
    """The confidence-weighted mixture of a voice and a face classifier that were trained on the same data."""
    voice, face = parts
    network = LateFusion()
    network.voice.load_state_dict(voice.classifier.state_dict())
    network.face.load_state_dict(face.classifier.state_dict())
    network.temperatures.copy_(torch.tensor([_own_temperature(part) for part in parts]))
    network.eval().requires_grad_(False)
    info = {key: voice.info[key] for key in ("backbone",) if key in voice.info}
    info["recipe"] = face.info.get("recipe", {}) | voice.info.get("recipe", {})
    return VectorModel(name, network, voice.standardise, voice.reference, 1.0, info, architecture=name)


def _own_temperature(model: EmotionModel) -> float:
    """The temperature of a model of one modality."""
    (modality,) = model.spec.modalities
    return model.temperature if model.alone is None else model.alone[modality]

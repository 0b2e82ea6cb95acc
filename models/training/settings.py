"""The settings of a training, and which of them affect what a model learns.

The second half is what :data:`models.registry.MODELS` refers to: recipe → names of settings, recipe → whether training is augmented.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, fields, replace
from typing import Any

from models.registry import MODELS
from models.training.recipe import MomentRecipe, Recipe, TokenRecipe

Settings = Mapping[str, Any]  # of Recipe or TokenRecipe, by name


def recipe_for(name: str, settings: Settings) -> Recipe:
    """The usual recipe of a model, but for ``settings``; those that its recipe does not have are ignored."""
    usual = MODELS[name].recipe()
    own = {field.name for field in fields(usual)}
    return replace(usual, **{key: value for key, value in settings.items() if key in own})


def decisive(name: str, recipe: Recipe) -> set[str]:
    """Names of the settings that affect what a model learns, be it only by the random numbers that are drawn.

    ``reference`` is the number of pairs for SHAP; which voices these are depends on the number of faces, too.
    """
    return MODELS[name].settings(recipe)


def effective_settings(name: str, recipe: Recipe) -> dict[str, Any]:
    """What a checkpoint keeps of its recipe: the settings that are :func:`decisive`, in the order of the recipe."""
    own = decisive(name, recipe)
    return {key: value for key, value in asdict(recipe).items() if key in own}


def trained_on_augmented(name: str, settings: Settings) -> bool:
    """Whether a model learns from augmented copies: other microphones, rooms and lines, or, if it reads only faces, other cameras."""
    return MODELS[name].augmented(recipe_for(name, settings))


_DESCENT = {"seed", "epochs", "batch", "epoch_size", "lr", "weight_decay", "dropout", "matched"}
_VOICES = {"balance", "gain_db", "voice_noise", "smoothing", "reference"}
_FACES = {"face_views", "face_draws", "face_noise", "ferplus_share", "label_weight", "reference"}
_MOVED = {"cut", "recast", "overheard"}
_AUGMENTED = {"altered", "levelled"}
_DROPOUT = {"voice_alone", "face_alone"}
_EXPERTS = {"voice_trust", "face_trust"}
_DISTILLED = {field.name for field in fields(Recipe) if field.name.startswith("taught")}
_SEQUENCES = {field.name for field in fields(TokenRecipe)} - {field.name for field in fields(Recipe)}
_MOMENTS = {field.name for field in fields(MomentRecipe)} - {field.name for field in fields(TokenRecipe)}
_FUSED = _DESCENT | _VOICES | _FACES | _DROPOUT


def fused(recipe: Recipe) -> set[str]:
    """With teachers, their probabilities replace the experts', and the student has its own augmentation and epochs."""
    if recipe.teachers:
        return _FUSED | _MOVED | _DISTILLED | {"teachers"}
    return (_FUSED - {"epochs"}) | _MOVED | _AUGMENTED | _EXPERTS | {"teachers", "taught_epochs"}


def voice(_: Recipe) -> set[str]:
    return _DESCENT | _VOICES | _MOVED | _AUGMENTED


def face(_: Recipe) -> set[str]:
    return _DESCENT | _FACES | {"balance"}


def late_fusion(recipe: Recipe) -> set[str]:
    return voice(recipe) | face(recipe)


def linear(_: Recipe) -> set[str]:
    return {"seed", "balance", "face_views", "face_draws", "ferplus_share", "reference"}


def tokens(_: Recipe) -> set[str]:
    return _FUSED | _AUGMENTED | _EXPERTS | _SEQUENCES


def moments(_: Recipe) -> set[str]:
    return (tokens(_) | _MOMENTS) - {"gain_db", "levelled", "mask_frames"}


def fused_augmented(recipe: Recipe) -> bool:
    return (recipe.taught_altered if recipe.teachers else recipe.altered) > 0


def voices_augmented(recipe: Recipe) -> bool:
    return recipe.altered > 0


def faces_augmented(recipe: Recipe) -> bool:
    return recipe.face_views > 1


def never_augmented(_: Recipe) -> bool:
    return False

"""Which settings a training is given, and which of them have a say in what it learns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Any

from models.networks.fusion import PARTS
from models.training.recipe import Recipe
from models.training.sequence_batches import TokenRecipe

Settings = Mapping[str, Any]  # of Recipe or TokenRecipe, by name
TOKENS = "av-tokens"

_DESCENT = {"seed", "epochs", "batch", "epoch_size", "lr", "weight_decay", "dropout", "matched"}
_VOICES = {"balance", "gain_db", "voice_noise", "smoothing", "reference"}
_FACES = {"face_views", "face_draws", "face_noise", "ferplus_share", "label_weight", "reference"}
_MOVED = {"cut", "recast", "overheard"}
_ALTERED = {"altered", "levelled"}
_BOTH = {"voice_alone", "face_alone"}
_TARGETS = {"voice_trust", "face_trust"}
_TAUGHT = {field.name for field in fields(Recipe) if field.name.startswith("taught")}
_OWN = {field.name for field in fields(TokenRecipe)} - {field.name for field in fields(Recipe)}


def recipe_for(model: str, settings: Settings) -> Recipe:
    """The usual recipe of a model, but for ``settings``; those that it does not have are of others."""
    kind = TokenRecipe if model == TOKENS else Recipe
    own = {field.name for field in fields(kind)}
    return kind(**{name: value for name, value in settings.items() if name in own})


def decisive(model: str, recipe: Recipe) -> set[str]:
    """Names of those settings of ``recipe`` that have a say in what ``model`` learns, be it by the random numbers that are drawn.

    ``reference`` says how many pairs SHAP compares with; which voices these are hangs on the number of faces, too.
    """
    if model == "linear":
        return {"seed", "balance", "face_views", "face_draws", "ferplus_share", "reference"}
    if model == "voice":
        return _DESCENT | _VOICES | _MOVED | _ALTERED
    if model == "face":
        return _DESCENT | _FACES | {"balance"}
    if model == "late-fusion":
        return set.union(*(decisive(part, recipe) for part in PARTS))
    shared = _DESCENT | _VOICES | _FACES | _BOTH
    if model == TOKENS:
        return shared | _ALTERED | _TARGETS | _OWN
    if recipe.teachers:  # what is wanted of pairs, and how voices are altered, is another matter then
        return shared | _MOVED | _TAUGHT | {"teachers"}
    return (shared - {"epochs"}) | _MOVED | _ALTERED | _TARGETS | {"teachers", "taught_epochs"}


def effective_settings(model: str, recipe: Recipe) -> dict[str, Any]:
    """What a checkpoint says of how it was trained: the settings that are :func:`decisive`, in the order of the recipe."""
    own = decisive(model, recipe)
    return {name: value for name, value in asdict(recipe).items() if name in own}


def trained_on_altered(model: str, settings: Settings) -> bool:
    """Whether a model learns from copies by other microphones, rooms and lines, or, a model of faces, by other cameras."""
    recipe = recipe_for(model, settings)
    if model == "linear":  # the only one that never does
        return False
    if model == "face":
        return recipe.face_views > 1
    return (recipe.taught_altered if model == "fused" and recipe.teachers else recipe.altered) > 0

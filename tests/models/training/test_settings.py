"""Which settings matter: found by trainings in which one, or all of the others, differ from the usual ones."""

import os
from dataclasses import asdict, replace

import numpy as np
import pytest

from models.data.clips import held_out_clips, predict
from models.data.faces import FACE_VARIANTS
from models.registry import MODELS, never_augmented
from models.training.recipe import Recipe, TokenRecipe
from models.training.samplers import make_training_set
from models.training.settings import decisive, effective_settings, recipe_for, trained_on_augmented

SHORT = {"epochs": 1, "taught_epochs": 1, "batch": 32, "epoch_size": 64, "teachers": 1}
CASES = [*((name, SHORT) for name, spec in MODELS.items() if spec.train), ("fused", SHORT | {"teachers": 0})]
# A training for each setting of these takes minutes: EMOLENS_LONG=1 asks for it.
LONG = pytest.mark.skipif(not os.environ.get("EMOLENS_LONG"), reason="takes minutes: set EMOLENS_LONG=1")
QUICK = [("voice", SHORT), ("face", SHORT), ("linear", SHORT), ("fused", SHORT | {"teachers": 0})]
OTHERWISE = {
    "epochs": 2,
    "taught_epochs": 2,
    "batch": 16,
    "epoch_size": 96,
    "teachers": 2,
    "mask_frames": 60,
    "momentum": 0.01,
    "reference": 8,
}
SAMPLED = ("balance", "face_draws", "face_views", "ferplus_share", "reference", "seed")  # what the samplers are made by


def otherwise(recipe, name):
    """The recipe with another value of one setting."""
    value = getattr(recipe, name)
    if name == "face_views":  # there are two views of each face of the corpus
        return replace(recipe, face_views=2 if value == 1 else 1)
    return replace(recipe, **{name: OTHERWISE.get(name, value - 1 if isinstance(value, int) and value > 1 else value * 0.5 or 1)})


@pytest.fixture(scope="module")
def outcome(corpus):
    """(model, recipe) → its logits for some clips, and the size of its reference."""
    voices, faces = corpus
    known = voices.where(voices.actor <= 2), faces.where((faces.actor == 0) | (faces.actor == 1))
    training_sets = {}

    def of(name, recipe):
        made_by = tuple(getattr(recipe, key) for key in SAMPLED)
        if made_by not in training_sets:
            training_sets[made_by] = make_training_set(*known, recipe)
        model = MODELS[name].train(*known, recipe, training_sets[made_by])
        return [predict(model, held_out_clips(*known, state)) for state in MODELS[name].states], len(model.reference)

    return of


def same(a, b) -> bool:
    return a[1] == b[1] and all(np.array_equal(x, y) for x, y in zip(a[0], b[0], strict=True))


def test_what_is_asked_for_holds_for_every_model_that_has_it():
    """Also where it is usual for others; each model's other settings stay its own."""
    assert TokenRecipe().face_views == FACE_VARIANTS
    assert recipe_for("fused", {}) == Recipe()
    assert recipe_for("av-tokens", {}) == TokenRecipe()
    asked = {"altered": Recipe().altered, "seed": 3, "epochs": Recipe().epochs, "mean_teacher": 0.0}
    assert recipe_for("av-tokens", asked) == replace(TokenRecipe(), **asked)
    assert recipe_for("voice", asked) == replace(Recipe(), seed=3)


@pytest.mark.parametrize(("name", "settings"), CASES)
def test_settings_that_do_not_matter_change_nothing(outcome, name, settings):
    recipe = recipe_for(name, settings)
    changed = recipe
    for setting in asdict(recipe).keys() - decisive(name, recipe) - {"teachers"}:
        changed = otherwise(changed, setting)
    assert changed != recipe
    assert same(outcome(name, changed), outcome(name, recipe))


@pytest.mark.parametrize(("name", "settings"), [case if case in QUICK else pytest.param(*case, marks=LONG) for case in CASES])
def test_settings_that_matter_change_something(outcome, name, settings):
    recipe = recipe_for(name, settings)
    usual = outcome(name, recipe)
    assert [s for s in sorted(decisive(name, recipe)) if same(outcome(name, otherwise(recipe, s)), usual)] == []


def test_a_checkpoint_keeps_the_settings_that_matter_and_no_others():
    recipe = recipe_for("voice", {"smoothing": 0.2})
    kept = effective_settings("voice", recipe)
    assert kept["smoothing"] == 0.2
    assert "teachers" not in kept
    assert list(kept) == [key for key in asdict(recipe) if key in kept]
    late, *parts = (effective_settings(name, recipe).keys() for name in ("late-fusion", "voice", "face"))
    assert late == parts[0] | parts[1]


@pytest.mark.parametrize(
    ("name", "settings", "augmented"),
    [
        ("fused", {}, True),
        ("fused", {"altered": 0.0}, True),  # its teachers learn from clean voices anyway
        ("fused", {"taught_altered": 0.0}, False),
        ("fused", {"altered": 0.0, "teachers": 0}, False),
        ("voice", {"taught_altered": 0.0}, True),
        ("voice", {"altered": 0.0}, False),
        ("face", {"altered": 1.0}, False),
        ("face", {"face_views": 11}, True),
        ("linear", {"altered": 1.0}, False),
    ],
)
def test_which_trainings_are_augmented(name, settings, augmented):
    assert trained_on_augmented(name, settings) == augmented


def test_which_models_are_usually_trained_without_augmentation():
    assert [name for name in MODELS if never_augmented(name)] == ["face", "linear"]
    for name in MODELS:
        assert trained_on_augmented(name, {}) != never_augmented(name)

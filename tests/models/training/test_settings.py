"""Which settings have a say: asked of trainings in which one, or all of the others, are not what they usually are."""

import os
from dataclasses import asdict, replace

import numpy as np
import pytest

from models.data.clips import held_out_clips, predict
from models.evaluation.cross_validation import TRAINED, states_of
from models.registry import MODELS, UNALTERED
from models.training.recipe import Recipe
from models.training.samplers import samples
from models.training.sequence_batches import TokenRecipe
from models.training.sequences import train_tokens
from models.training.settings import decisive, effective_settings, recipe_for, trained_on_altered
from models.training.vectors import train

SHORT = {"epochs": 1, "taught_epochs": 1, "batch": 32, "epoch_size": 64, "teachers": 1}
CASES = [*((name, SHORT) for name in TRAINED), ("fused", SHORT | {"teachers": 0})]
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
SAMPLED = ("balance", "face_draws", "face_views", "ferplus_share", "reference", "seed")  # what the pools are made by


def otherwise(recipe, name):
    """The recipe with another value of one setting."""
    value = getattr(recipe, name)
    if name == "face_views":  # there are two views of each face of the corpus
        return replace(recipe, face_views=2 if value == 1 else 1)
    return replace(recipe, **{name: OTHERWISE.get(name, value - 1 if isinstance(value, int) and value > 1 else value * 0.5 or 1)})


@pytest.fixture(scope="module")
def outcome(corpus):
    """Of a model and a recipe: what it says of some clips, and the size of its reference."""
    voices, faces = corpus
    known = voices.where(voices.actor <= 2), faces.where((faces.actor == 0) | (faces.actor == 1))
    pools = {}

    def ask(name, recipe):
        if name == "av-tokens":
            model = train_tokens(*known, recipe)
        else:
            made_by = tuple(getattr(recipe, key) for key in SAMPLED)
            if made_by not in pools:
                pools[made_by] = samples(*known, recipe)
            model = train(*known, recipe, architecture=name, pools=pools[made_by])
        return [predict(model, held_out_clips(*known, state)) for state in states_of(name)], len(model.reference)

    return ask


def same(a, b) -> bool:
    return a[1] == b[1] and all(np.array_equal(x, y) for x, y in zip(a[0], b[0], strict=True))


def test_what_is_asked_for_holds_for_every_model_that_has_it():
    """Also where it is usual for others; each model's other settings stay its own."""
    assert recipe_for("fused", {}) == Recipe()
    assert recipe_for("av-tokens", {}) == TokenRecipe()
    asked = {"altered": Recipe().altered, "seed": 3, "epochs": Recipe().epochs, "mean_teacher": 0.0}
    assert recipe_for("av-tokens", asked) == replace(TokenRecipe(), **asked)
    assert recipe_for("voice", asked) == replace(Recipe(), seed=3)


@pytest.mark.parametrize(("name", "settings"), CASES)
def test_what_has_no_say_changes_nothing(outcome, name, settings):
    recipe = recipe_for(name, settings)
    changed = recipe
    for setting in asdict(recipe).keys() - decisive(name, recipe) - {"teachers"}:
        changed = otherwise(changed, setting)
    assert changed != recipe
    assert same(outcome(name, changed), outcome(name, recipe))


@pytest.mark.parametrize(("name", "settings"), [case if case in QUICK else pytest.param(*case, marks=LONG) for case in CASES])
def test_what_has_a_say_changes_something(outcome, name, settings):
    recipe = recipe_for(name, settings)
    usual = outcome(name, recipe)
    assert [s for s in sorted(decisive(name, recipe)) if same(outcome(name, otherwise(recipe, s)), usual)] == []


def test_a_checkpoint_says_no_more_than_what_had_a_say():
    recipe = recipe_for("voice", {"smoothing": 0.2})
    said = effective_settings("voice", recipe)
    assert said["smoothing"] == 0.2
    assert "teachers" not in said
    assert list(said) == [key for key in asdict(recipe) if key in said]
    late, *parts = (effective_settings(name, recipe).keys() for name in ("late-fusion", "voice", "face"))
    assert late == parts[0] | parts[1]


@pytest.mark.parametrize(
    ("name", "settings", "altered"),
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
def test_who_learned_from_altered_copies(name, settings, altered):
    assert trained_on_altered(name, settings) == altered


def test_who_usually_learns_from_recordings_as_they_are():
    assert tuple(name for name in MODELS if not trained_on_altered(name, {})) == UNALTERED

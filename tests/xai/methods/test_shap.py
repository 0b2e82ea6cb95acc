"""SHAP values: complete, equal to the library in expectation, and drawn back onto the face without loss."""

from dataclasses import replace

import numpy as np
import pytest
import shap
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from features import SPACE, Features, Modality, Standardiser
from models.model import EmotionModel
from models.vector_model import VectorModel
from tests.conftest import tone
from tests.untrained import Difference, LinearInTime
from tests.xai.conftest import make_audio, recording, subject_of
from xai.explanation import Attribution, Contrast
from xai.methods import METHODS
from xai.methods.shap import face_picture, left_over, library_values, path_nodes


def explain(features: Features, model: EmotionModel, seed: int = 0, **settings) -> Attribution:
    return METHODS["shap"].explain(subject_of(features, model, **settings), seed)


def along(features: Features, model: EmotionModel, nodes: int) -> np.ndarray:
    """(8, 552) with other than the usual number of places on each path."""
    inputs = model.encode(features)
    references = model.references(inputs)
    return model.path_gradients(inputs, references, path_nodes(nodes, len(references)))


@pytest.fixture
def many_places(monkeypatch):
    """Random weights bend more than trained ones."""
    for kind in ("vector", "sequence"):
        budget = f"models.{kind}_model._BUDGET"
        module, _, name = budget.rpartition(".")
        usual = getattr(__import__(module, fromlist=[name]), name)
        monkeypatch.setattr(budget, replace(usual, path_nodes=96 if kind == "vector" else 24))


def test_values_add_up(random_features, random_model, many_places):
    found = explain(random_features, random_model)
    logits = random_model.predict(random_features)
    base, residual = found.extras["base"], found.extras["residual"]
    assert_allclose(base, random_model.logits(random_model.inputs(random_model.reference)).mean(axis=0), atol=1e-5)
    assert_allclose(residual, logits - base - found.values.sum(axis=1), atol=1e-9)
    assert (np.abs(residual) < 0.01 * np.abs(found.values).sum(axis=1)).all()


def test_values_of_a_sequence_add_up(random_features, voice, face, token_model, many_places):
    """Logit − base is spread over voice and face without loss, up to a few per cent of what is spread."""
    for features in (random_features, voice, face):
        found = explain(features, token_model)
        base, residual = found.extras["base"], found.extras["residual"]
        assert found.values.shape == (8, 552)
        logits = token_model.predict(features)
        assert_allclose(residual, logits - base - found.values.sum(axis=1), atol=1e-9)
        assert (np.abs(residual) < 0.03 * np.abs(found.values).sum(axis=1)).all()
        assert np.abs(residual).max() < 0.05 * np.abs(logits - base).max()


def test_what_is_left_over_is_a_share_of_the_distance_to_the_references(random_features, random_model):
    found = explain(random_features, random_model)
    logits, base = random_model.predict(random_features), found.extras["base"]
    for contrast in (Contrast(2), Contrast(2, 6)):
        missing = contrast.of(logits - base - found.values.sum(axis=1))
        assert left_over(found, contrast) == pytest.approx(abs(missing) / abs(contrast.of(logits - base)), rel=1e-6)


def test_residual_on_the_shipped_model_is_under_one_percent(sample_analysis):
    assert left_over(sample_analysis.attributions["shap"], Contrast(sample_analysis.predicted)) < 0.01


def test_more_places_would_hardly_change_the_values(sample_analysis):
    values = sample_analysis.attributions["shap"].values
    exact = along(sample_analysis.features, sample_analysis.model, 200)
    assert np.linalg.norm(values - exact) < 0.02 * np.linalg.norm(exact)
    assert np.abs(values - exact).max() < 0.02 * np.abs(exact).max()


def test_equals_the_library_with_many_samples(random_features, random_model):
    ours = along(random_features, random_model, 48)
    x = random_model.encode(random_features).z
    network = torch.nn.Sequential(random_model.classifier)
    explainer = shap.GradientExplainer(network, random_model.inputs(random_model.reference).z)
    theirs = np.asarray(explainer.shap_values(x, nsamples=3000, rseed=0))[0].T / random_model.temperature
    for target in range(8):
        assert np.corrcoef(ours[target], theirs[target])[0, 1] > 0.95
        assert np.linalg.norm(ours[target] - theirs[target]) < 0.3 * np.linalg.norm(ours[target])


def test_linear_model_gives_the_closed_form(random_features, random_model):
    torch.manual_seed(0)
    linear = torch.nn.Linear(552, 8).requires_grad_(False)
    model = replace(random_model, classifier=linear, temperature=1.0)
    z = model.encode(random_features).z.numpy()[0]
    reference = model.standardise(model.reference).mean(axis=0)
    assert_allclose(explain(random_features, model).values, linear.weight.numpy() * (z - reference), atol=1e-5)


@pytest.mark.parametrize("pair", [(0, 1), (5, 3)])
def test_contrast_is_the_explanation_of_the_difference(random_features, any_model, pair):
    difference = replace(any_model, classifier=Difference(any_model.classifier, *pair))
    both = along(random_features, any_model, 2)
    assert_allclose(along(random_features, difference, 2)[7], Contrast(*pair).of(both), atol=1e-4 * np.abs(both).max())


def test_the_librarys_estimator_is_selectable_and_seeded(random_features, random_model):
    first, again, other = (explain(random_features, random_model, seed, estimator="shap") for seed in (0, 0, 1))
    assert_allclose(first.values, again.values, atol=0)
    assert np.abs(first.values - other.values).max() > 0
    assert first.settings == {"estimator": "shap", "seed": 0}
    inputs = random_model.encode(random_features)
    assert_allclose(first.values, library_values(random_model, inputs, random_model.references(inputs), 0), atol=0)
    with pytest.raises(ValueError, match="choose one of"):
        explain(random_features, random_model, estimator="guess")


def test_a_sequence_is_integrated_whatever_is_asked_for(random_features, token_model):
    """The library wants one tensor; what was done instead is written down."""
    asked, usual = (explain(random_features, token_model, 4, estimator=name) for name in ("shap", "quadrature"))
    assert asked.settings == usual.settings == {"estimator": "quadrature", "seed": 4}
    assert_allclose(asked.values, usual.values, atol=0)
    assert_allclose(asked.values, along(random_features, token_model, token_model.budget.path_nodes), atol=0)
    assert (np.abs(asked.extras["residual"]) < 0.1 * np.abs(asked.values).sum(axis=1)).all()


@pytest.mark.parametrize("missing", list(Modality))
def test_a_missing_modality_gets_nothing(random_features, mfcc_model, missing, many_places):
    found = explain(random_features.with_part(missing, None), mfcc_model)
    (there,) = set(Modality) - {missing}
    assert not SPACE.part(found.values, missing).any()
    assert SPACE.part(found.values, there).any(axis=1).all()
    assert (np.abs(found.extras["residual"]) < 0.1 * np.abs(found.values).sum(axis=1)).all()
    assert not SPACE.part(found.parts.present, missing).any()
    assert SPACE.part(found.parts.present, there).all()


def test_a_linear_classifier_of_sequences_gives_the_closed_form(random_features, token_model):
    """Weight times distance from the mean reference, whatever the number of places."""
    rng = np.random.default_rng(0)
    row, weights = rng.normal(size=(8, 40)), rng.normal(size=(8, 512))
    model = replace(token_model, classifier=LinearInTime(row, weights), temperature=2.0)
    values = along(random_features, model, 2)
    x, scale = model.encode(random_features).batch, model.standardise
    heard = int(x.heard[0])
    turns = np.arange(x.voice.shape[2]) % 60
    voices = (model.reference_voice[:, :, turns] - scale.mean[:40, None]) / scale.std[:40, None]
    faces = (model.reference_faces[:, :2] - scale.mean[40:]) / scale.std[40:]
    voice = x.voice[0].numpy()[:, :heard].mean(axis=1) - voices[:, :, :heard].mean(axis=(0, 2))
    face = x.faces[0].numpy().sum(axis=0) - faces.sum(axis=1).mean(axis=0)
    assert_allclose(values, np.concatenate([row * voice, weights * face], axis=1) / 2, atol=1e-3)
    found = explain(random_features, model)
    assert_allclose(found.values.sum(axis=1), model.predict(random_features) - found.extras["base"], atol=1e-3)
    assert_allclose(found.extras["residual"], 0, atol=1e-3)


@pytest.mark.parametrize("samples", [np.zeros(22_050), np.full(22_050, 0.2), tone(0.1), tone(3.0)])
def test_silence_dc_a_blip_and_a_note_are_explained(mfcc_model, samples):
    found = explain(recording(make_audio(samples)), mfcc_model)
    assert np.isfinite(found.values).all()
    assert np.isfinite(found.extras["residual"]).all()


def test_only_what_the_mean_of_training_hides_counts(random_features):
    """A classifier that reads two columns: the others get exactly nothing."""
    weights = torch.zeros(8, 552)
    weights[3, 7], weights[3, 400] = 2.0, -1.0
    linear = torch.nn.Linear(552, 8, bias=False).requires_grad_(False)
    linear.weight.copy_(weights)
    rng = np.random.default_rng(1)
    scale = Standardiser(rng.normal(size=552), rng.uniform(0.5, 2, 552), SPACE)
    found = explain(random_features, VectorModel("two", linear.eval(), scale, np.tile(scale.mean.astype(np.float32), (3, 1)), 1.0)).values
    assert np.argwhere(np.abs(found) > 1e-5).tolist() == [[3, 7], [3, 400]]
    z = (random_features.vector - scale.mean) / scale.std
    assert_allclose([found[3, 7], found[3, 400]], [2 * z[7], -z[400]], rtol=1e-4)


def test_the_picture_keeps_the_sum_and_lies_where_the_maps_are():
    rng = np.random.default_rng(0)
    maps = rng.random((3, 512, 7, 7)).astype(np.float32)
    maps[1] = 0  # left out
    maps[:, 7] = 0  # a feature that is dark everywhere
    values = rng.normal(size=512)
    picture = face_picture(values, maps)
    assert picture.sum() == pytest.approx(values.sum())
    assert not picture[1].any()
    maps[:, 3] = 0
    maps[2, 3, 4, 5] = 1
    only = np.zeros(512)
    only[3] = 2.0
    assert face_picture(only, maps)[2, 4, 5] == pytest.approx(2.0)


@given(st.integers(1, 12), st.integers(1, 80))
def test_places_are_evenly_spread(nodes, paths):
    places = path_nodes(nodes, paths)
    assert places.shape == (nodes, paths)
    assert ((places >= 0) & (places < 1)).all()
    assert_allclose(np.diff(places, axis=0), 1 / nodes)
    gaps = np.diff(np.sort(places[0] * nodes), prepend=0, append=1)  # the starts lie as evenly as the golden ratio puts them
    assert gaps.max() < 3 / paths + 1e-9 or paths == 1

"""Training: what it draws, what it learns from a planted signal, and that it repeats itself."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.special import log_softmax, softmax

from features import Modality
from models.checkpoint import read_model, save_model
from models.data.clips import held_out_clips, predict
from models.evaluation.metrics import accuracy
from models.labels import LABELS
from models.registry import MODELS
from models.training.recipe import Recipe
from models.training.samplers import make_training_set
from models.training.teachers import face_expert, voice_regression
from models.training.vector_batches import Batches, smooth, targets, without_others

QUICK = replace(Recipe(), epochs=6, taught_epochs=6, batch=32, epoch_size=640, teachers=1)
EXACT = replace(QUICK, altered=0.0, levelled=0.0, cut=0.0, recast=0.0, overheard=0.0, voice_noise=0.0, face_noise=0.0)


@pytest.fixture(scope="module")
def known(corpus):
    """Everybody but actor 1."""
    voices, faces = corpus
    return voices.where(voices.actor != 1), faces.where(faces.actor != 1)


@pytest.fixture(scope="module")
def unseen(corpus):
    """Actor 1."""
    voices, faces = corpus
    return voices.where(voices.actor == 1), faces.where(faces.actor == 1)


@pytest.fixture(scope="module")
def training_set(known):
    return make_training_set(*known, QUICK)


@pytest.fixture(scope="module")
def trained(known, training_set):
    """By name."""
    return {name: MODELS[name].train(*known, QUICK, training_set) for name in ("fused", "voice", "face", "linear")}


def fuse_late(*parts):
    return MODELS["late-fusion"].fuse(*parts)


def batches(training_set, recipe: Recipe) -> Batches:
    return Batches(training_set, recipe, recipe.modality_dropout)


def probabilities(model, clips) -> np.ndarray:
    return softmax(predict(model, clips), axis=1)


@pytest.mark.parametrize("name", ["fused", "voice", "face", "linear"])
def test_learns_what_was_planted_and_recognises_it_in_an_unseen_actor(trained, unseen, name):
    """In each state that it can be in: a fused model survives without either modality."""
    for state in MODELS[name].states:
        clips = held_out_clips(*unseen, state)
        assert accuracy(predict(trained[name], clips), clips.label) > 0.85, state


def test_late_fusion_recognises_it_too(trained, unseen):
    late = fuse_late(trained["voice"], trained["face"])
    for state in MODELS["late-fusion"].states:
        clips = held_out_clips(*unseen, state)
        assert accuracy(predict(late, clips), clips.label) > 0.85, state


def test_late_fusion_is_made_of_its_two_parts(trained, unseen):
    temperatures = {"voice": {Modality.AUDIO: 0.7, Modality.VIDEO: 5.0}, "face": {Modality.AUDIO: 5.0, Modality.VIDEO: 1.9}}
    parts = [replace(trained[name], temperature=5.0, alone=alone) for name, alone in temperatures.items()]
    late = fuse_late(*parts)
    both = held_out_clips(*unseen, "both")
    voice, face = (probabilities(part, held_out_clips(*unseen, part.name)) for part in parts)
    w = voice.max(axis=1, keepdims=True), face.max(axis=1, keepdims=True)
    assert_allclose(probabilities(late, both), (w[0] * voice + w[1] * face) / (w[0] + w[1]), atol=1e-6)
    for part in parts:
        clips = held_out_clips(*unseen, part.name)
        assert_allclose(probabilities(late, clips), probabilities(part, clips), atol=1e-6)
    assert (late.name, late.architecture) == ("late-fusion", "late-fusion")
    assert late.info["recipe"] == trained["face"].info["recipe"] | trained["voice"].info["recipe"]


def test_linear_logits_are_the_sum_of_the_two_regressions(trained, known, unseen):
    """Up to a constant of each recording: naive Bayes over voice and face."""
    voices, faces = known
    voice, c = voice_regression(voices.mfcc[:, 0].astype(float), voices.label, voices.actor)
    face = face_expert(np.array([f[0].mean(axis=0) for f in faces.frames]), faces.label, faces.actor > 0)
    assert trained["linear"].info["chosen"] == {"voice_C": c}
    for state in ("both", "voice", "face"):
        clips = held_out_clips(*unseen, state)
        vectors = np.where(np.isnan(clips.vectors()), trained["linear"].standardise.mean, clips.vectors())
        wanted = voice.classifier.predict_log_proba(vectors[:, :40]) + face.classifier.predict_log_proba(vectors[:, 40:])
        found = predict(trained["linear"], clips)
        assert_allclose(log_softmax(found, axis=1), log_softmax(wanted, axis=1), atol=2e-3)


def test_a_classifier_of_one_modality_does_not_depend_on_the_other(trained, unseen):
    clips = held_out_clips(*unseen, "both")
    for name, other in (("voice", slice(40, 552)), ("face", slice(0, 40))):
        model, vectors = trained[name], clips.vectors()
        vectors[:, other] = 1000.0
        assert_allclose(model.logits(model.inputs(vectors)), predict(model, clips), atol=0)


def test_loss_falls_and_is_kept(trained):
    for name in ("fused", "voice", "face"):
        history = trained[name].info["history"]
        assert [row["epoch"] for row in history] == list(range(1, 7))
        assert history[-1]["loss"] < 0.8 * history[0]["loss"]
        assert trained[name].info["recipe"]["batch"] == 32
        assert not trained[name].classifier.training


@pytest.mark.parametrize("name", ["fused", "voice"])
def test_same_seed_same_weights_other_seed_others(corpus, name):
    short = replace(QUICK, epochs=1, taught_epochs=1, epoch_size=64)
    trained, again, other = (MODELS[name].train(*corpus, replace(short, seed=s)).classifier.state_dict() for s in (0, 0, 1))
    for key, value in trained.items():
        assert (value == again[key]).all(), key
        if value.dim() > 1:
            assert (value != other[key]).any(), key


def test_a_training_set_that_is_at_hand_gives_the_same_weights(corpus):
    short = replace(QUICK, epochs=1, taught_epochs=1, epoch_size=64)
    made, given = (MODELS["fused"].train(*corpus, short, own) for own in (None, make_training_set(*corpus, short)))
    for a, b in zip(made.classifier.parameters(), given.classifier.parameters(), strict=True):
        assert (a == b).all()
    assert_allclose(made.reference, given.reference)


def test_every_model_survives_its_file(trained, unseen, tmp_path):
    models = [*trained.values(), fuse_late(replace(trained["voice"], temperature=0.6), trained["face"])]
    for model in models:
        scaled = replace(model, temperature=1.4)
        path = tmp_path / f"{model.name}.safetensors"
        save_model(scaled, path)
        again = read_model(path)
        clips = held_out_clips(*unseen, model.spec.states[0])
        assert_allclose(predict(again, clips), predict(model, clips) / 1.4, atol=1e-5)
        assert (again.architecture, again.info["recipe"]) == (model.architecture, model.info["recipe"])


def rows_of(batch: np.ndarray, table: np.ndarray) -> list[int]:
    """Which row of ``table`` each row of ``batch`` is."""
    found = [int(np.abs(table - row).max(axis=1).argmin()) for row in batch]
    assert_allclose(table[found], batch, atol=1e-4)
    return found


def test_batches_pair_missing_parts_and_targets(known):
    """What is drawn is found again in the samplers; targets follow from the labels of both."""
    recipe = replace(EXACT, batch=400, matched=0.5, voice_alone=0.3, face_alone=0.2)
    data = make_training_set(*known, recipe)
    x, wanted = (t.numpy() for t in batches(data, recipe)())
    no_voice, no_face = ~x[:, :40].any(axis=1), ~x[:, 40:].any(axis=1)
    assert not (no_voice & no_face).any()
    assert no_voice.mean() == pytest.approx(0.2, abs=0.06)
    assert no_face.mean() == pytest.approx(0.3, abs=0.07)
    mean, std = data.standardise.mean, data.standardise.std
    spoken = (data.voices.clean - mean[:40]) / std[:40]
    i = np.array(rows_of(x[~no_voice, :40], spoken.reshape(-1, 40))) // spoken.shape[1]
    j = np.array(rows_of(x[~no_face, 40:], (data.faces.vectors - mean[40:]) / std[40:]))
    heard, seen = np.full(400, -1), np.full(400, -1)
    heard[~no_voice], seen[~no_face] = data.voices.labels[i], data.faces.labels[j]
    both = ~no_voice & ~no_face
    assert (heard == seen)[both & (np.arange(400) < 200)].all()
    assert 0 < (heard == seen)[both & (np.arange(400) >= 200)].mean() < 0.4
    assert_allclose(wanted.sum(axis=1), 1, atol=1e-5)
    assert (wanted[no_face].argmax(axis=1) == heard[no_face]).all()
    assert_allclose(wanted[no_face].max(axis=1), 1 - recipe.smoothing, atol=1e-6)
    expert = np.zeros((400, 8))
    expert[~no_face] = data.faces.expert[j]
    soft = (1 - recipe.label_weight) * softmax(expert, axis=1) + recipe.label_weight * np.eye(8)[seen]
    assert_allclose(wanted[no_voice], soft[no_voice], atol=1e-5)


def test_a_voice_alone_has_the_soft_targets_of_the_sequence_teacher(known):
    recipe = replace(EXACT, batch=200, overheard=0.6, voice_alone=0.5)
    data = make_training_set(*known, recipe)
    x, wanted = (t.numpy() for t in batches(data, recipe)())
    no_face = ~x[:, 40:].any(axis=1)
    spoken = (data.voices.clean - data.standardise.mean[:40]) / data.standardise.std[:40]
    i = np.array(rows_of(x[no_face, :40], spoken.reshape(-1, 40))) // spoken.shape[1]
    expected = 0.6 * data.voices.soft_targets[i] + 0.4 * smooth(data.voices.labels[i], recipe.smoothing)
    assert_allclose(wanted[no_face], expected, atol=1e-5)
    _, without = batches(data, replace(recipe, overheard=0.0))()
    assert_allclose(wanted[~no_face], without.numpy()[~no_face], atol=1e-6)


def test_a_clean_face_is_the_mean_of_its_whole_film(known):
    recipe = replace(EXACT, batch=400, face_noise=0.3)
    data = make_training_set(*known, recipe)
    clean, x, _ = (t.numpy() for t in Batches(data, recipe, without_others(Modality.VIDEO)).clean_and_augmented())
    mean, std = data.standardise.mean[40:], data.standardise.std[40:]
    table = [(part - mean) / std for part in (data.faces.clean, data.faces.vectors)]
    rows = [int(np.abs(table[1] - row).mean(axis=1).argmin()) for row in x[:, 40:]]  # found again under the noise
    assert_allclose(clean[:, 40:], table[0][rows], atol=1e-4)
    assert (x[:, 40:] - table[1][rows]).std() == pytest.approx(0.3, rel=0.05)


@pytest.mark.parametrize(("modality", "missing"), [(Modality.AUDIO, slice(40, 552)), (Modality.VIDEO, slice(0, 40))])
def test_a_classifier_of_one_modality_is_shown_nothing_else(training_set, modality, missing):
    x, _ = Batches(training_set, QUICK, without_others(modality))()
    assert not x[:, missing].any()
    assert x.any(dim=1).all()


def test_targets_by_hand():
    """Voices 0, 0, 2, 2 with faces 0, 1, 2, 3: a pair of one label, one of two, a voice alone, a face alone."""
    recipe = replace(QUICK, smoothing=0.2, label_weight=0.25, voice_trust=0.6, face_trust=0.5)
    expert = np.log(np.random.default_rng(0).dirichlet(np.ones(8), 4))
    heard, seen = np.array([0, 0, 2, 2]), np.array([0, 1, 2, 3])
    found = targets(heard, seen, expert, *(np.array(row, bool) for row in ([1, 0, 0, 0], [0, 0, 0, 1], [0, 0, 1, 0])), recipe)
    product = np.where(np.eye(8)[0] == 1, 0.6, 0.4 / 7) * np.exp(0.5 * expert[:2])
    product /= product.sum(axis=1, keepdims=True)
    assert_allclose(found[0], 0.75 * product[0] + 0.25 * np.eye(8)[0])
    assert_allclose(found[1], product[1])
    assert_allclose(found[2], np.where(np.eye(8)[2] == 1, 0.8, 0.2 / 7))
    assert_allclose(found[3], 0.75 * np.exp(expert[3]) + 0.25 * np.eye(8)[3])


def test_smoothing_spreads_its_share():
    found = smooth(np.array([2, 7]), 0.21)
    assert_allclose(found.sum(axis=1), 1)
    assert_allclose(found[[0, 1], [2, 7]], 0.79)
    assert_allclose(found[0, np.arange(8) != 2], 0.03)
    assert (smooth(np.arange(8), 0.0) == np.eye(len(LABELS))).all()

"""Training: what it draws, what it learns from a planted signal, and that it repeats itself."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.special import log_softmax, softmax

from models.checkpoint import read_model, save_model
from models.data.clips import held_out_clips, predict
from models.evaluation.cross_validation import states_of
from models.evaluation.metrics import accuracy
from models.labels import LABELS
from models.training.recipe import Recipe
from models.training.samplers import samples
from models.training.teachers import face_expert, voice_regression
from models.training.vector_batches import Batches, smooth, targets
from models.training.vectors import fuse_late, train

QUICK = replace(Recipe(), epochs=6, taught_epochs=6, batch=32, epoch_size=640, teachers=1)
EXACT = replace(QUICK, altered=0.0, levelled=0.0, cut=0.0, recast=0.0, overheard=0.0, voice_noise=0.0, face_noise=0.0)


@pytest.fixture(scope="module")
def known(corpus):
    """Everybody but actor 1."""
    voices, faces = corpus
    return voices.where(voices.actor != 1), faces.where(faces.actor != 1)


@pytest.fixture(scope="module")
def stranger(corpus):
    voices, faces = corpus
    return voices.where(voices.actor == 1), faces.where(faces.actor == 1)


@pytest.fixture(scope="module")
def pools(known):
    return samples(*known, QUICK)


@pytest.fixture(scope="module")
def trained(known, pools):
    """By architecture."""
    return {name: train(*known, QUICK, architecture=name, pools=pools) for name in ("fused", "voice", "face", "linear")}


@pytest.mark.parametrize("name", ["fused", "voice", "face", "linear"])
def test_learns_what_was_planted_and_knows_it_of_a_stranger(trained, stranger, name):
    """In each state that it can be in: a fused model survives without either modality."""
    for state in states_of(name):
        clips = held_out_clips(*stranger, state)
        assert accuracy(predict(trained[name], clips), clips.label) > 0.85, state


def test_two_opinions_averaged_know_it_too(trained, stranger):
    late = fuse_late(trained["voice"], trained["face"])
    for state in states_of("late-fusion"):
        clips = held_out_clips(*stranger, state)
        assert accuracy(predict(late, clips), clips.label) > 0.85, state


def test_late_fusion_is_made_of_its_two_parts(trained, stranger):
    parts = [replace(trained["voice"], temperature=5.0, alone=(0.7, 5.0)), replace(trained["face"], temperature=5.0, alone=(5.0, 1.9))]
    late = fuse_late(*parts)
    both = held_out_clips(*stranger, "both")
    voice, face = (part.probabilities(held_out_clips(*stranger, part.name).vectors()) for part in parts)
    w = voice.max(axis=1, keepdims=True), face.max(axis=1, keepdims=True)
    assert_allclose(late.probabilities(both.vectors()), (w[0] * voice + w[1] * face) / (w[0] + w[1]), atol=1e-6)
    for state, part in (("voice", parts[0]), ("face", parts[1])):
        clips = held_out_clips(*stranger, state)
        assert_allclose(late.probabilities(clips.vectors()), part.probabilities(clips.vectors()), atol=1e-6)
    assert (late.name, late.architecture) == ("late-fusion", "late-fusion")
    assert late.info["recipe"] == trained["face"].info["recipe"] | trained["voice"].info["recipe"]


def test_linear_logits_are_the_sum_of_the_two_regressions(trained, known, stranger):
    """Up to a constant of each recording: naive Bayes over voice and face."""
    voices, faces = known
    voice, c = voice_regression(voices.mfcc[:, 0].astype(float), voices.label, voices.actor)
    face = face_expert(np.array([f[0].mean(axis=0) for f in faces.frames]), faces.label, faces.actor > 0)
    assert trained["linear"].info["chosen"] == {"voice_C": c}
    for state in ("both", "voice", "face"):
        clips = held_out_clips(*stranger, state)
        vectors = np.where(np.isnan(clips.vectors()), trained["linear"].mean, clips.vectors())
        wanted = voice.classifier.predict_log_proba(vectors[:, :40]) + face.classifier.predict_log_proba(vectors[:, 40:])
        found = trained["linear"].logits(clips.vectors())
        assert_allclose(log_softmax(found, axis=1), log_softmax(wanted, axis=1), atol=2e-3)


def test_a_classifier_of_one_modality_does_not_care_for_the_other(trained, stranger):
    clips = held_out_clips(*stranger, "both")
    for name, other in (("voice", slice(40, 552)), ("face", slice(0, 40))):
        vectors = clips.vectors()
        vectors[:, other] = 1000.0
        assert_allclose(trained[name].logits(vectors), trained[name].logits(clips.vectors()), atol=0)


def test_loss_falls_and_is_kept(trained):
    for name in ("fused", "voice", "face"):
        history = trained[name].info["history"]
        assert [row["epoch"] for row in history] == list(range(1, 7))
        assert history[-1]["loss"] < 0.8 * history[0]["loss"]
        assert trained[name].info["recipe"]["batch"] == 32
        assert not trained[name].classifier.training


def test_progress_is_told(known, pools):
    told = []
    model = train(*known, replace(QUICK, epochs=1, taught_epochs=2, epoch_size=64), on_epoch=lambda *row: told.append(row), pools=pools)
    assert [epoch for epoch, _ in told] == [1, 2]
    assert_allclose([loss for _, loss in told], [row["loss"] for row in model.info["history"]], atol=1e-4)


@pytest.mark.parametrize("name", ["fused", "voice"])
def test_same_seed_same_weights_other_seed_others(corpus, name):
    short = replace(QUICK, epochs=1, taught_epochs=1, epoch_size=64)
    trained, again, other = (train(*corpus, replace(short, seed=s), architecture=name).classifier.state_dict() for s in (0, 0, 1))
    for key, value in trained.items():
        assert (value == again[key]).all(), key
        if value.dim() > 1:
            assert (value != other[key]).any(), key


def test_pools_that_are_at_hand_give_the_same_weights(corpus):
    short = replace(QUICK, epochs=1, taught_epochs=1, epoch_size=64)
    made, given = train(*corpus, short), train(*corpus, short, pools=samples(*corpus, short))
    for a, b in zip(made.classifier.parameters(), given.classifier.parameters(), strict=True):
        assert (a == b).all()
    assert_allclose(made.reference, given.reference)


def test_every_architecture_survives_its_file(trained, stranger, tmp_path):
    models = [*trained.values(), fuse_late(replace(trained["voice"], temperature=0.6), trained["face"])]
    for model in models:
        scaled = replace(model, temperature=1.4)
        path = tmp_path / f"{model.name}.safetensors"
        save_model(scaled, path)
        again = read_model(path)
        clips = held_out_clips(*stranger, states_of(model.name)[0])
        assert_allclose(predict(again, clips), predict(model, clips) / 1.4, atol=1e-5)
        assert (again.architecture, again.info["recipe"]) == (model.architecture, model.info["recipe"])


def rows_of(batch: np.ndarray, table: np.ndarray) -> list[int]:
    """Which row of ``table`` each row of ``batch`` is."""
    found = [int(np.abs(table - row).max(axis=1).argmin()) for row in batch]
    assert_allclose(table[found], batch, atol=1e-4)
    return found


def test_batches_pair_missing_parts_and_targets(known):
    """What is drawn is found again in the pools; what is wanted follows from the labels of both."""
    recipe = replace(EXACT, batch=400, matched=0.5, voice_alone=0.3, face_alone=0.2)
    pools = samples(*known, recipe)
    x, wanted = (t.numpy() for t in Batches(pools, recipe, "fused")())
    deaf, blind = ~x[:, :40].any(axis=1), ~x[:, 40:].any(axis=1)
    assert not (deaf & blind).any()
    assert deaf.mean() == pytest.approx(0.2, abs=0.06)
    assert blind.mean() == pytest.approx(0.3, abs=0.07)
    spoken = (pools.heard.spoken - pools.mean[:40]) / pools.std[:40]
    i = np.array(rows_of(x[~deaf, :40], spoken.reshape(-1, 40))) // spoken.shape[1]
    j = np.array(rows_of(x[~blind, 40:], (pools.seen.vectors - pools.mean[40:]) / pools.std[40:]))
    heard, seen = np.full(400, -1), np.full(400, -1)
    heard[~deaf], seen[~blind] = pools.heard.labels[i], pools.seen.labels[j]
    both = ~deaf & ~blind
    assert (heard == seen)[both & (np.arange(400) < 200)].all()
    assert 0 < (heard == seen)[both & (np.arange(400) >= 200)].mean() < 0.4
    assert_allclose(wanted.sum(axis=1), 1, atol=1e-5)
    assert (wanted[blind].argmax(axis=1) == heard[blind]).all()
    assert_allclose(wanted[blind].max(axis=1), 1 - recipe.smoothing, atol=1e-6)
    expert = np.zeros((400, 8))
    expert[~blind] = pools.seen.expert[j]
    opinion = (1 - recipe.label_weight) * softmax(expert, axis=1) + recipe.label_weight * np.eye(8)[seen]
    assert_allclose(wanted[deaf], opinion[deaf], atol=1e-5)


def test_a_voice_alone_is_told_what_the_listener_makes_of_it(known):
    recipe = replace(EXACT, batch=200, overheard=0.6, voice_alone=0.5)
    pools = samples(*known, recipe)
    x, wanted = (t.numpy() for t in Batches(pools, recipe, "fused")())
    blind = ~x[:, 40:].any(axis=1)
    spoken = (pools.heard.spoken - pools.mean[:40]) / pools.std[:40]
    i = np.array(rows_of(x[blind, :40], spoken.reshape(-1, 40))) // spoken.shape[1]
    expected = 0.6 * pools.heard.opinions[i] + 0.4 * smooth(pools.heard.labels[i], recipe.smoothing)
    assert_allclose(wanted[blind], expected, atol=1e-5)
    _, without = Batches(pools, replace(recipe, overheard=0.0), "fused")()
    assert_allclose(wanted[~blind], without.numpy()[~blind], atol=1e-6)


def test_the_twin_of_a_face_is_the_whole_film_of_it_unaltered(known):
    recipe = replace(EXACT, batch=400, face_noise=0.3)
    pools = samples(*known, recipe)
    clean, x, _ = (t.numpy() for t in Batches(pools, recipe, "face").twins())
    table = [(part - pools.mean[40:]) / pools.std[40:] for part in (pools.seen.unaltered, pools.seen.vectors)]
    rows = [int(np.abs(table[1] - row).mean(axis=1).argmin()) for row in x[:, 40:]]  # found again under the noise
    assert_allclose(clean[:, 40:], table[0][rows], atol=1e-4)
    assert (x[:, 40:] - table[1][rows]).std() == pytest.approx(0.3, rel=0.05)


@pytest.mark.parametrize(("name", "missing"), [("voice", slice(40, 552)), ("face", slice(0, 40))])
def test_a_classifier_of_one_modality_is_shown_nothing_else(known, pools, name, missing):
    x, _ = Batches(pools, QUICK, name)()
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

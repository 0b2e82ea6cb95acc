"""Training: what it draws, what it learns from a planted signal, and that it repeats itself."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose

from models.dataset import Faces, Voices
from models.evaluation import accuracy, calibration_error, fit_temperature, held_out, real_pairs, softmax
from models.ravdess import Take
from models.teachers import balanced_weights, face_expert, voice_expert
from models.training import Recipe, face_pool, train, voice_pool

QUICK = Recipe(epochs=10, batch=16, face_draws=1, voice_variants=2)


@pytest.fixture(scope="module")
def corpus() -> tuple[Voices, Faces]:
    """Four actors whose emotion is written into MFCC 10 + label and into face feature 100 + label."""
    rng = np.random.default_rng(0)
    takes = [
        Take(a, f"{e:02d}", i, s, r, 1, "voice", None)
        for a in (1, 2, 3, 5)
        for e in range(1, 9)
        for i in (1, 2)
        for s in (1, 2)
        for r in (1, 2)
    ]
    from models.labels import label_index

    label = np.array([label_index(t.label) for t in takes])
    actor = np.array([t.actor for t in takes])
    statement = np.array([t.statement for t in takes])
    mfcc = rng.normal(size=(len(takes), 3, 40)).astype(np.float32)
    mfcc[np.arange(len(takes)), :, 10 + label] += 4
    voices = Voices(mfcc, label, actor, statement, takes)
    films = [k for k, t in enumerate(takes) if t.actor in (1, 5)]
    frames = []
    for k in films:
        f = np.abs(rng.normal(size=(2, 3, 512))).astype(np.float32)
        f[..., 100 + label[k]] += 4
        frames.append(f)
    filmed = [replace(takes[k], kind="video") for k in films]
    return voices, Faces(frames, label[films], actor[films], statement[films], filmed)


@pytest.fixture(scope="module")
def trained(corpus):
    return train(*corpus, QUICK)


def test_learns_both_modalities_and_survives_without_either(corpus, trained):
    voices, faces = corpus
    vectors, labels = real_pairs(voices, faces, 1)
    assert len(labels) == 64
    for hidden in (slice(0, 0), slice(0, 40), slice(40, 552)):
        partial = vectors.copy()
        partial[:, hidden] = np.nan
        assert accuracy(trained.logits(partial), labels) > 0.9


def test_loss_falls_and_is_kept(trained):
    history = trained.info["history"]
    assert [row["epoch"] for row in history] == list(range(1, 11))
    assert history[-1]["loss"] < 0.8 * history[0]["loss"]


def test_same_seed_same_weights_other_seed_others(corpus):
    short = replace(QUICK, epochs=1)
    trained, again, other = train(*corpus, short), train(*corpus, short), train(*corpus, replace(short, seed=1))
    for (name, a), b, c in zip(
        trained.classifier.state_dict().items(), again.classifier.state_dict().values(), other.classifier.state_dict().values(), strict=True
    ):
        assert (a == b).all(), name
        if a.dim() > 1:
            assert (a != c).any(), name


def test_held_out_actors_are_not_trained_on(corpus, monkeypatch):
    import models.evaluation

    seen = []

    def spy(voices, faces, recipe):
        seen.append((set(voices.actor.tolist()), set(faces.actor.tolist())))
        return train(voices, faces, recipe)

    monkeypatch.setattr(models.evaluation, "train", spy)
    scores, temperature = held_out(*corpus, QUICK, seeds=1)
    assert seen == [({2, 3, 5}, {5}), ({1, 2, 3}, {1})]
    assert set(scores["actors"]) == {"1", "5"}
    assert scores["actors"]["1"]["accuracy"]["both"] > 0.6
    assert 0.25 <= temperature <= 8


def test_gain_moves_mfcc_0_alone_and_spares_the_clean_one(corpus):
    voices, _ = corpus
    pool = voice_pool(voices, QUICK, np.random.default_rng(0))
    moved = pool.vectors.reshape(len(voices.label), 2, 40) - voices.mfcc[:, :2]
    assert not moved[:, 0].any()
    assert not moved[:, :, 1:].any()
    assert moved[:, 1, 0].std() == pytest.approx(QUICK.gain_db * np.sqrt(128), rel=0.2)


def test_face_pool_draws_means_of_frames(corpus):
    _, faces = corpus
    pool = face_pool(faces, replace(QUICK, face_draws=2), np.random.default_rng(0))
    assert len(pool.labels) == 4 * len(faces.label)
    low, high = faces.frames[0].min(axis=(0, 1)), faces.frames[0].max(axis=(0, 1))
    assert ((pool.vectors[:4] >= low - 1e-6) & (pool.vectors[:4] <= high + 1e-6)).all()
    assert pool.weights.sum() == pytest.approx(1)


def test_weights_balance_classes_and_photographs():
    labels = np.array([0, 0, 0, 1, 1, 2])
    filmed = np.array([True, False, False, True, True, False])
    weights = balanced_weights(labels, filmed, 0.2)
    for label in range(3):
        assert weights[labels == label].sum() == pytest.approx(1 / 3)
    assert_allclose(weights[:3] * 3, [0.8, 0.1, 0.1])


def test_an_expert_gives_next_to_nothing_to_an_emotion_it_never_met():
    rng = np.random.default_rng(0)
    labels = np.repeat([0, 3, 5], 20)
    voice = rng.normal(size=(60, 40)) + labels[:, None]
    p = np.exp(voice_expert(voice, labels, 0).log_probabilities(voice))
    assert p[:, [1, 2, 4, 6, 7]].max() < 1e-8
    assert (p.argmax(axis=1) == labels).mean() > 0.9
    face = np.abs(rng.normal(size=(60, 512))) + labels[:, None]
    p = face_expert(face, labels, np.ones(60, bool)).log_probabilities(face)
    assert (p.argmax(axis=1) == labels).mean() > 0.9


def test_calibration_error_by_hand():
    p = np.array([[0.9, 0.1], [0.9, 0.1], [0.4, 0.6], [0.35, 0.65]])
    labels = np.array([0, 1, 1, 1])
    # bin 0.9: half right, 0.4 off, half of the clips; bin 0.6: all right, 0.375 off, the other half
    assert calibration_error(p, labels) == pytest.approx(0.5 * 0.4 + 0.5 * 0.375)


def test_temperature_finds_the_planted_one():
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(20_000, 8)) * 2
    labels = np.array([rng.choice(8, p=p) for p in softmax(logits)])
    assert fit_temperature(3.0 * logits, labels) == pytest.approx(3.0, rel=0.05)


def test_real_pairs_are_of_one_performance(corpus):
    voices, faces = corpus
    vectors, labels = real_pairs(voices, faces, 5)
    first = next(k for k, t in enumerate(voices.takes) if t.actor == 5)
    assert_allclose(vectors[0, :40], voices.mfcc[first, 0], rtol=1e-6)
    assert_allclose(vectors[0, 40:], faces.frames[64][0].mean(axis=0), rtol=1e-5)
    assert (labels == faces.label[faces.actor == 5]).all()


def test_a_performance_that_was_filmed_twice_is_one_clip(corpus):
    voices, faces = corpus
    again = [replace(take, modality=2) for take in faces.takes]
    twice = Faces(faces.frames * 2, np.tile(faces.label, 2), np.tile(faces.actor, 2), np.tile(faces.statement, 2), [*faces.takes, *again])
    vectors, labels = real_pairs(voices, twice, 1)
    assert len(labels) == 64
    assert_allclose(vectors, real_pairs(voices, faces, 1)[0], rtol=1e-6)

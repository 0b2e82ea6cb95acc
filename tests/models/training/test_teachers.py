"""The expert for the face and the linear baseline, against scikit-learn used by hand."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.special import log_softmax
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from models.training.teachers import Expert, balanced_weights, face_expert, label_weights, linear_weights, voice_regression


def test_weights_balance_classes_and_photographs():
    labels = np.array([0, 0, 0, 1, 1, 2])
    filmed = np.array([True, False, False, True, True, False])
    weights = balanced_weights(labels, filmed, 0.2)
    for label in range(3):
        assert weights[labels == label].sum() == pytest.approx(1 / 3)
    assert_allclose(weights[:3] * 3, [0.8, 0.1, 0.1])


@pytest.mark.parametrize(("balance", "share"), [(0.0, 1 / 5), (0.5, 1 / 3), (1.0, 1 / 2)])
def test_a_rare_emotion_weighs_as_much_as_is_asked_for(balance, share):
    """A fifth of the recordings are of label 3; at half the balance two to one is left of four to one."""
    labels = np.array([3, 1, 1, 1, 1] * 20)
    weights = label_weights(labels, balance)
    assert weights.sum() == pytest.approx(1)
    assert weights[labels == 3].sum() == pytest.approx(share)
    assert len(np.unique(weights[labels == 1])) == 1


@pytest.fixture(params=[(0, 3, 5), (2, 6)])
def some(request) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Three labels, or two: scikit-learn keeps one row of weights for two classes."""
    rng = np.random.default_rng(0)
    labels = np.repeat(request.param, 30)
    x = 3 * rng.normal(size=(len(labels), 12)) + labels[:, None] * rng.normal(size=12) + 5
    return x, labels, rng.normal(size=12), rng.uniform(0.5, 2, 12)


def test_linear_weights_are_the_regression_itself(some):
    """Up to a constant of each recording, which no probability depends on."""
    x, labels, mean, std = some
    pipeline = make_pipeline(StandardScaler(), LogisticRegression(C=0.1)).fit(x, labels)
    weights, intercepts = linear_weights(Expert(pipeline), mean, std)
    logits = ((x - mean) / std) @ weights.T + intercepts
    known = np.unique(labels)
    assert_allclose(log_softmax(logits[:, known], axis=1), pipeline.predict_log_proba(x), atol=1e-9)


def test_an_emotion_it_never_met_gets_no_weights_and_the_lowest_intercept(some):
    x, labels, mean, std = some
    weights, intercepts = linear_weights(Expert(make_pipeline(StandardScaler(), LogisticRegression()).fit(x, labels)), mean, std)
    known = np.unique(labels)
    strange = np.setdiff1d(range(8), known)
    assert not weights[strange].any()
    assert_allclose(intercepts[strange], intercepts[known].min() - 5)


def test_an_expert_gives_next_to_nothing_to_an_emotion_it_never_met():
    rng = np.random.default_rng(0)
    labels = np.repeat([0, 3, 5], 20)
    face = np.abs(rng.normal(size=(60, 512))) + labels[:, None]
    p = np.exp(face_expert(face, labels, np.ones(60, bool)).log_probabilities(face))
    assert p[:, [1, 2, 4, 6, 7]].max() < 1e-8
    assert_allclose(p.sum(axis=1), 1, atol=1e-6)
    assert (p.argmax(axis=1) == labels).mean() > 0.9


def test_a_face_expert_believes_videos_more_than_photographs():
    """Photographs that say the opposite of the videos are outvoted, whichever of them are called videos."""
    rng = np.random.default_rng(0)
    labels = np.tile([1, 4], 40)
    filmed = np.arange(80) < 40
    faces = 0.3 * rng.normal(size=(80, 512))
    faces[:, :20] += np.where(filmed, 1, -1)[:, None] * (labels[:, None] - 2.5)
    bright = np.zeros((2, 512))
    bright[:, :20] = [[1.5], [-1.5]]
    assert face_expert(faces, labels, filmed).log_probabilities(bright).argmax(axis=1).tolist() == [4, 1]
    assert face_expert(faces, labels, ~filmed).log_probabilities(bright).argmax(axis=1).tolist() == [1, 4]


def test_the_penalty_is_the_one_that_is_best_on_unseen_actors():
    """Few recordings, many useless numbers: a strong penalty. A clean signal in all: a weak one, or any."""
    rng = np.random.default_rng(0)
    labels, actors = np.tile(np.arange(8), 12), np.repeat([1, 2, 3, 4], 24)
    noise = rng.normal(size=(96, 40))
    noise[np.arange(96), labels] += 1
    expert, c = voice_regression(noise, labels, actors)
    folds = {}
    for strength in (1e-3, 1e-2, 1e-1, 1.0):
        pipeline = make_pipeline(StandardScaler(), LogisticRegression(C=strength, max_iter=300))
        found = [pipeline.fit(noise[actors != a], labels[actors != a]).score(noise[actors == a], labels[actors == a]) for a in (1, 2, 3, 4)]
        folds[strength] = np.mean(found)
    assert folds[c] == max(folds.values())
    again = make_pipeline(StandardScaler(), LogisticRegression(C=c, max_iter=300)).fit(noise, labels)
    assert_allclose(expert.log_probabilities(noise), np.log(np.clip(again.predict_proba(noise), 1e-9, 1)), atol=1e-6)


def test_one_actor_alone_is_enough_for_a_regression():
    rng = np.random.default_rng(0)
    labels = np.tile([0, 7], 20)
    voice = rng.normal(size=(40, 40)) + labels[:, None]
    expert, c = voice_regression(voice, labels, np.ones(40, int))
    assert c > 0
    assert (expert.log_probabilities(voice).argmax(axis=1) == labels).all()

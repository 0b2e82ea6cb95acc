"""Scores against scikit-learn, calibration against a plain loop, and intervals whose width is known beforehand."""

import json

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.metrics import accuracy_score, balanced_accuracy_score, confusion_matrix, f1_score, log_loss, precision_recall_fscore_support

from models.evaluation.intervals import share_of
from models.evaluation.metrics import (
    BINS,
    accuracy,
    calibration_by_chance,
    calibration_curve,
    calibration_error,
    confusion,
    fit_temperature,
    from_confusion,
    scores,
    softmax,
)
from models.labels import LABELS


def guesses(n: int, seed: int = 0, sharpness: float = 2.0) -> tuple[np.ndarray, np.ndarray]:
    """Logits, and labels drawn from their probabilities: perfectly calibrated."""
    rng = np.random.default_rng(seed)
    logits = sharpness * rng.normal(size=(n, 8))
    labels = (softmax(logits).cumsum(axis=1) < rng.random((n, 1))).sum(axis=1)
    return logits, labels


@pytest.mark.filterwarnings("ignore:y_pred contains classes")
@pytest.mark.parametrize("shown", [range(8), (0, 2, 3, 5), (4,)])
def test_equals_scikit_learn(shown):
    """With all classes, with some that nobody portrays, and with one; some classes are never named."""
    rng = np.random.default_rng(1)
    labels = rng.choice(shown, 200)
    predicted = np.where(rng.random(200) < 0.4, labels, rng.choice([0, 1, 2, 3, 4, 7], 200))
    matrix = confusion(predicted, labels)
    assert_allclose(matrix, confusion_matrix(labels, predicted, labels=range(8)))
    ours = from_confusion(matrix)
    assert ours["accuracy"] == pytest.approx(accuracy_score(labels, predicted))
    assert ours["uar"] == pytest.approx(balanced_accuracy_score(labels, predicted))
    there = np.unique(labels)
    assert ours["macro_f1"] == pytest.approx(f1_score(labels, predicted, labels=there, average="macro", zero_division=0))
    theirs = precision_recall_fscore_support(labels, predicted, labels=range(8), zero_division=0)
    for name, expected in zip(("precision", "recall", "f1"), theirs[:3], strict=True):
        assert_allclose(ours[name][there], expected[there], err_msg=name)
    absent = np.setdiff1d(range(8), there)
    assert np.isnan(ours["recall"][absent]).all()
    assert np.isnan(ours["f1"][absent]).all()


def test_many_confusions_at_once():
    rng = np.random.default_rng(2)
    some = rng.integers(0, 9, (3, 4, 8, 8))
    together = from_confusion(some)
    for i, j in np.ndindex(3, 4):
        for name, values in from_confusion(some[i, j]).items():
            assert_allclose(together[name][i, j], values)


def test_rows_of_a_confusion_are_the_truth():
    matrix = confusion(np.array([1, 1, 2]), np.array([0, 0, 2]))
    assert matrix[0, 1] == 2
    assert matrix[2, 2] == 1
    assert matrix.sum() == 3


def test_accuracy():
    assert accuracy(np.eye(8)[[0, 1, 2, 3]], np.array([0, 1, 2, 4])) == 0.75


def test_calibration_error_by_hand():
    p = np.array([[0.9, 0.1], [0.9, 0.1], [0.4, 0.6], [0.35, 0.65]])
    labels = np.array([0, 1, 1, 1])
    # bin 0.9: half right, 0.4 off, half of the clips; bin 0.6: all right, 0.375 off, the other half
    assert calibration_error(p, labels) == pytest.approx(0.5 * 0.4 + 0.5 * 0.375)
    assert calibration_error(np.array([[1.0, 0.0]]), np.array([0])) == 0
    assert calibration_error(np.array([[1.0, 0.0]]), np.array([1])) == 1


@pytest.mark.parametrize("bins", [5, 10, 15])
def test_calibration_error_equals_a_loop_over_the_bins(bins):
    logits, labels = guesses(700)
    p = softmax(1.7 * logits)
    total = 0.0
    for k in range(bins):
        inside = [i for i in range(len(p)) if k / bins <= p[i].max() < (k + 1) / bins]
        if inside:
            confidence = np.mean([p[i].max() for i in inside])
            right = np.mean([p[i].argmax() == labels[i] for i in inside])
            total += len(inside) / len(p) * abs(right - confidence)
    assert calibration_error(p, labels, bins) == pytest.approx(total)


def test_the_curve_adds_up_to_the_error():
    logits, labels = guesses(900)
    p = softmax(2 * logits)
    curve = calibration_curve(p, labels)
    assert sum(row["clips"] for row in curve) == 900
    assert [row["confidence"] for row in curve] == sorted(row["confidence"] for row in curve)
    error = sum(row["clips"] * abs(row["confidence"] - row["accuracy"]) for row in curve) / 900
    assert error == pytest.approx(calibration_error(p, labels), abs=1e-4)


@pytest.mark.parametrize("sharpness", [0.5, 2.0])
def test_the_floor_of_the_calibration_error_is_the_analytic_one(sharpness):
    """Σ (right − p) over a bin has variance Σ p (1 − p); the mean of a folded normal is √(2/π) of its deviation."""
    logits, _ = guesses(6000, sharpness=sharpness)
    p = softmax(logits)
    sure = p.max(axis=1)
    place = np.floor(sure * BINS).astype(int)
    expected = sum(np.sqrt(2 / np.pi * (sure[place == b] * (1 - sure[place == b])).sum()) for b in range(BINS)) / len(sure)
    found = calibration_by_chance(p)
    assert found.mean() == pytest.approx(expected, rel=0.06)
    assert calibration_by_chance(p[:60]).mean() > 5 * expected
    assert (calibration_by_chance(p) == found).all()


def test_a_calibrated_model_scores_its_floor_and_an_overconfident_one_does_not():
    found = []
    for seed in range(20):
        logits, labels = guesses(500, seed)
        found.append(calibration_error(softmax(logits), labels))
        assert calibration_error(softmax(3 * logits), labels) > 3 * calibration_by_chance(softmax(3 * logits)).mean()
    chance = calibration_by_chance(softmax(guesses(500)[0]))
    assert np.mean(found) == pytest.approx(chance.mean(), rel=0.15)
    assert np.mean(found > np.quantile(chance, 0.95)) <= 0.15


def test_temperature_finds_the_planted_one():
    logits, labels = guesses(20_000)
    assert fit_temperature(3.0 * logits, labels) == pytest.approx(3.0, rel=0.05)
    assert fit_temperature(0.5 * logits, labels) == pytest.approx(0.5, rel=0.05)


def test_no_other_temperature_is_more_likely():
    logits, labels = guesses(400, 3)
    best = fit_temperature(2 * logits, labels)
    loss = [log_loss(labels, softmax(2 * logits / t), labels=range(8)) for t in (best, 0.9 * best, 1.1 * best, 1.0)]
    assert loss[0] == min(loss)
    assert fit_temperature(2 * logits + 100, labels) == best


def test_temperature_stays_within_reason():
    logits, _ = guesses(300)
    assert fit_temperature(logits, logits.argmax(axis=1)) == pytest.approx(0.25)
    assert fit_temperature(logits, logits.argmin(axis=1)) == pytest.approx(8)


@pytest.fixture(scope="module")
def scored():
    rng = np.random.default_rng(4)
    logits, labels = guesses(360, 4)
    actors = rng.permutation(np.repeat([1, 2, 3, 7, 12, 24], 60))
    return scores(logits, logits / 2.5, labels, actors), logits, labels, actors


def test_scores_are_those_of_scikit_learn(scored):
    s, logits, labels, _ = scored
    predicted = logits.argmax(axis=1)
    assert list(s)[:3] == ["accuracy", "uar", "macro_f1"]
    assert s["accuracy"]["value"] == pytest.approx(accuracy_score(labels, predicted), abs=1e-4)
    assert s["uar"]["value"] == pytest.approx(balanced_accuracy_score(labels, predicted), abs=1e-4)
    assert s["macro_f1"]["value"] == pytest.approx(f1_score(labels, predicted, average="macro"), abs=1e-4)
    precision, recall, f1, clips = precision_recall_fscore_support(labels, predicted, labels=range(8))
    for k, label in enumerate(LABELS):
        row = s["per_class"][label]
        found = [row["precision"]["value"], row["recall"]["value"], row["f1"]["value"], row["clips"]]
        assert_allclose(found, [precision[k], recall[k], f1[k], clips[k]], atol=1e-4)
    assert s["confusion"] == confusion_matrix(labels, predicted).tolist()
    assert (s["clips"], s["actors"]) == (360, 6)


def test_calibration_before_and_after_scaling(scored):
    s, logits, labels, _ = scored
    assert s["calibration"]["before"]["value"] == pytest.approx(calibration_error(softmax(logits), labels), abs=1e-4)
    assert s["calibration"]["after"]["value"] == pytest.approx(calibration_error(softmax(logits / 2.5), labels), abs=1e-4)
    chance = calibration_by_chance(softmax(logits / 2.5))
    assert s["calibration"]["by_chance"] == pytest.approx(chance.mean(), abs=1e-4)
    assert s["calibration"]["by_chance_at_most"] == pytest.approx(np.quantile(chance, 0.95), abs=1e-4)
    assert s["calibration"]["curve"] == calibration_curve(softmax(logits / 2.5), labels)


def test_every_actor_and_sex_has_its_share(scored):
    s, logits, labels, actors = scored
    right, sure = logits.argmax(axis=1) == labels, softmax(logits / 2.5).max(axis=1)

    def share(of: np.ndarray) -> dict:
        shown = share_of(right[of].astype(float), actors[of])
        assert shown["low"] < shown["value"] == round(right[of].mean(), 4) < shown["high"]
        return {"accuracy": shown, "confidence": pytest.approx(sure[of].mean(), abs=1e-4), "clips": of.sum()}

    assert list(s["per_actor"]) == ["01", "02", "03", "07", "12", "24"]
    for name, row in s["per_actor"].items():
        assert row == share(actors == int(name))
    assert s["per_sex"] == {"male": share(np.isin(actors, (1, 3, 7))), "female": share(np.isin(actors, (2, 12, 24)))}


def test_intervals_are_of_people_not_of_clips():
    """Half of ten people are always understood: with others it might have been a fifth of them, or most."""
    labels, actors = np.tile(np.arange(8), 100), np.repeat(np.arange(1, 20, 2), 80)
    logits = np.eye(8)[np.where(actors % 4 == 1, labels, (labels + 1) % 8)] * 5
    s = scores(logits, logits, labels, actors)
    for triple in (s["accuracy"], s["uar"], s["per_class"]["sad"]["recall"], s["per_sex"]["male"]["accuracy"]):
        assert [triple[key] for key in ("value", "low", "high")] == pytest.approx([0.5, 0.2, 0.8], abs=0.06)


def test_intervals_hold_their_values(scored):
    s, *_ = scored
    for triple in (s["accuracy"], s["uar"], s["macro_f1"], *(row[k] for row in s["per_class"].values() for k in ("recall", "f1"))):
        assert triple["low"] < triple["value"] < triple["high"]


@pytest.mark.filterwarnings("ignore:All-NaN slice")
def test_an_emotion_that_nobody_portrays_is_null_and_the_rest_is_json():
    logits, labels = guesses(80)
    labels = labels % 4
    s = scores(logits, logits, labels, np.repeat([1, 3], 40))
    assert s["per_class"]["surprised"]["recall"] == {"value": None, "low": None, "high": None}
    assert s["per_class"]["surprised"]["clips"] == 0
    assert s["per_sex"]["female"] is None
    assert json.loads(json.dumps(s, allow_nan=False)) == s


def test_people_are_judged_by_all_trainings_and_count_once():
    """Two trainings that do not agree: a clip is half right, and an interval is over the women, not over their clips."""
    (first, labels), (second, _) = guesses(480, 5), guesses(480, 6)
    actors = np.random.default_rng(7).permutation(np.repeat(np.arange(1, 13), 40))
    logits = np.concatenate([first, second])
    s = scores(logits, logits, np.tile(labels, 2), np.tile(actors, 2), seeds=2)
    right = np.mean([first.argmax(axis=1) == labels, second.argmax(axis=1) == labels], axis=0)
    for row, of in ((s["per_sex"]["female"], actors % 2 == 0), (s["per_actor"]["03"], actors == 3)):
        assert row["accuracy"] == share_of(right[of], actors[of])
        assert row["clips"] == of.sum()
    women = actors % 2 == 0
    assert s["per_sex"]["female"]["accuracy"] != share_of(right[women], np.zeros(women.sum()))  # as if they were one person


def test_clips_count_once_however_often_they_were_judged():
    """The same predictions by three trainings: every figure and interval is that of one, not a third as wide."""
    logits, labels = guesses(400)
    actors = np.repeat([1, 2], 200)
    one = scores(logits, logits / 1.3, labels, actors)
    three = scores(np.tile(logits, (3, 1)), np.tile(logits / 1.3, (3, 1)), np.tile(labels, 3), np.tile(actors, 3), seeds=3)
    for result in (one, three):  # these show every judgement
        del result["confusion"], result["calibration"]["curve"]
    assert three == one


def test_what_nobody_portrayed_has_no_scores():
    matrix = np.zeros((8, 8), int)
    matrix[0, 0], matrix[0, 1] = 3, 2
    found = from_confusion(matrix)
    assert found["precision"][0] == 1
    assert np.isnan([found[name][1] for name in ("precision", "recall", "f1")]).all()

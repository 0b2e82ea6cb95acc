"""What is said of a model's record is what was measured on people who were not in its training."""

import numpy as np
import pytest
from scipy.special import softmax
from scipy.stats import binomtest

from models.evaluation import track_record
from models.evaluation.calibration import temperatures
from models.evaluation.predictions import read_predictions
from models.evaluation.protocols import PROTOCOLS
from models.evaluation.track_record import (
    PROTOCOL,
    Bin,
    accuracy_of,
    confusions,
    how_often,
    how_often_when_sure,
    mistakes,
    most_accurate,
    reliability,
    speaker_independent_scores,
    times_in_ten,
    usual_mistakes,
)
from models.labels import LABELS
from models.registry import MODELS, STATES, read_result, result_path


def test_the_protocol_is_speaker_independent():
    assert PROTOCOLS[PROTOCOL].speaker_independent


@pytest.mark.parametrize(
    ("low", "high", "words"), [(0.43, 0.61, "4 to 6 times in 10"), (0.58, 0.62, "6 times in 10"), (0.0, 1.0, "0 to 10 times in 10")]
)
def test_an_interval_in_words(low, high, words):
    assert times_in_ten({"low": low, "high": high}) == words


def confusion(**counts: int) -> np.ndarray:
    """Of clips that were called happy."""
    matrix = np.full((8, 8), 99)
    matrix[:, LABELS.index("happy")] = [counts.get(label, 0) for label in LABELS]
    return matrix


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ({"happy": 10, "surprised": 6, "angry": 4}, [("surprised", 0.3), ("angry", 0.2)]),
        ({"happy": 2, "surprised": 3, "angry": 5}, [("angry", 0.5), ("surprised", 0.3)]),
        ({"happy": 14, "calm": 3, "sad": 2, "angry": 1}, [("calm", 0.15), ("sad", 0.1)]),
        ({"angry": 4, "calm": 3, "sad": 3, "disgust": 3}, [("angry", 4 / 13), ("calm", 3 / 13)]),
        ({"happy": 19, "calm": 1}, []),
        ({"happy": 20}, []),
        ({"happy": 5, "calm": 4}, []),  # too few to tell
        ({}, []),
    ],
)
def test_the_most_frequent_mistakes(counts, expected):
    found = mistakes(confusion(**counts), LABELS.index("happy"))
    assert [(m.named, m.portrayed, m.clips) for m in found] == [("happy", label, sum(counts.values())) for label, _ in expected]
    assert [m.share for m in found] == pytest.approx([share for _, share in expected])


def held_out(name: str, state: str) -> tuple[np.ndarray, np.ndarray]:
    """Calibrated probabilities (n, 8) and labels (n,) of all held-out clips, from the kept predictions."""
    found, _ = read_predictions(result_path(PROTOCOL, name).with_suffix(".npz"))
    scale = temperatures(found)
    clean = [p for p in found if p.state == state and p.corruption is None]
    scaled = [softmax(p.logits / scale[p.model, p.state, p.split], axis=1) for p in clean]
    return np.concatenate(scaled), np.concatenate([p.label for p in clean])


@pytest.mark.parametrize(("name", "state"), [("fused", "both"), ("fused", "voice"), ("voice", "voice"), ("av-tokens", "face")])
def test_a_bin_counts_the_held_out_clips_that_were_as_sure(name, state):
    """The same from the predictions of each clip, for a confidence in every bin and at its lower end."""
    probabilities, labels = held_out(name, state)
    sure, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == labels
    total = 0
    for k in range(10):
        inside = (sure >= k / 10) & (sure < (k + 1) / 10)
        for confidence in (k / 10, k / 10 + 0.03, k / 10 + 0.099):
            found = reliability(name, state, confidence)
            assert (found.low, found.high) == pytest.approx((k / 10, (k + 1) / 10))
            assert (found.count, found.right) == (inside.sum(), right[inside].sum())
        total += found.count
    assert total == len(labels)
    assert reliability(name, state, 1.0) == reliability(name, state, 0.95)


def test_the_interval_of_a_bin_is_wilsons():
    low, high = Bin(0.6, 0.7, 41, 25).interval
    assert (low, high) == pytest.approx(proportion_ci(25, 41), abs=1e-6)
    assert Bin(0.1, 0.2, 0, 0).interval == (0.0, 1.0)


def proportion_ci(right: int, count: int) -> tuple[float, float]:
    return tuple(binomtest(right, count).proportion_ci(method="wilson"))


@pytest.mark.parametrize(
    ("clips", "accuracy", "words"),
    [
        (41, 25 / 41, "Of 41 clips of unseen actors about which it was this sure (60–70 %), it was right about 25 (61 %)."),
        (9, 1.0, "It was this sure (60–70 %) about 9 clips of unseen actors: too few to tell how often it is right then."),
        (1, 1.0, "It was this sure (60–70 %) about 1 clip of unseen actors: too few to tell how often it is right then."),
    ],
)
def test_a_share_is_told_of_ten_clips_or_more(monkeypatch, clips, accuracy, words):
    curve = [{"confidence": 0.55, "accuracy": 0.5, "clips": 99}, {"confidence": 0.64, "accuracy": round(accuracy, 4), "clips": clips}]
    monkeypatch.setattr(track_record, "speaker_independent_scores", lambda *_: {"calibration": {"curve": curve}})
    assert how_often_when_sure("fused", "both", 0.61) == words
    assert "about no clips" in how_often_when_sure("fused", "both", 0.99)


@pytest.mark.parametrize("name", MODELS)
def test_words_for_every_model_and_state(name):
    for state, scores in read_result(PROTOCOL, name)["states"].items():
        assert speaker_independent_scores(name, state) == scores
        shown = {"both": "voice and face", "voice": "a voice alone", "face": "a face alone"}[state]
        for k, label in enumerate(LABELS):
            said = f"{how_often(name, state)} {usual_mistakes(name, state, k)}"
            assert f"On {scores['actors']} actors who were not in its training it was right {times_in_ten(scores['accuracy'])} " in said
            assert f"with {shown}." in said
            assert (f"When it says {label}, " in said) == bool(confusions(name, state, k))
            for mistake in confusions(name, state, k):
                row = scores["confusion"][LABELS.index(mistake.portrayed)][k]
                assert f"{100 * row / mistake.clips:.0f} %" in said
                assert f" as {mistake.portrayed}" in said
            assert how_often_when_sure(name, state, 0.55)


@pytest.mark.parametrize(("name", "state"), [("nobody", "both"), ("voice", "face")])
def test_what_was_not_measured_is_said(name, state):
    assert how_often(name, state) == "How often this model is right was not measured."
    assert how_often_when_sure(name, state, 0.7) == usual_mistakes(name, state, 0) == ""
    assert reliability(name, state, 0.7) is None
    assert confusions(name, state, 0) == []


@pytest.mark.parametrize("state", STATES)
def test_no_model_is_more_accurate_by_more_than_a_standard_error(state):
    measured = {name: read_result(PROTOCOL, name)["states"] for name in MODELS}
    shares = {name: states[state]["accuracy"]["value"] for name, states in measured.items() if state in states}
    clips = measured["fused"][state]["clips"]
    best = most_accurate(state)
    top = max(shares.values())
    assert shares[best] >= top - (top * (1 - top) / clips) ** 0.5
    assert most_accurate(state, {best}) not in (None, best)


def test_of_voices_it_is_the_most_accurate_itself():
    """1,440 clips say which of two is better."""
    shares = {name: accuracy_of(name, "voice") or 0.0 for name in MODELS}
    assert most_accurate("voice") == max(shares, key=shares.__getitem__)


def test_of_what_few_clips_cannot_order_it_is_the_best_over_all_states(monkeypatch):
    """0.74 and 0.75 of 112 clips are the same; 0.60 is less."""
    kept = {"fused": (0.75, 0.4), "av-tokens": (0.74, 0.6), "late-fusion": (0.60, 0.9)}
    scores = {
        (name, state): {"accuracy": {"value": both if state == "both" else other}, "clips": 112}
        for name, (both, other) in kept.items()
        for state in STATES
    }
    monkeypatch.setattr(track_record, "speaker_independent_scores", lambda name, state: scores.get((name, state)))
    assert most_accurate("both") == "av-tokens"
    assert most_accurate("both", {"av-tokens"}) == "fused"


def test_equals_unmeasured_models_and_nobody(monkeypatch):
    kept = {"fused": 0.5, "linear": 0.5, "late-fusion": 0.4, "face": 0.9}
    scores = {name: {"accuracy": {"value": share}, "clips": 1000} for name, share in kept.items()}
    monkeypatch.setattr(track_record, "speaker_independent_scores", lambda name, state: scores.get(name))
    assert most_accurate("both") == "fused"  # the first of equals; the face alone does not read both
    assert most_accurate("both", {"fused"}) == "linear"
    assert most_accurate("voice", {"fused", "linear"}) == "late-fusion"
    assert most_accurate("voice", MODELS) is None
    assert accuracy_of("av-tokens", "both") is None

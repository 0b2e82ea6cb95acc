"""What is said of a model's record is what was measured on people who were not in its training."""

import numpy as np
import pytest

from models.evaluation.protocols import PROTOCOLS
from models.evaluation.track_record import PROTOCOL, in_words, speaker_independent_scores, times_in_ten, usual_mistake
from models.labels import LABELS
from models.registry import MODELS, read_result


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
    ("counts", "portrayed", "share"),
    [
        ({"happy": 10, "surprised": 6, "angry": 4}, "surprised", 0.3),
        ({"happy": 2, "surprised": 3, "angry": 5}, "angry", 0.5),
        ({"happy": 17, "calm": 3}, "calm", 0.15),
    ],
)
def test_the_most_frequent_mistake(counts, portrayed, share):
    found = usual_mistake(confusion(**counts), LABELS.index("happy"))
    assert (found.named, found.portrayed) == ("happy", portrayed)
    assert found.share == pytest.approx(share)


@pytest.mark.parametrize("counts", [{"happy": 18, "calm": 2}, {"happy": 20}, {}])
def test_a_rare_mistake_is_none(counts):
    assert usual_mistake(confusion(**counts), LABELS.index("happy")) is None


@pytest.mark.parametrize("name", MODELS)
def test_words_for_every_model_and_state(name):
    for state, scores in read_result(PROTOCOL, name)["states"].items():
        assert speaker_independent_scores(name, state) == scores
        shown = {"both": "voice and face", "voice": "a voice alone", "face": "a face alone"}[state]
        for k, label in enumerate(LABELS):
            said = in_words(name, state, k)
            assert f"On {scores['actors']} actors who were not in its training it was right {times_in_ten(scores['accuracy'])} " in said
            assert f"with {shown}." in said
            assert (f"When it said {label} there" in said) == (usual_mistake(scores["confusion"], k) is not None)


@pytest.mark.parametrize(("name", "state"), [("nobody", "both"), ("voice", "face")])
def test_what_was_not_measured_is_said(name, state):
    assert in_words(name, state, 0) == "How often this model is right was not measured."

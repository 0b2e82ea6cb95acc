"""What stands beside a model is read as it is meant, or refused with what to do."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from features import Modality
from models.evaluation.metrics import softmax
from models.foreign.sidecar import ABSENT, read_sidecar
from models.labels import LABELS
from models.networks import ModelError
from tests.models.foreign.onnx_files import NAMED, sidecar


def said(**changes):
    given_ = {"input": "faces", "output": "logits", "labels": NAMED, **changes}
    return read_sidecar(json.dumps({key: value for key, value in given_.items() if value is not ...}).encode(), "mine.json")


@given(st.integers(0, 10**6), st.sampled_from(["logits", "probabilities"]))
def test_what_is_left_keeps_its_odds_and_what_is_dropped_is_shared_out(seed, kind):
    own = softmax(3 * np.random.default_rng(seed).normal(size=(4, 5)))
    labels = {"a": "sad", "b": None, "c": "calm", "d": "sad", "e": "happy"}
    found = softmax(said(labels=labels, output=kind).logits(np.log(own) if kind == "logits" else own))
    sad, calm, happy = own[:, 0] + own[:, 3], own[:, 2], own[:, 4]
    wanted = np.zeros((4, 8))
    for label, part in (("sad", sad), ("calm", calm), ("happy", happy)):
        wanted[:, LABELS.index(label)] = part / (sad + calm + happy)
    assert_allclose(found, wanted, atol=1e-5)
    assert_array_equal(found[:, LABELS.index("angry")], 0)


def test_a_logit_stays_what_it_is_and_an_impossible_one_is_finite():
    values = np.array([[-3.5, 2.25, 100.0]])
    found = said().logits(values)
    assert found[0, LABELS.index("angry")] == -3.5
    assert found[0, LABELS.index("happy")] == 2.25
    assert (np.delete(found[0], [LABELS.index("angry"), LABELS.index("happy")]) == ABSENT).all()
    assert np.isfinite(said(output="probabilities").logits(np.array([[0.0, 1.0, 0.0]]))).all()


def test_a_reader_is_told_what_it_cannot_name():
    first, second = said().notes
    assert first == "This model cannot name calm, disgust, fearful, neutral, sad or surprised: it has no output for them."
    assert second == "What this model gives to awe is shared out among the emotions that are shown."
    assert said(labels={label: label for label in LABELS}).notes == ()
    everything_but = {label: label for label in LABELS if label != "calm"}
    assert said(labels=everything_but).notes == ("This model cannot name calm: it has no output for it.",)


def test_a_description_is_that_of_a_model():
    found = said(title="  My\n model ", input="samples").description
    assert (found.title, found.modalities, found.states) == ("My model", (Modality.AUDIO,), ("voice",))
    assert said(title=...).description.title == "mine"
    assert said(input="features").description.states == ("both", "voice", "face")


def test_numbers_are_one_for_all_or_one_each():
    assert_array_equal(said(input="features", missing=0.5).missing, np.full(552, 0.5))
    assert_array_equal(said(input="features", mean=list(range(552)), std=2).mean, np.arange(552))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"input": ...}, r'"input" is missing or not known; choose one of features, samples, faces'),
        ({"input": "text"}, r'"input" is missing or not known'),
        ({"input": ["faces"]}, r'"input" is missing or not known'),
        ({"output": "scores"}, r'"output" is missing or not known; choose one of logits, probabilities'),
        ({"labels": ...}, r'"labels" does not say'),
        ({"labels": ["angry", "happy"]}, r'"labels" does not say'),
        ({"labels": {"anger": "furious", "joy": "happy"}}, r"'furious' is not among the emotions that are shown; choose of angry, calm"),
        ({"labels": {"anger": ["angry"], "joy": "happy"}}, r"is not among the emotions"),
        ({"labels": {"anger": "angry", "rage": "angry", "joy": None}}, r"fewer than two emotions"),
        ({"missing": [1.0, 2.0]}, r'"missing" is not a number or a list of 552'),
        ({"missing": "a"}, r'"missing" is not a number'),
        ({"mean": 0.0}, r'"mean" and "std" belong together'),
        ({"mean": 0.0, "std": 0.0}, r"no deviation may be 0"),
        ({"title": 3}, r'"title" is no text'),
        ({"label": {}}, r"'label' is no key of it; use input"),
        ({"kind": "huggingface"}, r'"kind" is .huggingface., but an ONNX file of that name lies beside it; leave "kind" out'),
    ],
)
def test_what_cannot_be_meant_is_refused_with_the_next_step(changes, words):
    with pytest.raises(ModelError, match=words) as refused:
        said(**changes)
    assert str(refused.value).startswith("mine.json: ")
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    "text",
    [b"", b"[]", b"{", b"\xff", b"[" * 100_000, b'{"a": 1' + b" " * 300_000 + b"}"],
    ids=["empty", "list", "half", "binary", "deep", "long"],
)
def test_what_is_no_json_object_is_refused(text):
    with pytest.raises(ModelError, match=r"no JSON object|is empty|is not UTF-8"):
        read_sidecar(text, "mine.json")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            b'{\n "input": "faces"\n "output": "logits"\n}',
            r"line 3, column 2 on \(Expecting ',' delimiter\); mend that, or begin from the example in",
        ),
        (b"", r"it is empty; begin from the example in CONTRIBUTING\.md, or on the page"),
        (b'{"title": "M\xe4rz"}', r"byte 13 is not UTF-8; save it as UTF-8\."),
    ],
)
def test_the_place_and_the_reason_are_said(text, words):
    with pytest.raises(ModelError, match=words) as refused:
        read_sidecar(text, "mine.json")
    assert "\n" not in str(refused.value)


def test_the_mark_that_windows_puts_first_is_read_over():
    assert read_sidecar(b"\xef\xbb\xbf" + sidecar("faces"), "mine.json").input == "faces"


def test_a_name_that_stands_there_twice_is_refused():
    text = sidecar("faces").replace(b'"joy"', b'"anger"')
    with pytest.raises(ModelError, match="twice"):
        read_sidecar(text, "mine.json")

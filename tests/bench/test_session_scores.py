"""The scores of sessions, on ones that are right, and wrong by a known amount."""

from dataclasses import replace

import numpy as np
import pytest
from pyannote.core import Segment

from features.faces import Box
from models.labels import LABELS
from tests.bench.session_scores import boundaries, diarisation, matches, score
from tests.bench.sessions import table
from tests.sessions.truth import Portrayed, Shown, Truth, annotation
from xai.session.session import UNKNOWN, Frames, Moment, Recognised, Session

LEFT, RIGHT = Box(0, 0, 100, 100), Box(300, 0, 100, 100)
TURNS = [(1.0, 7.0, "01"), (8.0, 14.0, "05"), (15.0, 21.0, "01"), (20.0, 26.0, "05"), (27.0, 27.8, "01")]
SPOKEN = 6 + 6 + 6 + 6 + 0.8
TRUTH = Truth(
    30.0,
    {},
    annotation(TURNS),
    tuple(Portrayed(Segment(start, end), who, "happy" if who == "01" else "sad", f"{k}.wav") for k, (start, end, who) in enumerate(TURNS)),
    tuple(Shown(k / 5, who, box) for k in range(150) for who, box in (("01", LEFT), ("05", RIGHT))),
    (),
    (),
    {"01": "01", "05": "05"},
)
KEYS = {"01": "A", "05": "B"}


def recognised(label):
    return Recognised("m", np.eye(8)[LABELS.index(label)])


def session(turns=None, people=None, tracks=None, boxes=(LEFT, RIGHT), moments=None, every=1.0):
    """By default all is as it is; frames are of every second, left and right."""
    turns = [(start, end, KEYS[who]) for start, end, who in TURNS] if turns is None else turns
    times = np.repeat(np.arange(0, 30, every), 2)
    frames = Frames(
        times,
        tuple(people or ["A", "B"] * (len(times) // 2)),
        np.array(tracks if tracks is not None else [0, 1] * (len(times) // 2)),
        np.array(list(boxes) * (len(times) // 2), np.float32),
        ("",) * len(times),
        np.zeros(len(times), np.float32),
        np.zeros((len(times), 8), np.float32),
    )
    if moments is None:
        moments = [Moment(s, e, KEYS[who], True, recognised("happy" if who == "01" else "sad")) for s, e, who in TURNS]
    return Session("s", "", 30.0, (), annotation(turns), annotation([]), tuple(moments), frames)


def test_what_is_read_rightly_has_no_errors():
    found = score(session(), TRUTH)
    assert [found[name] for name in ("DER", "missed", "false alarm", "confusion", "unknown", "voice to face wrong")] == [0.0] * 6
    right = ("boundary precision", "boundary recall", "track purity", "person purity", "person coverage", "faces found", "voice to face")
    assert [found[name] for name in right] == pytest.approx([1.0] * 7)
    assert (found["voice"], found["best"], found["moments judged"]) == (1.0, 1.0, 1.0)
    assert np.isnan(found["face"])
    assert np.isnan(found["unknown rightly"])


def test_the_collar_lies_to_either_side():
    """A boundary that is 0.24 s off costs nothing, one that is 0.35 s off the 0.1 s beyond the collar."""
    alone = replace(TRUTH, speech=annotation([(5.0, 15.0, "01")]))
    assert diarisation(annotation([(4.76, 15.24, "A")]), alone)["DER"] == pytest.approx(0)
    late = diarisation(annotation([(5.35, 15.0, "A")]), alone)
    assert late["missed"] == pytest.approx(0.1 / 9.5)
    assert late["DER"] == late["missed"]


def test_errors_have_their_kind():
    scored = 5.5 + 5.5 + 4.5 + 0.5 * 2 + 4.5 + 0.3  # seconds between the collars; the overlap counts twice
    turns = [(start, end, KEYS[who]) for start, end, who in TURNS]
    confused = diarisation(annotation([*turns[:1], (8.0, 14.0, "A"), *turns[2:]]), TRUTH)
    assert confused["confusion"] == pytest.approx(5.5 / scored)
    assert confused["missed"] == 0
    nobody = diarisation(annotation([*turns[:1], (8.0, 14.0, UNKNOWN), *turns[2:]]), TRUTH)
    assert nobody["missed"] == confused["confusion"] > 0
    assert nobody["confusion"] == nobody["false alarm"] == 0


def test_a_cut_at_a_jump_of_the_head_is_neither_right_nor_wrong():
    truth = replace(TRUTH, cuts=(8.0, 15.0, 27.0), jumps=(3.0, 8.1))
    found = score(replace(session(), cuts=(3.04, 8.0, 12.0, 15.2)), truth)
    assert (found["cut precision"], found["cut recall"]) == (pytest.approx(2 / 3), pytest.approx(2 / 3))


def test_unknown_is_right_where_two_speak_or_a_turn_is_short():
    turns = [(1.0, 5.0, "A"), (5.0, 7.0, UNKNOWN), (8.0, 14.0, "B"), (15.0, 20.0, "A"), (20.0, 21.0, UNKNOWN), (21.0, 26.0, "B")]
    found = score(session([*turns, (27.0, 27.8, UNKNOWN), (28.0, 29.0, UNKNOWN)]), TRUTH)
    assert found["unknown"] == pytest.approx(3.8 / (SPOKEN - 1))
    assert found["unknown rightly"] == pytest.approx(1.8 / 3.8)


def test_boundaries_are_paired_one_to_one():
    assert matches([1.0, 1.1, 1.2], [1.1]) == 1
    assert matches([1.0, 1.4], [1.2, 1.6]) == 2
    assert matches([1.0], [1.31]) == 0
    broken = boundaries(annotation([(1.0, 3.0, "A"), (3.2, 7.0, "A"), (8.0, 11.0, "B"), (11.5, 14.0, "B")]), TRUTH)
    assert broken["boundary precision"] == pytest.approx(4 / 6)
    assert broken["boundary recall"] == pytest.approx(4 / 10)


def test_tracks_that_change_the_person_are_impure():
    people = ["A", "B"] * 20 + ["B", "A"] * 10
    found = score(session(people=people, tracks=[0, 1] * 20 + [2, 3] * 10), TRUTH)
    assert found["track purity"] == 1.0
    assert found["person purity"] == pytest.approx(2 / 3)
    assert found["person coverage"] == pytest.approx(19 / 28, abs=0.04)
    one = score(session(tracks=[0] * 60), TRUTH)
    assert one["track purity"] == 0.5


def test_faces_where_there_are_none_are_false():
    found = score(session(boxes=(LEFT, Box(600, 300, 100, 100))), TRUTH)
    assert found["false faces"] == 0.5
    assert found["faces found"] == found["track purity"] == 0.5


def test_a_voice_has_its_face_the_other_ones_or_none():
    swapped = score(session(people=["B", "A"] * 30), TRUTH)
    assert (swapped["voice to face"], swapped["voice to face wrong"]) == (0.0, 1.0)
    unsure = score(session(people=["A", UNKNOWN] * 30), TRUTH)
    assert unsure["voice to face"] == pytest.approx(11.8 / 22.8)  # without the overlap, 01 speaks for 6 + 5 + 0.8 s and 05 for 6 + 5
    assert unsure["face unknown"] == pytest.approx(11 / 22.8)
    faceless = score(session(people=["A", UNKNOWN] * 30), replace(TRUTH, ties={"01": "01", "05": None}))
    assert faceless["voice to face"] == 1.0


def test_emotions_are_those_of_the_person_who_was_found():
    """Keys may stand for anybody; a moment counts by what is portrayed longest in it; recordings on their own stand beside it."""
    swapped = {"01": "B", "05": "A"}
    turns = [(start, end, swapped[who]) for start, end, who in TURNS]
    moments = [Moment(1.0, 7.0, "B", True, recognised("happy"), recognised("sad")), Moment(8.0, 14.0, "A", True, recognised("happy"))]
    moments += [Moment(15.0, 21.0, "B", True), Moment(2.0, 4.0, "A", False, face=recognised("happy")), Moment(20, 26, UNKNOWN, True)]
    singles = {"voice": {"0.wav": "happy", "1.wav": "sad"}, "face": {}}
    found = score(session(turns, moments=moments), TRUTH, singles)
    assert (found["moments"], found["moments judged"]) == (3.0, pytest.approx(2 / 3))
    assert (found["voice"], found["voice single"], found["face"], found["best"]) == (0.5, 1.0, 0.0, 0.5)
    assert np.isnan(found["face single"])


def test_a_table_has_what_there_is():
    rows = {"one": [{"DER": 0.1}, {"DER": 0.3}], "two": [{"DER": float("nan"), "x": 1.0}]}
    assert table("T", ("DER", "missed"), rows) == "| T | DER |\n|---|---:|\n| one | 20.0 |\n"

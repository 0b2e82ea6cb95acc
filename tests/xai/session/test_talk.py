"""Numbers of a conversation: on conversations small enough to count by hand, and against a grid of instants."""

import numpy as np
import pytest
from hypothesis import given

from tests.xai.session.made import on_any, session_of, sessions
from xai.session.session import UNKNOWN
from xai.session.talk import counted_speech, overlaps, pauses, responses, talk, turns


def of_turns(found):
    return [(turn.person, turn.start, turn.end) for turn in found]


def test_segments_closer_than_a_pause_are_one_turn():
    session = session_of(speech=[(0, 1, "A"), (1.3, 2, "A"), (2.5, 3, "A"), (1.1, 1.2, "B"), (4, 5, UNKNOWN), (5.1, 6, UNKNOWN)])
    assert of_turns(turns(session)) == [("A", 0, 2), ("B", 1.1, 1.2), ("A", 2.5, 3), (UNKNOWN, 4, 5), (UNKNOWN, 5.1, 6)]
    assert turns(session)[0].spoken == pytest.approx(1.7)
    assert of_turns(turns(session, pause=0.2))[0] == ("A", 0, 1)


def test_a_turn_is_cut_by_what_is_excluded():
    session = session_of(speech=[(0, 10, "A"), (10.1, 11, "A")], excluded=[(4, 4.2), (10.02, 10.05)])
    assert of_turns(turns(session)) == [("A", 0, 4), ("A", 4.2, 10), ("A", 10.1, 11)]
    assert talk(session)["A"].seconds.value == pytest.approx(10.7)
    assert len(turns(session_of(speech=[(0, 10, "A")], excluded=[(0, 10)]))) == 0


def test_response_times_are_from_the_end_of_the_other():
    session = session_of(
        speech=[(0, 10, "A"), (4, 4.5, "B"), (10.7, 15, "B"), (14.6, 20, "A"), (22, 23, UNKNOWN), (24, 25, "B"), (25.5, 26, "A")]
    )
    found = responses(session)
    assert [(one.turns[0].person, one.turns[1].person, round(one.value, 6)) for one in found] == [
        ("A", "B", 0.7),  # "mhm" at 4 s is wholly within A's turn
        ("B", "A", -0.4),
        ("B", "A", 0.5),  # nobody knows who spoke at 22 s
    ]
    numbers = talk(session)
    assert numbers["A"].response.value == pytest.approx(0.05)
    assert numbers["B"].response.turns == found[0].turns
    assert np.isnan(numbers[UNKNOWN].response.value)


def test_nothing_is_measured_across_or_at_the_edge_of_what_is_excluded():
    cut = session_of(speech=[(0, 10, "A"), (5, 12, "B")], excluded=[(4, 6)])
    assert responses(cut) == ()
    assert responses(session_of(speech=[(0, 3, "A"), (5, 8, "B")], excluded=[(3.5, 4)])) == ()
    assert pauses(session_of(speech=[(0, 3, "A"), (5, 8, "A")], excluded=[(3.5, 4)])) == ()


def test_pauses_are_silences_of_all():
    session = session_of(speech=[(0, 10, "A"), (2, 3, "B"), (11, 12, "A"), (12.4, 13, "B"), (15, 16, "A")])
    assert [(round(one.value, 6), of_turns(one.turns)) for one in pauses(session)] == [
        (1.0, [("A", 0, 10), ("A", 11, 12)]),
        (2.0, [("B", 12.4, 13), ("A", 15, 16)]),
    ]
    assert talk(session)["A"].pauses.value == 1.0
    assert talk(session)["B"].pauses.value == 0
    assert talk(session_of(speech=[(0, 1, UNKNOWN), (3, 4, UNKNOWN)]))[UNKNOWN].pauses.value == 0  # perhaps of two people


def test_share_length_and_overlap():
    numbers = talk(session_of(speech=[(0, 6, "A"), (5, 7, "B"), (5.5, 6.5, "C"), (10, 11, "B")], names=("Anna", "Ben", "Cleo")))
    assert [numbers[key].share.value for key in "ABC"] == [0.6, 0.3, 0.1]
    assert (numbers["B"].turns.value, numbers["B"].length.value) == (2, 1.5)
    assert [numbers[key].overlap.value for key in "ABC"] == [1.0, 1.5, 1.0]
    assert [one.value for one in overlaps(session_of(speech=[(0, 6, "A"), (5, 7, "B")]))] == [1.0]


def test_nobody_speaks():
    numbers = talk(session_of())["A"]
    assert (numbers.seconds.value, numbers.turns.value, numbers.pauses.value) == (0, 0, 0)
    assert np.isnan([numbers.share.value, numbers.length.value, numbers.response.value]).all()


@given(sessions())
@on_any
def test_seconds_and_overlaps_are_those_of_a_grid(session):
    """Instants every 50 ms, of which each is asked who speaks."""
    grid = np.arange(0, 5440, 0.05) + 0.0123
    speaks = {}
    excluded = np.any(
        [(stretch.start < grid) & (grid < stretch.end) for stretch in session.excluded] or [np.zeros(len(grid), bool)], axis=0
    )
    for segment, _, person in session.speech.itertracks(yield_label=True):
        speaks[person] = speaks.get(person, np.zeros(len(grid), bool)) | ((segment.start < grid) & (grid < segment.end) & ~excluded)
    numbers = talk(session)
    for person, when in speaks.items():
        others = np.any([other for key, other in speaks.items() if key != person] or [np.zeros(len(grid), bool)], axis=0)
        assert numbers[person].seconds.value == pytest.approx(0.05 * when.sum(), abs=0.05 * 12)
        assert numbers[person].overlap.value == pytest.approx(0.05 * (when & others).sum(), abs=0.05 * 24)
    assert not counted_speech(session).get_timeline().crop(session.excluded).duration() > 1e-6

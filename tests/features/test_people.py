"""Whose face: groups by mean distance, runs that nobody needs to be asked about, the person who is seen longest."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.data import astronaut

from features.faces import crop_square, cut, detect_faces
from features.people import SAME, group_people, seen_longest, shown_for, stretches, who_is_who
from features.video import watch
from tests.conftest import encode_video
from tests.features.conftest import maps_of

PICTURE = np.ascontiguousarray(astronaut()[:300, 60:400])
OTHER = np.ascontiguousarray(PICTURE[:, ::-1] // 2)


def by_brightness(crops: np.ndarray) -> np.ndarray:
    """Dark faces are one person, bright ones another."""
    return crops.mean(axis=(1, 2, 3))[:, None] / 60


def crop_of(picture: np.ndarray) -> np.ndarray:
    return cut(picture, crop_square(detect_faces(picture)[0]))


@settings(deadline=None)  # scipy is imported in the first run
@given(st.lists(st.integers(0, 3), min_size=1, max_size=40), st.integers(0, 2**31))
def test_groups_are_found_again_whatever_their_order(people, seed):
    rng = np.random.default_rng(seed)
    centres = np.eye(4, 8) * 5 * SAME
    found = group_people(centres[people] + rng.uniform(-1, 1, (len(people), 8)) * SAME / 8)
    first_seen = list(dict.fromkeys(people))
    assert found.tolist() == [first_seen.index(person) for person in people]


def test_one_odd_picture_does_not_part_a_person():
    """Further than the threshold from some, and within it of most."""
    codes = np.r_[np.zeros(6), 0.5, 0.62 * SAME, 1.05 * SAME][:, None]
    assert set(group_people(codes)) == {0}


def test_what_looks_the_same_is_not_asked_about():
    def nobody(crops):
        raise AssertionError("asked")

    assert who_is_who(np.stack([crop_of(PICTURE)] * 3), nobody).tolist() == [0, 0, 0]


def test_few_pictures_of_each_run_are_asked_about():
    asked = []

    def whose(crops):
        asked.append(len(crops))
        return by_brightness(crops)

    crops = np.stack([crop_of(PICTURE)] * 10 + [crop_of(OTHER)] * 2 + [crop_of(PICTURE)])
    assert who_is_who(crops, whose).tolist() == [0] * 10 + [1, 1, 0]
    assert asked == [3 + 2 + 1]


@pytest.mark.parametrize(
    ("who", "expected", "others"),
    [
        ([0, 0, 1, 1], 0, [(2, 4)]),
        ([0, 1, 1, 1], 1, [(0, 1)]),
        ([0, 1, 0, 1, 0], 0, [(1, 2), (3, 4)]),
        ([0, -1, 1, -1, 1, 0, 0], 0, [(2, 5)]),
        ([-1, 0, 1, 2, 0], 0, [(2, 4)]),
    ],
)
def test_the_person_seen_longest_is_judged(who, expected, others):
    who, times = np.array(who), np.arange(len(who)) * 1.0
    seconds = shown_for(times, float(len(who)))
    assert seen_longest(who, seconds) == expected
    assert list(stretches(who, seconds, times, expected)) == others


def test_a_stretch_begins_and_ends_with_the_cut():
    who, times = np.array([0, 1, 0]), np.array([0.0, 1.0, 2.0])
    assert list(stretches(who, np.ones(3), times, 0, [0.4, 1.7])) == [(0.4, 1.7)]


def test_a_film_of_two_people_is_judged_by_one_and_says_so():
    film = encode_video([PICTURE] * 70 + [OTHER] * 50)
    video, notes = watch(film, maps_of, by_brightness)
    alone, none = watch(encode_video([PICTURE] * 70), maps_of, by_brightness)
    assert none == []
    assert video.who.tolist() == [0, 0, 0, 1]
    assert video.used.tolist() == [True, True, True, False]
    assert notes == ["Another person is seen from 2.3 s to 4.0 s: not judged. Only the face that is seen longest was."]
    assert np.allclose(video.vector, alone.vector, rtol=0.01)
    assert video.squares[3] is None
    assert video.faces[3] is not None


def test_a_cut_that_parts_nobody_is_said_too():
    film = encode_video([PICTURE] * 45 + [OTHER] * 45)
    video, notes = watch(film, maps_of, lambda crops: np.zeros((len(crops), 2)))
    assert video.used.all()
    assert notes == ["The film is cut at 1.5 s: the faces before and after look like one person's, and were judged as one."]
    _, notes = watch(film, maps_of)
    assert notes == ["The film is cut at 1.5 s: the faces before and after were not compared: make sure that it is one person."]


@pytest.mark.parametrize("turn", [1, 2, 3])
def test_a_film_that_lies_on_its_side_is_turned_and_says_so(turn):
    pictures = [np.roll(PICTURE, k, axis=1) for k in range(31)]
    upright, none = watch(encode_video(pictures), maps_of)
    video, notes = watch(encode_video([np.rot90(picture, turn) for picture in pictures]), maps_of)
    assert (upright.turned, none) == (0, [])
    assert video.turned == 360 - 90 * turn
    assert not video.fallback
    assert video.pictures[0].shape == upright.pictures[0].shape
    assert np.allclose(video.vector, upright.vector, rtol=0.01)
    assert len(notes) == 1
    assert "turned" in notes[0]

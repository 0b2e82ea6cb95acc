"""What hinders the view of a face is found where it was drawn, and not on a face as it is."""

import numpy as np
import pytest
from skimage.data import astronaut

from features.faces import crop_square, cut, detect_faces
from models.identity.person import landmarks
from tests.bench.people import changes
from xai.quality.visibility import visibility

FACE = cut(astronaut(), crop_square(detect_faces(astronaut())[0]))
ALL = ("away", "blurred", "eyes", "mouth")


def said(crop: np.ndarray) -> set[str]:
    seen = visibility(crop[None], landmarks(crop[None]))
    return {name for name in ALL if getattr(seen, name)[0]}


def test_nothing_is_said_of_a_face_as_it_is():
    assert said(FACE) == said(FACE[:, ::-1]) == set()


@pytest.mark.parametrize(
    ("kind", "expected"),
    [("mask", {"mouth"}), ("sunglasses", {"eyes"}), ("blurred", {"blurred"}), ("dim", set()), ("noise", set()), ("rolled 15°", set())],
)
def test_what_was_drawn_is_found(kind, expected):
    assert said(changes(FACE, np.random.default_rng(0))[kind]) == expected


def test_a_turned_face_has_its_nose_beside_the_middle():
    points = landmarks(FACE[None])
    points[0, 4] += 0.4 * (points[0, 0] - points[0, 2])
    assert visibility(FACE[None], points).away.all()


def test_the_two_actors_are_in_sight(clips):
    from features.media import read_frames
    from features.video import extract_video
    from tests.features.conftest import maps_of

    for _, film in clips[:3]:
        video = extract_video(read_frames(film), maps_of)
        seen = visibility(video.crops, landmarks(video.crops))
        assert not any(getattr(seen, name).any() for name in ALL)

"""Faces of one person lie together, those of two apart."""

import numpy as np
import pytest
from skimage.data import astronaut

from features.faces import crop_square, cut, detect_faces
from features.media import read_frames
from features.people import SAME
from features.video import watch
from models.networks.person import compare_faces
from tests.conftest import encode_video
from tests.features.conftest import maps_of


def crop_of(picture: np.ndarray) -> np.ndarray:
    return cut(picture, crop_square(detect_faces(picture)[0]))


def test_one_face_in_other_light_stays_itself():
    picture = np.ascontiguousarray(astronaut()[:300, 60:400])
    codes = compare_faces(np.stack([crop_of(p) for p in (picture, picture // 2, picture[:, ::-1].copy())]))
    assert codes.shape == (3, 128)
    assert np.linalg.norm(codes[1:] - codes[0], axis=1).max() < SAME - 0.2


@pytest.fixture(scope="module")
def actors(clips):
    """Of each of two actors two pictures of a film."""
    films = [clips[0][1], clips[1][1]]
    return [[frame.rgb[:, 280:1000] for frame in read_frames(film)][:2] for film in films]


def test_two_actors_lie_apart(actors):
    codes = [compare_faces(np.stack([crop_of(np.ascontiguousarray(p)) for p in pictures])) for pictures in actors]
    assert np.linalg.norm(codes[0][0] - codes[0][1]) < SAME - 0.1
    assert np.linalg.norm(codes[0][:, None] - codes[1][None], axis=2).min() > SAME


def test_a_cut_to_the_other_actor_is_named(actors):
    (one, two), (other, _) = actors
    film = encode_video([one[::2, ::2]] * 30 + [two[::2, ::2]] * 40 + [other[::2, ::2]] * 50)
    video, notes = watch(film, maps_of, compare_faces)
    assert video.who.tolist() == [0, 0, 0, 1]
    assert "Another person is seen from 2.3 s to 4.0 s: not judged." in notes[0]

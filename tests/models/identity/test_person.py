"""Faces of one person lie together, those of two apart."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from skimage.data import astronaut

from features.faces import crop_square, cut, detect_faces
from features.media import read_frames
from features.people import SAME
from features.video import watch
from models.identity.person import compare_faces
from tests.conftest import encode_video
from tests.features.conftest import maps_of


def crop_of(picture: np.ndarray) -> np.ndarray:
    return cut(picture, crop_square(detect_faces(picture)[0]))


# Every 16th number that dlib 20's own network gives the astronaut and the astronaut's mirror image.
DLIB = [
    [-0.0665, -0.1599, -0.1104, 0.1464, 0.1532, -0.0266, -0.1529, 0.1246],
    [-0.0721, -0.14, -0.1091, 0.1319, 0.1272, -0.0205, -0.1289, 0.1386],
]


def test_the_numbers_are_those_of_dlib():
    picture = np.ascontiguousarray(astronaut()[:300, 60:400])
    crops = np.stack([crop_of(picture), crop_of(picture[:, ::-1].copy())])
    codes = compare_faces(crops)
    assert_allclose(codes[:, ::16], DLIB, atol=5e-4)
    assert_allclose(codes.sum(axis=1), [-1.5338, -1.7087], atol=5e-3)
    assert_allclose(compare_faces(np.concatenate([crops] * 5)), np.tile(codes, (5, 1)), atol=1e-5)
    assert compare_faces(crops[:0]).shape == (0, 128)


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

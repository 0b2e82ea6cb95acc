"""A voice belongs to the face whose mouth moves while it is heard; to none where that is not clear."""

import numpy as np
import pytest

from features.session.ties import speaker_at, tie


def session(moving: dict[int, int], seconds: int = 120, faces: int = 2, noise: float = 0.4, seed: int = 0):
    """Two voices take turns of six seconds with pauses of two; ``moving``: whose mouth moves with which voice."""
    rng = np.random.default_rng(seed)
    pieces = np.array([(start, start + 6.0) for start in range(0, seconds, 8)])
    voices = np.arange(len(pieces)) % 2
    times = np.repeat(np.arange(seconds) + 0.5, faces)
    face = np.tile(np.arange(faces), seconds)
    speaking = speaker_at(times, pieces, voices)
    moves = np.array([moving.get(int(voice), -9) == own for voice, own in zip(speaking, face, strict=True)])
    mouths = np.exp(rng.normal(0, noise, len(times))) * np.where(moves, 2.0, 1.0)
    return times, face, mouths, pieces, voices


def test_who_is_heard_when():
    pieces, voices = np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([5, -1])
    assert speaker_at(np.array([0.5, 1.0, 1.9, 2.0, 3.5]), pieces, voices).tolist() == [-2, 5, 5, -2, -1]


@pytest.mark.parametrize("moving", [{0: 0, 1: 1}, {0: 1, 1: 0}])
def test_planted_ties_are_found(moving):
    found = tie(*session(moving))
    assert found.face_of == moving
    for voice, face in moving.items():
        assert found.evidence[voice, face] > 3 > found.evidence[voice, 1 - face]


def test_a_voice_whose_speaker_is_not_seen_has_no_face():
    assert tie(*session({0: 0})).face_of == {0: 0}
    assert tie(*session({})).face_of == {}


@pytest.mark.parametrize("seed", range(8))
def test_by_chance_hardly_anybody_is_tied(seed):
    assert tie(*session({}, faces=3, seed=seed)).face_of == {}


def test_a_film_of_who_speaks_only():
    """Each face is seen while its voice is heard, and one of them in silence, too."""
    times, face, mouths, pieces, voices = session({0: 0, 1: 1})
    speaking = speaker_at(times, pieces, voices)
    kept = (speaking == face) | ((speaking == -2) & (face == 0))
    found = tie(times[kept], face[kept], mouths[kept], pieces, voices)
    assert found.face_of == {0: 0, 1: 1}


def test_without_pictures_or_voices_there_is_nothing_to_tie():
    nothing = np.zeros(0)
    assert tie(nothing, nothing.astype(int), nothing, np.zeros((0, 2)), np.zeros(0, int)).face_of == {}
    times, face, mouths, *_ = session({})
    assert tie(times, face, mouths * np.nan, np.zeros((0, 2)), np.zeros(0, int)).face_of == {}

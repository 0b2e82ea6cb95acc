"""FER+: which votes are which label, and when its features are computed again."""

import cv2
import numpy as np
from numpy.testing import assert_allclose

from models.data.ferplus import ferplus_labels, load_ferplus
from models.labels import label_index


def test_ferplus_votes_become_labels():
    votes = np.zeros((5, 10), int)
    votes[0, 4] = 9  # clear anger
    votes[1, [1, 3]] = 5  # a tie
    votes[2, 0], votes[2, 1] = 7, 3  # neutral with a smile: calm
    votes[3, 9] = 10  # not a face
    votes[4, 0] = 10  # neutral
    assert ferplus_labels(votes).tolist() == [label_index("angry"), -1, label_index("calm"), -1, label_index("neutral")]


def test_photographs_are_computed_again_when_they_or_the_choice_of_them_are_others(tmp_path):
    """Not for the same archive; for other pictures of the same votes and sizes, and for the same ones in another split."""
    votes = np.zeros((2, 10), int)
    votes[:, 4] = 10
    kept = tmp_path / "kept"

    def features(shades: tuple[int, int], split: tuple[int, int]) -> np.ndarray:
        codes = [cv2.imencode(".jpg", np.full((48, 48), s, np.uint8) * np.tri(48, dtype=np.uint8))[1].ravel() for s in shades]
        jpeg = np.concatenate([np.pad(code, (0, 1000 - len(code))) for code in codes])
        np.savez(tmp_path / "ferplus.npz", votes=votes, split=np.array(split), jpeg=jpeg, off=np.array([0, 1000, 2000]))
        return load_ferplus(tmp_path / "ferplus.npz", kept, 1)[0]

    first, again, others, second = (
        features(*what) for what in (((40, 200), (0, 1)), ((40, 200), (0, 1)), ((90, 200), (0, 1)), ((40, 200), (1, 0)))
    )
    assert_allclose(first, again)
    assert len(list(kept.iterdir())) == 3
    assert np.abs(first - others).max() > 0.01
    assert np.abs(first - second).max() > 0.01


def test_for_a_network_of_films_each_photograph_is_one(tmp_path, quick_film):
    votes, jpeg = np.zeros((3, 10), int), []
    votes[:, 4] = 10
    for shade in (40, 120, 200):
        jpeg.append(cv2.imencode(".jpg", np.full((48, 48), shade, np.uint8))[1].ravel())
    np.savez(tmp_path / "f.npz", votes=votes, split=np.zeros(3, int), jpeg=np.concatenate(jpeg), off=np.cumsum([0, *map(len, jpeg)]))
    found, _ = load_ferplus(tmp_path / "f.npz", tmp_path / "kept", 3, "r3d_18")
    alone = [quick_film.maps(np.full((1, 224, 224, 3), shade, np.uint8)).mean(axis=(0, 2, 3)) for shade in (40, 120, 200)]
    assert_allclose(sorted(found.tolist()), sorted(np.array(alone).tolist()), atol=1e-3)

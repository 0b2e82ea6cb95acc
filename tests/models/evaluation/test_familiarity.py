"""How unlike what is known a voice is: by scikit-learn's axes and neighbours, and between people."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.decomposition import PCA
from sklearn.neighbors import NearestNeighbors
from sklearn.preprocessing import StandardScaler

from models.evaluation.familiarity import AXES, NEIGHBOURS, WINDOW, distances, fit_map, knn_distance, load_map, save_map, softening
from models.evaluation.protocols import FOLDS

RNG = np.random.default_rng(0)
ACTORS = np.repeat(np.arange(1, 25), 8)
MEANS = RNG.normal(size=(len(ACTORS), 150)) @ RNG.normal(size=(150, 150)) + 5


@pytest.fixture(scope="module")
def voices():
    return fit_map(MEANS, ACTORS)


def by_library(known: np.ndarray, points: np.ndarray) -> np.ndarray:
    scaler = StandardScaler().fit(known)
    axes = PCA(AXES, whiten=True, svd_solver="full").fit(scaler.transform(known))
    placed = axes.transform(scaler.transform(known)), axes.transform(scaler.transform(points))
    found, _ = NearestNeighbors(n_neighbors=NEIGHBOURS).fit(placed[0]).kneighbors(placed[1])
    # The library divides by n - 1, the map by n.
    return found.mean(axis=1) / np.sqrt(AXES) * np.sqrt(len(known) / (len(known) - 1))


def test_distances_are_those_of_the_library(voices):
    points = RNG.normal(size=(6, 150)) * 3 + 5
    assert_allclose(voices.distance(points), by_library(MEANS, points), rtol=2e-3)


@pytest.mark.parametrize("fold", FOLDS[:2])
def test_what_is_usual_is_measured_on_people_who_were_left_out(voices, fold):
    own = np.isin(ACTORS, fold)
    assert_allclose(voices.left_out[own], by_library(MEANS[~own], MEANS[own]), rtol=2e-3)
    assert voices.usual == np.percentile(voices.left_out, 95)
    assert voices.actors == 24


def test_a_long_voice_is_compared_stretch_by_stretch(voices):
    near, far = np.tile(MEANS[0], (WINDOW, 1)), np.tile(MEANS.mean(axis=0) + 40, (WINDOW, 1))
    one, other = voices.ratio(near), voices.ratio(far)
    assert one < 1 < other
    assert voices.ratio(np.concatenate([near, far, far])) == pytest.approx(other, rel=1e-5)
    assert voices.ratio(np.concatenate([near, near, far])) == pytest.approx(one, rel=1e-5)


def test_it_is_kept_and_found_again(voices, tmp_path):
    save_map(voices, tmp_path / "map.npz")
    again = load_map(tmp_path / "map.npz")
    assert again.actors == 24
    points = RNG.normal(size=(6, 150)) * 3 + 5
    assert_allclose(again.distance(points) / again.usual, voices.distance(points) / voices.usual, rtol=1e-2)


def test_the_map_that_ships_is_of_all_voices():
    shipped = load_map()
    assert (len(shipped.points), shipped.actors) == (1440, 24)
    assert (shipped.left_out > shipped.usual).mean() == pytest.approx(0.05, abs=0.005)


def test_softening_begins_at_the_usual_and_never_falls():
    found = np.array([softening(ratio) for ratio in np.linspace(0, 3, 301)])
    assert (found[:101] == 1).all()
    assert (np.diff(found) >= 0).all()
    assert found[101] > 1
    assert found[-1] == found[-50] < 100


def test_nearest_are_those_of_the_library():
    clips, points = RNG.normal(size=(50, 40)), RNG.normal(size=(7, 40))
    found, _ = NearestNeighbors(n_neighbors=5).fit(clips).kneighbors(points)
    assert_allclose(knn_distance(points, clips), found.mean(axis=1) / np.sqrt(40))
    assert_allclose(distances(points, clips), np.linalg.norm(points[:, None] - clips[None], axis=2) / np.sqrt(40))

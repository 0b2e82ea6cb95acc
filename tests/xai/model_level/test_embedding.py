"""A map keeps neighbours together, and neighbours are those of the largest cosine."""

import numpy as np
import pytest
from sklearn.metrics.pairwise import cosine_similarity

from xai.model_level.embedding import layout, neighbours


def clusters(n: int = 20) -> tuple[np.ndarray, np.ndarray]:
    """Three directions in 16 dimensions, of any length."""
    rng = np.random.default_rng(0)
    labels = np.repeat(range(3), n)
    directions = rng.normal(size=(3, 16))
    return (directions[labels] + 0.1 * rng.normal(size=(3 * n, 16))) * rng.uniform(1, 9, (3 * n, 1)), labels


def test_the_map_keeps_what_is_alike_together():
    embeddings, labels = clusters()
    points = layout(embeddings)
    assert points.shape == (60, 2)
    distances = np.linalg.norm(points[:, None] - points[None], axis=2) + 1e9 * np.eye(60)
    assert (labels[distances.argmin(axis=1)] == labels).all()
    assert np.array_equal(points, layout(embeddings))


def test_a_map_of_three_is_refused():
    with pytest.raises(ValueError, match="four"):
        layout(np.eye(3))


def test_neighbours_are_those_of_the_library():
    embeddings, _ = clusters()
    own = np.random.default_rng(1).normal(size=16)
    cosines = cosine_similarity(embeddings, own[None])[:, 0]
    found = neighbours(embeddings, own, 4)
    assert [k for k, _ in found] == np.argsort(-cosines)[:4].tolist()
    assert [c for _, c in found] == pytest.approx(sorted(cosines)[::-1][:4])

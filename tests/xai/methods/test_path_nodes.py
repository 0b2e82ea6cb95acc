"""Places on paths are spread evenly, on each and over all."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from xai.methods.path_nodes import path_nodes


@given(st.integers(1, 12), st.integers(1, 80))
def test_places_are_evenly_spread(nodes, paths):
    places = path_nodes(nodes, paths)
    assert places.shape == (nodes, paths)
    assert ((places >= 0) & (places < 1)).all()
    assert_allclose(np.diff(places, axis=0), 1 / nodes)
    gaps = np.diff(np.sort(places[0] * nodes), prepend=0, append=1)  # the starts lie as evenly as the golden ratio puts them
    assert gaps.max() < 3 / paths + 1e-9 or paths == 1

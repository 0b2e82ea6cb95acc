"""Memory does not grow with the number of analyses: six here; ``python -m tests.load.soak`` makes 500."""

import sys

import pytest

from tests.load.soak import run


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_memory_does_not_grow():
    assert run(6, warm=3)["grown_mb"] < 25

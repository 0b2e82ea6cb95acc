"""Memory does not grow with the number of analyses: 10 here; ``python -m tests.load.soak`` makes 500."""

import sys

import pytest

from tests.load.soak import run


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_memory_does_not_grow():
    assert run(10, warm=4)["grown_mb"] < 25

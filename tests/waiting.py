"""Until something that another thread does has happened."""

import time
from collections.abc import Callable

import pytest


def wait_until(condition: Callable[[], bool]) -> None:
    """At most five seconds, else the test fails."""
    for _ in range(500):
        if condition():
            return
        time.sleep(0.01)
    pytest.fail("it never came to that")

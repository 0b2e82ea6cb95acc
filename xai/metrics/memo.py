"""Small arrays that several explanations and checks of one recording share."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable

import numpy as np


class Memo:
    """Small arrays that several explanations and checks of one subject need, the last used :attr:`most` of them. Threads may share it.

    >>> memo = Memo(most=2)
    >>> for key in "abcb":
    ...     memo.keep(key, np.zeros(1))
    >>> [key for key in "abc" if memo.get(key) is not None]
    ['b', 'c']
    """

    def __init__(self, most: int = 4096) -> None:
        self.most, self._found, self._lock = most, OrderedDict[Hashable, np.ndarray](), threading.Lock()

    def get(self, key: Hashable) -> np.ndarray | None:
        """What was kept under that key; None where nothing is."""
        with self._lock:
            if key in self._found:
                self._found.move_to_end(key)
            return self._found.get(key)

    def keep(self, key: Hashable, value: np.ndarray) -> None:
        """Keep it, and forget what was not used for longest where that is one too many."""
        with self._lock:
            self._found[key] = value
            self._found.move_to_end(key)
            if len(self._found) > self.most:
                self._found.popitem(last=False)

    def of(self, key: Hashable, compute: Callable[[], np.ndarray]) -> np.ndarray:
        """What was kept under that key, computed now if nothing is."""
        found = self.get(key)
        if found is None:
            found = compute()
            self.keep(key, found)
        return found

"""Where a film is cut: from one picture to the next everything is different, and it was not before."""

from __future__ import annotations

from collections import deque

import av
import numpy as np

# 1 − correlation of two pictures: at most 0.004 between neighbours in the clips of two actors, 0.14 where one portrait follows another at
# the same place (tests/bench/people.py).
CHANGED = 0.06
_TIMES_BEFORE = 8.0  # a film that is shaken or panned changes from picture to picture
_BEFORE = 4
_LONGEST = 0.3  # seconds between two pictures; much may move in more
_SIDE = 32
_GREY_PLANE = ("yuv420p", "yuvj420p", "yuv422p", "yuvj422p", "yuv444p", "nv12", "gray")


class Cuts:
    """Told the pictures of a film in order, keeps when it is cut."""

    def __init__(self) -> None:
        self.times: list[float] = []
        self._last: np.ndarray | None = None
        self._changes: deque[float] = deque(maxlen=_BEFORE)
        self._time = 0.0

    def see(self, frame: av.VideoFrame, time: float) -> None:
        """The next picture, so many seconds after the first."""
        now = glance(frame)
        if self._last is not None and time - self._time <= _LONGEST and now.shape == self._last.shape:
            change = changed(self._last, now)
            if change is None:
                pass
            elif len(self._changes) == _BEFORE and change > max(CHANGED, _TIMES_BEFORE * max(self._changes)):
                self.times.append(time)
            else:
                self._changes.append(change)
        self._last, self._time = now, time


def glance(frame: av.VideoFrame) -> np.ndarray:
    """float32 (h, w), about 32 × 32 of its pixels, in grey: 20 µs, where scaling takes 0.9 ms."""
    if frame.format.name in _GREY_PLANE:
        plane = frame.planes[0]
        rows = np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)[: frame.height, : frame.width]
        return rows[:: max(1, frame.height // _SIDE), :: max(1, frame.width // _SIDE)].astype(np.float32)
    return frame.reformat(width=_SIDE, height=_SIDE, format="gray").to_ndarray().astype(np.float32)


def changed(a: np.ndarray, b: np.ndarray) -> float | None:
    """1 − correlation of two pictures; None where one of them shows nothing, as a film begins or ends black.

    >>> rows = np.arange(16.0).reshape(4, 4)
    >>> round(changed(rows, 2 * rows + 1), 6), round(changed(rows, -rows), 6), changed(rows, np.zeros((4, 4)))
    (0.0, 2.0, None)
    """
    if min(a.std(), b.std()) < 3.0:
        return None
    a, b = a - a.mean(), b - b.mean()
    return float(1 - (a * b).sum() / np.sqrt((a * a).sum() * (b * b).sum()))

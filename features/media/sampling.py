"""Which pictures of a film are looked at: every 30th at the usual rates, one a second at any other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import av
import numpy as np

import features.media.limits as limits

USUAL_STRIDE = 30
_SLOWEST, _FASTEST = 23.9, 31.25  # pictures a second at which 30 of them are a second, as in training
_FEWEST = 3  # pictures that a film of three seconds gives, however they lie in time
_FINEST = 0.1  # seconds
_PLAIN = 3.0  # of 255: deviation within a picture that shows nothing, such as a black one; noise of a covered camera stays below
_TINY = 32


@dataclass(frozen=True)
class Sampling:
    """A film cut into slots, of each of which one picture is looked at.

    Attributes:
        every: slots are so many pictures long; None: by time.
        period: length of a slot in seconds, where they go by time.
        choosy: a picture that shows nothing, or the last one again, gives way to the next in its slot.
    """

    every: int | None = USUAL_STRIDE
    period: float = 1.0
    choosy: bool = True

    def slot(self, index: int, time: float) -> int:
        """Of the picture of that number, so many seconds after the first.

        >>> Sampling(30).slot(59, 1.0), Sampling(None).slot(59, 59 / 60), Sampling(None).slot(60, 60 / 60)
        (1, 0, 1)
        """
        if self.every is not None:
            return index // self.every
        # Time stamps are rounded, and five minutes end with a picture at 300.0 s.
        return min(int(time / self.period + 1e-6), limits.MAX_FRAMES - 1)

    def chosen(self, pictures: Iterable[tuple[int, float, av.VideoFrame]]) -> Iterator[tuple[int, float, av.VideoFrame]]:
        """Of each slot that has a picture the first, or the first that shows something new."""
        spare, open_slot, done, last, start = None, -1, False, None, None
        for index, time, frame in pictures:
            start = time if start is None else start
            if (slot := self.slot(index, time - start)) != open_slot:
                if spare is not None:
                    yield spare
                spare, open_slot, done = None, slot, False
            if done:
                continue
            if not self.choosy:
                done = True
                yield index, time, frame
                continue
            small = tiny(frame)
            if is_plain(small) or (self.every is None and last is not None and np.array_equal(small, last)):
                spare = spare or (index, time, frame)
                continue
            spare, done, last = None, True, small
            yield index, time, frame
        if spare is not None:
            yield spare


def tiny(frame: av.VideoFrame) -> np.ndarray:
    """uint8 (32, 32) grey."""
    return frame.reformat(width=_TINY, height=_TINY, format="gray").to_ndarray()


def is_plain(grey: np.ndarray) -> bool:
    """Nothing is to be seen in this picture: black, white, or one colour.

    >>> is_plain(np.zeros((4, 4), np.uint8)), is_plain(np.arange(16).reshape(4, 4))
    (True, False)
    """
    return float(grey.std()) < _PLAIN


def usual_sampling(times: np.ndarray) -> Sampling:
    """Every 30th picture where 30 of them last about a second from beginning to end, else one a second.

    Args:
        times: float (n,), seconds, increasing.

    >>> [usual_sampling(np.arange(150) / rate).every for rate in (5, 25, 30, 60)]
    [None, 30, 30, None]
    """
    if len(times) < 2:
        return Sampling()
    if _as_in_training(times):
        return Sampling()
    period = 1.0
    while times[-1] - times[0] >= 2 and _slots(times, period) < min(_FEWEST, len(times)) and period > _FINEST:
        period /= 2
    return Sampling(None, period)


def _as_in_training(times: np.ndarray) -> bool:
    marks = times[::USUAL_STRIDE]
    lasts, rest = np.diff(marks), times[-1] - marks[-1]
    if not len(lasts):
        lasts = np.array([USUAL_STRIDE * (times[-1] - times[0]) / (len(times) - 1)])
    longest, shortest = max(lasts.max(), rest), lasts.min()
    return len(marks) <= limits.MAX_FRAMES and bool(shortest >= USUAL_STRIDE / _FASTEST and longest <= USUAL_STRIDE / _SLOWEST)


def _slots(times: np.ndarray, period: float) -> int:
    return len(set(((times - times[0]) / period + 1e-6).astype(int).tolist()))

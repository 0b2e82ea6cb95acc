"""How much is done and how long the rest takes, on stderr."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Iterator
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from torch import nn
from tqdm import tqdm

from models.monitoring.monitor import Monitor

if TYPE_CHECKING:
    from models.model import EmotionModel

_EVERY = 60.0  # seconds between two lines where there is no terminal


class Progress:
    """A bar on a terminal; elsewhere, as in a log file, at most one line a minute, and none of what takes less."""

    def __init__(self, title: str) -> None:
        self.title, self._start = title, time.monotonic()
        self._told = self._start
        self._bar = tqdm(desc=title, bar_format="{desc} |{bar}|", leave=False, file=sys.stderr) if sys.stderr.isatty() else None

    def show(self, done: int, total: int, what: str) -> None:
        """``done`` of ``total`` are over; ``what`` says so in words, without the time."""
        now = time.monotonic()
        text = f"{self.title}: {what}, {tqdm.format_interval((now - self._start) / done * (total - done)) if done else '?'} left"
        if self._bar is not None:
            self._bar.total, self._bar.n = total, done
            self._bar.set_description_str(text)
        elif now - self._told >= _EVERY:
            self._told = now
            print(text, file=sys.stderr, flush=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._bar is not None:
            self._bar.close()


def shown(items: Iterable[Any], title: str, total: int) -> Iterator[Any]:
    """The items, one after the other, with how many of them are done."""
    with Progress(title) as progress:
        for done, item in enumerate(items, 1):
            progress.show(done, total, f"{done} of {total}")
            yield item


class EpochProgress(Monitor):
    """The epochs of one training. Its teachers' count as much as its own: until these begin, too little time is left."""

    def __init__(self, progress: Progress) -> None:
        self.progress, self.done, self.total = progress, 0, 0

    def start(self, epochs: int, model_of: Callable[[nn.Module], EmotionModel]) -> None:
        self.total = epochs

    def teacher(self, name: str, network: nn.Module, epoch: int, loss: float) -> None:
        self._count(f"teacher {name}, epoch {epoch}")

    def epoch(self, network: nn.Module, epoch: int, loss: float) -> None:
        own = self.total - self.done + epoch - 1  # after the teachers' epochs all the others are its own
        self._count(f"epoch {epoch} of {own}")

    def _count(self, what: str) -> None:
        self.done += 1
        self.progress.show(self.done, self.total, what)

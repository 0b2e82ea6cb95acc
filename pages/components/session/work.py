"""Work for a visitor beside the page: checks, and what was asked for, while every control answers."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

import streamlit as st

from pages.components.session.log import log_place
from pages.components.session.queue import Queue, the_queue

if TYPE_CHECKING:
    from xai.explanation import Say

_LEASE = 45.0  # seconds; a page in the foreground asks again every half second, one in a hidden tab every minute or less
_TROUBLES = 64  # that are remembered
_PATIENCE = 60.0  # seconds in the queue of a busy server, for what nobody asked for by name


class DroppedError(Exception):
    """Nobody waits for this work any more."""


@dataclass(frozen=True)
class Job:
    """One piece of work.

    Attributes:
        key: what it is about; the same key is the same work.
        run: does it, keeps the result, and says what it does; called in another thread, without Streamlit's session.
        urgent: the visitor asked for it by name; else it lets all others pass.
    """

    key: Hashable
    run: Callable[[Say], None] = field(compare=False)
    urgent: bool = False


class Work:
    """One job at a time, in the order in which the page wants them; the page wants what it has no result of.

    A visitor has one, whatever is on screen: what another recording or another model was asked for is no longer wanted then.

    Attributes:
        version: grows whenever a job has ended: then there is something new to be drawn.
        words: what is done now; empty between jobs.
    """

    def __init__(self, queue: Queue | None = None) -> None:
        self.version, self.words = 0, ""
        self._queue = queue
        self._lock = threading.Lock()
        self._wanted: list[Job] = []
        self._troubles: OrderedDict[Hashable, str] = OrderedDict()
        self._thread: threading.Thread | None = None
        self._until = 0.0

    def want(self, jobs: Sequence[Job]) -> None:
        """These and no others: what is running and not among them ends at its next word, as does everything if nobody asks again."""
        with self._lock:
            self._wanted = [job for job in jobs if job.key not in self._troubles]
            self._until = time.monotonic() + _LEASE
            start = bool(self._wanted) and self._thread is None
            if start:
                self._thread = threading.Thread(target=self._loop, name="work", daemon=True)
        if start:
            self._start()

    def go_on(self) -> None:
        """The page is still there."""
        with self._lock:
            jobs = list(self._wanted)
        self.want(jobs)

    @property
    def left(self) -> tuple[Hashable, ...]:
        """Keys of the jobs that have not ended."""
        with self._lock:
            return tuple(job.key for job in self._wanted)

    def failed(self, key: Hashable) -> bool:
        """It went wrong on our side."""
        return self._troubles.get(key) == "failed"

    def postponed(self, key: Hashable) -> bool:
        """The server was too busy with other visitors."""
        return self._troubles.get(key) == "postponed"

    def again(self, key: Hashable) -> None:
        """Forget that it went wrong, so that it can be wanted again."""
        with self._lock:
            self._troubles.pop(key, None)

    def _start(self) -> None:
        thread = self._thread
        assert thread is not None
        thread.start()

    def _loop(self) -> None:
        while job := self._next():
            self._end(job, self._outcome(job))

    def _next(self) -> Job | None:
        with self._lock:
            if not self._wanted or time.monotonic() > self._until:
                self._thread, self.words = None, ""
                return None
            return self._wanted[0]

    def _outcome(self, job: Job) -> str:
        queue, check = self._queue or the_queue(), partial(self._check, job)

        def say(words: str) -> None:
            self.words = words
            check()
            if not job.urgent:
                queue.step_aside(check)

        def wait(ahead: int) -> None:
            self.words = f"Waiting: {ahead} ahead of you…"

        try:
            with queue.turn(wait, job.urgent, float("inf") if job.urgent else _PATIENCE, check):
                job.run(say)
        except DroppedError:
            return ""
        except TimeoutError:
            return "postponed"
        except Exception as error:
            log_place(str(job.key[0] if isinstance(job.key, tuple) else job.key), error)
            return "failed"
        return "done"

    def _check(self, job: Job) -> None:
        """Raises :class:`DroppedError` where this is not the work that is waited for now."""
        with self._lock:
            overtaken = bool(self._wanted) and self._wanted[0].urgent and self._wanted[0] != job
            if job not in self._wanted or overtaken or time.monotonic() > self._until:
                raise DroppedError

    def _end(self, job: Job, outcome: str) -> None:
        with self._lock:
            self.words = ""
            if not outcome:
                return
            self._wanted = [other for other in self._wanted if other != job]
            if outcome != "done":
                self._troubles[job.key] = outcome
                if len(self._troubles) > _TROUBLES:
                    self._troubles.popitem(last=False)
            self.version += 1


@st.cache_resource(scope="session", max_entries=1, show_spinner=False, on_release=lambda work: work.want([]))
def visitors_work() -> Work:
    """Of this visitor; it ends when the visitor leaves."""
    return Work()

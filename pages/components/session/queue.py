"""One analysis at a time: on two slow cores, two at once are both late, and need twice the memory."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import streamlit as st

from pages.components.session.keys import Key

_POLL_SECONDS = 0.5


@dataclass(eq=False)
class _Ticket:
    urgent: bool


class Queue:
    """First come, first served, for the visitors of one server.

    ``poll`` is called in the thread of everybody who waits, twice a second: who has left or asked for something else meanwhile
    leaves the queue by an exception from there.
    """

    def __init__(self, places: int = 1, poll: Callable[[], None] = lambda: None) -> None:
        self._poll = poll
        self._changed = threading.Condition()
        self._waiting: list[_Ticket] = []
        self._free = places

    @contextmanager
    def turn(
        self, on_wait: Callable[[int], None] = lambda position: None, urgent: bool = True, patience: float = math.inf
    ) -> Iterator[None]:
        """Wait for a place and hold it. ``on_wait`` gets the number of those in front, whenever it changes.

        Who is not urgent lets everybody pass who is: a visitor without a result goes before one whose result is being checked.

        A visitor who leaves (``on_wait`` raises, as Streamlit's calls do then) leaves the queue too.

        Raises:
            TimeoutError: no place became free within ``patience`` seconds.
        """
        self._enter(on_wait, urgent, time.monotonic() + patience)
        try:
            yield
        finally:
            with self._changed:
                self._free += 1
                self._changed.notify_all()

    def _enter(self, on_wait: Callable[[int], None], urgent: bool, deadline: float) -> None:
        ticket = _Ticket(urgent)
        with self._changed:
            ahead = sum(other.urgent for other in self._waiting) if urgent else len(self._waiting)
            self._waiting.insert(ahead, ticket)
        told = None
        try:
            while True:
                with self._changed:
                    position = self._waiting.index(ticket)
                    if position == 0 and self._free:
                        self._free -= 1
                        return
                if position != told:
                    on_wait(position + 1)
                    told = position
                self._poll()
                if time.monotonic() > deadline:
                    raise TimeoutError
                with self._changed:
                    self._changed.wait(_POLL_SECONDS)
        finally:
            with self._changed:
                self._waiting.remove(ticket)
                self._changed.notify_all()


@st.cache_resource(show_spinner=False)
def the_queue() -> Queue:
    """The queue of this server."""
    return Queue(poll=_notice)


def _notice() -> None:
    """Streamlit stops a script that is no longer wanted as soon as that touches its state: otherwise a click would wait, too."""
    _ = Key.RECORDING in st.session_state

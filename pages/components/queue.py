"""One analysis at a time: on two slow cores, two at once are both late, and need twice the memory."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import streamlit as st

_POLL_SECONDS = 0.5


@dataclass(eq=False)
class _Ticket:
    urgent: bool


class Queue:
    """First come, first served, for the visitors of one server."""

    def __init__(self, places: int = 1) -> None:
        self._changed = threading.Condition()
        self._waiting: list[_Ticket] = []
        self._free = places

    @contextmanager
    def turn(self, on_wait: Callable[[int], None] = lambda position: None, urgent: bool = True) -> Iterator[None]:
        """Wait for a place and hold it. ``on_wait`` is told how many are in front, whenever that changes.

        Who is not urgent lets everybody pass who is: a visitor without a result goes before one whose result is being checked.

        A visitor who leaves (``on_wait`` raises, as Streamlit's calls do then) leaves the queue too.
        """
        self._enter(on_wait, urgent)
        try:
            yield
        finally:
            with self._changed:
                self._free += 1
                self._changed.notify_all()

    def _enter(self, on_wait: Callable[[int], None], urgent: bool) -> None:
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
                with self._changed:
                    self._changed.wait(_POLL_SECONDS)
        finally:
            with self._changed:
                self._waiting.remove(ticket)
                self._changed.notify_all()


@st.cache_resource(show_spinner=False)
def the_queue() -> Queue:
    """The queue of this server."""
    return Queue()

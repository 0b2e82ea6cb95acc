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
    """First come, first served, for the visitors of one server; who is not urgent lets everybody pass who is."""

    def __init__(self, places: int = 1, poll: Callable[[], None] = lambda: None) -> None:
        """``poll`` is called twice a second in the thread of everybody who waits: by an exception from there one leaves the queue."""
        self._poll = poll
        self._changed = threading.Condition()
        self._waiting: list[_Ticket] = []
        self._free = places
        self._drawing = 0

    @contextmanager
    def turn(
        self,
        on_wait: Callable[[int], None] = lambda position: None,
        urgent: bool = True,
        patience: float = math.inf,
        poll: Callable[[], None] | None = None,
    ) -> Iterator[None]:
        """Wait for a place and hold it.

        Args:
            on_wait: gets the number of those in front, whenever it changes.
            urgent: a visitor without a result goes before one whose result is being checked.
            patience: in seconds.
            poll: instead of that of the queue.

        Raises:
            TimeoutError: no place became free in time.
        """
        self._enter(_Ticket(urgent), on_wait, time.monotonic() + patience, poll or self._poll)
        try:
            yield
        finally:
            with self._changed:
                self._free += 1
                self._changed.notify_all()

    @contextmanager
    def drawing(self) -> Iterator[None]:
        """While a page is drawn, what is not urgent stands still: a control answers at once on two slow cores."""
        with self._changed:
            self._drawing += 1
        try:
            yield
        finally:
            with self._changed:
                self._drawing -= 1
                self._changed.notify_all()

    def step_aside(self, poll: Callable[[], None]) -> None:
        """Let those who are urgent go first, and pages be drawn: to be called often by whoever holds a place and is not urgent."""
        with self._changed:
            if not self._hurry():
                return
            self._free += 1
            self._changed.notify_all()
        try:
            self._enter(_Ticket(False), lambda position: None, math.inf, poll, first=True)
        except BaseException:
            with self._changed:
                self._free -= 1  # the end of its turn gives it back
            raise

    def _hurry(self) -> bool:
        return self._drawing > 0 or any(ticket.urgent for ticket in self._waiting)

    def _enter(
        self, ticket: _Ticket, on_wait: Callable[[int], None], deadline: float, poll: Callable[[], None], first: bool = False
    ) -> None:
        with self._changed:
            before_the_others = ticket.urgent or first
            ahead = sum(other.urgent for other in self._waiting) if before_the_others else len(self._waiting)
            self._waiting.insert(ahead, ticket)
        told = None
        try:
            while True:
                with self._changed:
                    position = self._waiting.index(ticket)
                    if position == 0 and self._free and (ticket.urgent or not self._drawing):
                        self._free -= 1
                        return
                if position != told:
                    on_wait(position + 1)
                    told = position
                poll()
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

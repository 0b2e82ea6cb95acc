"""First come, first served among equals, and nobody who left holds the others up."""

import contextlib
import threading
import time

import pytest

from pages.components.session.queue import Queue
from tests.waiting import wait_until


def test_one_at_a_time_and_in_order():
    queue, order, inside, most = Queue(), [], 0, 0
    lock = threading.Lock()

    def visit(number: int) -> None:
        nonlocal inside, most
        with queue.turn():
            with lock:
                inside += 1
                most = max(most, inside)
            order.append(number)
            time.sleep(0.05)
            with lock:
                inside -= 1

    threads = []
    for number in range(8):
        threads.append(threading.Thread(target=visit, args=(number,)))
        threads[-1].start()
        time.sleep(0.01)
    for thread in threads:
        thread.join(10)
    assert order == list(range(8))
    assert most == 1


def test_the_position_is_told_and_falls():
    queue, told = Queue(), []
    with queue.turn():
        waiting = threading.Thread(target=lambda: queue.turn(told.append).__enter__())
        waiting.start()
        time.sleep(0.1)
        assert told == [1]
    waiting.join(5)
    assert not waiting.is_alive()


class LeftError(Exception):
    pass


def test_who_leaves_while_waiting_frees_the_way():
    queue = Queue()

    def leave(position: int) -> None:
        raise LeftError

    with queue.turn():
        with pytest.raises(LeftError), queue.turn(leave):
            pass
        assert not queue._waiting
    with queue.turn():
        pass


def test_a_failure_inside_gives_the_place_back():
    queue = Queue()
    with pytest.raises(ZeroDivisionError), queue.turn():
        raise ZeroDivisionError
    with queue.turn():
        assert queue._free == 0
    assert queue._free == 1


class Line:
    """Visitors who come one by one while somebody is inside."""

    def __init__(self, who: str) -> None:
        """``who``: one letter for each, in the order of arrival; capitals are urgent."""
        self.queue, self.order = Queue(), []
        self.told: dict[str, list[int]] = {name: [] for name in who}
        self.threads = []
        with self.queue.turn():
            for count, name in enumerate(who):
                self.threads.append(threading.Thread(target=self._visit, args=(name,)))
                self.threads[-1].start()
                wait_until(lambda wanted=count + 1: len(self.queue._waiting) == wanted and all(list(self.told.values())[:wanted]))
            wait_until(lambda: [told[-1] for told in self.told.values()] == self.positions())
        for thread in self.threads:
            thread.join(10)

    def positions(self) -> list[int]:
        """How many are before each by the rule: all urgent ones who came first, and whoever came first of their own kind."""
        names = list(self.told)
        served = sorted(names, key=lambda name: (name.islower(), names.index(name)))
        return [served.index(name) + 1 for name in names]

    def _visit(self, name: str) -> None:
        with self.queue.turn(self.told[name].append, urgent=name.isupper()):
            self.order.append(name)


@pytest.mark.parametrize(
    ("who", "order"),
    [("aB", "Ba"), ("abC", "Cab"), ("aBcD", "BDac"), ("abcDEF", "DEFabc"), ("ABcdE", "ABEcd"), ("AbCdEfG", "ACEGbdf")],
)
def test_who_is_urgent_passes_who_is_not_and_nobody_else(who, order):
    line = Line(who)
    assert "".join(line.order) == order


def test_positions_that_are_told_take_those_who_pass_into_account():
    line = Line("abCD")
    assert [told[0] for told in line.told.values()] == [1, 2, 1, 2]  # C and D come in before both
    assert [max(told) for told in line.told.values()] == [3, 4, 1, 2]
    for told in line.told.values():
        assert all(one != other for one, other in zip(told, told[1:], strict=False))  # told only when it changes


def test_who_has_begun_is_not_interrupted():
    queue, order = Queue(), []
    with queue.turn(urgent=False):
        urgent = threading.Thread(target=lambda: _enter(queue, order))
        urgent.start()
        wait_until(lambda: queue._waiting)
        order.append("checks")
    urgent.join(5)
    assert order == ["checks", "urgent"]


def _enter(queue: Queue, order: list[str]) -> None:
    with queue.turn(urgent=True):
        order.append("urgent")


def test_an_urgent_visitor_who_leaves_gives_the_place_before_the_others_back():
    queue, told = Queue(), []

    def leave(position: int) -> None:
        raise LeftError

    with queue.turn():
        checks = threading.Thread(target=lambda: queue.turn(told.append, urgent=False).__enter__())
        checks.start()
        wait_until(lambda: told == [1])
        with pytest.raises(LeftError), queue.turn(leave):
            pass
        assert len(queue._waiting) == 1
    checks.join(5)
    assert not checks.is_alive()


def test_who_asks_for_something_else_while_waiting_leaves_at_once():
    """Nobody in front moves; the one who waits gets no new position, and yet is let go."""
    asked = threading.Event()

    def poll() -> None:
        if asked.is_set():
            raise LeftError

    queue, left = Queue(poll=poll), threading.Event()

    def wait() -> None:
        with contextlib.suppress(LeftError), queue.turn():
            pass
        left.set()

    with queue.turn():
        threading.Thread(target=wait).start()
        wait_until(lambda: len(queue._waiting) == 1)
        asked.set()
        assert left.wait(3)
        assert queue._waiting == []


def test_who_is_not_patient_leaves_and_holds_nobody_up():
    queue = Queue()
    with queue.turn(), pytest.raises(TimeoutError), queue.turn(urgent=False, patience=0.2):
        pytest.fail("nobody may pass")
    with queue.turn(patience=0.2):  # free again: who comes at once waits for nothing
        pass

"""First come, first served, and nobody who left holds the others up."""

import threading
import time

import pytest

from pages.components.queue import Queue


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

"""Work beside the page: in the order wanted, dropped when nobody waits, and never in the way of who is urgent."""

import threading
import time

import pytest

from pages.components.session import work as module
from pages.components.session.queue import Queue
from pages.components.session.work import Job, Work
from tests.waiting import wait_until


@pytest.fixture(autouse=True)
def work_at_once():
    """Not here: these tests are about the thread."""


class Steps:
    """A job that speaks until it is let go."""

    def __init__(self, key: str, order: list[str], urgent: bool = False) -> None:
        self.order, self.begun, self.go = order, threading.Event(), threading.Event()
        self.job = Job(key, self.run, urgent)

    def run(self, say) -> None:
        self.order.append(f"{self.job.key} begins")
        self.begun.set()
        while not self.go.is_set():
            say(f"{self.job.key} at work")
            time.sleep(0.01)
        self.order.append(f"{self.job.key} ends")


def quick(key: str, order: list[str], urgent: bool = False) -> Job:
    return Job(key, lambda say: order.append(key), urgent)


def test_all_that_is_wanted_is_done_once_in_that_order_and_counted():
    order, work = [], Work(Queue())
    work.want([quick(key, order) for key in "cab"])
    wait_until(lambda: not work.left)
    work.go_on()
    time.sleep(0.1)
    assert order == ["c", "a", "b"]
    assert work.version == 3


def test_what_was_forgotten_can_be_wanted_again():
    order, work = [], Work(Queue())
    for _ in range(2):
        work.want([quick("check", order)])
        wait_until(lambda: not work.left)
    assert order == ["check", "check"]


def test_what_is_no_longer_wanted_ends_at_its_next_word_and_can_come_back():
    order, work = [], Work(Queue())
    old = Steps("old", order)
    work.want([old.job])
    assert old.begun.wait(5)
    wait_until(lambda: work.words == "old at work")
    work.want([quick("new", order)])
    wait_until(lambda: "new" in order)
    assert order == ["old begins", "new"]
    assert work.version == 1
    old.go.set()
    work.want([old.job])
    wait_until(lambda: order[-1] == "old ends")


def test_what_is_asked_for_by_name_overtakes_a_check_that_runs_which_then_starts_again():
    order, work = [], Work(Queue())
    check = Steps("check", order)
    work.want([check.job])
    assert check.begun.wait(5)
    work.want([quick("asked", order, urgent=True), check.job])
    wait_until(lambda: "asked" in order)
    check.go.set()
    wait_until(lambda: not work.left)
    assert order == ["check begins", "asked", "check begins", "check ends"]


def test_a_page_that_is_gone_keeps_nothing_running(monkeypatch):
    monkeypatch.setattr(module, "_LEASE", 0.2)
    order, work = [], Work(Queue())
    job = Steps("job", order)
    work.want([job.job, quick("next", order)])
    assert job.begun.wait(5)
    wait_until(lambda: work._thread is None)
    assert order == ["job begins"]
    job.go.set()
    work.go_on()  # it has come back
    wait_until(lambda: not work.left)
    assert order == ["job begins", "job begins", "job ends", "next"]


def test_a_failure_is_known_and_the_others_go_on(caplog):
    order, work = [], Work(Queue())

    def fail(say) -> None:
        raise ValueError("what a visitor said")

    work.want([Job(("check", "lime"), fail), quick("next", order)])
    wait_until(lambda: not work.left)
    assert work.failed(("check", "lime"))
    assert not work.failed("next")
    assert order == ["next"]
    assert "check failed: ValueError" in caplog.text
    assert "visitor" not in caplog.text


def test_a_busy_server_postpones_checks_but_not_what_was_asked_for(monkeypatch):
    monkeypatch.setattr(module, "_PATIENCE", 0.1)
    order, queue = [], Queue()
    work, asked = Work(queue), Work(queue)
    with queue.turn():
        work.want([quick("check", order)])
        asked.want([quick("asked", order, urgent=True)])
        wait_until(lambda: work.postponed("check"))
        assert order == []
    wait_until(lambda: order == ["asked"])
    work.again("check")
    work.want([quick("check", order)])
    wait_until(lambda: order == ["asked", "check"])


def test_a_check_steps_aside_for_another_visitor_and_goes_on_after():
    order, queue = [], Queue()
    work = Work(queue)
    check = Steps("check", order)
    work.want([check.job])
    assert check.begun.wait(5)
    start = time.perf_counter()
    with queue.turn():
        assert time.perf_counter() - start < 1
        order.append("visitor")
        check.go.set()
        time.sleep(0.2)
        assert order == ["check begins", "visitor"]
    wait_until(lambda: not work.left)
    assert order == ["check begins", "visitor", "check ends"]


def test_a_check_stands_still_while_a_page_is_drawn():
    spoken, queue = [], Queue()
    stop = threading.Event()

    def speak(say) -> None:
        while not stop.is_set():
            spoken.append(time.monotonic())
            say("at work")
            time.sleep(0.01)

    work = Work(queue)
    work.want([Job("check", speak)])
    wait_until(lambda: len(spoken) > 3)
    with queue.drawing():
        time.sleep(0.05)
        count = len(spoken)
        time.sleep(0.3)
        assert len(spoken) == count
    wait_until(lambda: len(spoken) > count + 3)
    stop.set()
    wait_until(lambda: not work.left)
    with queue.turn():  # its place was given back once, not twice
        assert queue._free == 0

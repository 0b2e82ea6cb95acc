"""How much is done, and the time left, for people at a terminal and for log files."""

import io
import itertools
from contextlib import redirect_stderr

import pytest

from models.evaluation.cross_validation import learn
from models.monitoring import progress
from models.monitoring.progress import EpochProgress, Progress, shown


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def clock(monkeypatch):
    """Ten seconds pass between any two looks at it."""
    ticks = itertools.count(0, 10)
    monkeypatch.setattr(progress.time, "monotonic", lambda: float(next(ticks)))


@pytest.mark.usefixtures("clock")
def test_without_a_terminal_there_is_a_line_a_minute():
    with redirect_stderr(io.StringIO()) as stderr, Progress("fused") as bar:
        for done in range(1, 121):
            bar.show(done, 120, f"epoch {done} of 120")
    lines = stderr.getvalue().splitlines()
    assert lines[0] == "fused: epoch 6 of 120, 19:00 left"  # ten seconds each
    assert len(lines) == 20
    assert lines[-1] == "fused: epoch 120 of 120, 00:00 left"


@pytest.mark.usefixtures("clock")
def test_what_is_gone_through_is_counted_and_handed_on():
    with redirect_stderr(io.StringIO()) as stderr:
        assert list(shown("abcdefghijkl", "features of faces", 12)) == list("abcdefghijkl")
    assert stderr.getvalue().splitlines() == ["features of faces: 6 of 12, 01:00 left", "features of faces: 12 of 12, 00:00 left"]


def test_without_a_terminal_what_takes_less_than_a_minute_is_silent():
    with redirect_stderr(io.StringIO()) as stderr, Progress("linear") as bar:
        for done in range(1000):
            bar.show(done, 1000, f"{done} of 1000")
    assert stderr.getvalue() == ""


@pytest.mark.usefixtures("clock")
def test_on_a_terminal_there_is_a_bar_with_the_time_left():
    with redirect_stderr(Terminal()) as stderr, Progress("scoring") as bar:
        bar.show(0, 4, "0 of 4 splits")
        bar.show(1, 4, "1 of 4 splits")
        shown = stderr.getvalue().split("\r")
    assert any(part.startswith("scoring: 0 of 4 splits, ? left |") for part in shown)
    quarter = next(part for part in shown if part.startswith("scoring: 1 of 4 splits, 01:00 left |"))  # 20 s for one
    full = quarter.count("█") + quarter.count("#")
    assert full / (full + quarter.split("|")[1].count(" ")) == pytest.approx(0.25, abs=0.1)
    assert stderr.getvalue().split("\r")[-2].strip() == ""  # nothing of it stays


def test_epochs_of_teachers_count(corpus, monkeypatch):
    shown = []
    with Progress("fused") as bar:
        monkeypatch.setattr(bar, "show", lambda *row: shown.append(row))
        settings = {"epochs": 2, "taught_epochs": 3, "batch": 32, "epoch_size": 32, "teachers": 1}
        learn("fused", *corpus, settings, monitor=EpochProgress(bar))
    words = [f"teacher {modality} 1, epoch {k}" for modality in ("voice", "face") for k in (1, 2)]
    words += [f"epoch {k} of 3" for k in (1, 2, 3)]
    assert shown == [(done, 7, what) for done, what in enumerate(words, 1)]

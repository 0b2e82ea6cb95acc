"""Files that once broke a reader, or were made to: found by ``python -m tests.fuzz.readers``, kept, and replayed here."""

import pytest

from tests.fuzz.oracle import complaint
from tests.fuzz.readers import FINDINGS
from tests.fuzz.seeds import seeds

CASES = sorted(FINDINGS.glob("*")) if FINDINGS.exists() else []


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.name)
def test_a_finding_stays_mended(path):
    assert complaint(path.read_bytes()) is None


def test_the_seeds_are_taken_as_they_are():
    assert [complaint(data) for data in seeds()] == [None] * len(list(seeds()))


@pytest.mark.parametrize("fault", [ValueError("x"), RecursionError(), AssertionError()])
def test_the_oracle_sees_a_fault(fault, monkeypatch):
    from features import media

    def broken(data):
        raise fault

    monkeypatch.setattr(media, "read_sound", broken)
    assert complaint(b"x") == f"_listen: {type(fault).__name__} in broken"

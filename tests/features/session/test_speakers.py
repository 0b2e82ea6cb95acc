"""Voices are grouped by how they sound, and nobody is named where that is not clear."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.session.speakers import NOBODY, Voice, centres_of, changes, group_speakers, windows_of

RNG = np.random.default_rng(0)
CENTRES = np.abs(RNG.normal(0, 1, (4, 64)))


def voice(start: float, seconds: float, who: int, spread: float = 0.25, seed: int = 0) -> Voice:
    rng = np.random.default_rng(seed + round(1000 * start))
    codes = np.abs(CENTRES[who] + rng.normal(0, spread, (len(windows_of(seconds)), 64)))
    return Voice(start, start + seconds, (codes / np.linalg.norm(codes, axis=1, keepdims=True)).astype(np.float32))


def dialogue(order: list[int], seconds: float = 4.0) -> list[Voice]:
    return [voice(k * (seconds + 1), seconds, who) for k, who in enumerate(order)]


@given(st.integers(2, 4), st.integers(0, 99))
@settings(max_examples=25, deadline=None)
def test_planted_speakers_are_found(count, seed):
    order = list(range(count)) * 2 + np.random.default_rng(seed).integers(0, count, 20).tolist() + list(range(count)) * 2
    who = group_speakers(dialogue(order))
    assert who.max() + 1 == count
    pairs = set(zip(order, who.tolist(), strict=True))
    assert len(pairs) == count  # the same names, one for one
    named = list(dict.fromkeys(who.tolist()))
    assert named == sorted(named)  # in the order of appearance


def test_one_speaker_is_one():
    assert set(group_speakers(dialogue([2] * 20)).tolist()) == {0}


def test_a_number_that_is_known_holds():
    order = [0, 1, 2] * 6
    assert set(group_speakers(dialogue(order), count=2).tolist()) == {0, 1}
    assert set(group_speakers(dialogue(order), count=1).tolist()) == {0}


def test_who_is_heard_too_little_or_between_two_is_nobody():
    known = dialogue([0, 1] * 6)
    between = (CENTRES[0] / np.linalg.norm(CENTRES[0]) + CENTRES[1] / np.linalg.norm(CENTRES[1]))[None]
    doubtful = Voice(100.0, 104.0, (between / np.linalg.norm(between)).astype(np.float32))
    who = group_speakers([*known, doubtful, voice(110.0, 0.4, 0)])
    assert who[-2:].tolist() == [NOBODY, NOBODY]
    assert (who[:-2] >= 0).all()
    assert group_speakers([voice(0.0, 0.3, 0)]).tolist() == [NOBODY]
    assert group_speakers([]).tolist() == []


@pytest.mark.parametrize("first", [3.0, 5.0])
def test_another_voice_within_a_stretch_is_cut_off(first):
    known = dialogue([0, 1] * 6)
    who = group_speakers(known)
    parts = [voice(0.0, first, 0).codes, voice(50.0, 4.0, 1).codes]
    mixed = Voice(200.0, 200.0 + first + 4.0, np.concatenate(parts))
    found = changes(mixed, centres_of(known, who), 0)
    assert [speaker for _, speaker in found] == [0, 1]
    assert found[1][0] == pytest.approx(200.0 + first, abs=1.0)
    assert changes(voice(0.0, 6.0, 1), centres_of(known, who), 1) == [(0.0, 1)]

"""Stretches of speech lie where somebody speaks, however the sound comes in."""

from pathlib import Path

import numpy as np
import pytest

from features.audio import RATE, voice_of
from features.media import read_sound
from features.session.speech import speech_in

VOICE = voice_of(read_sound(Path("pages/sample/sure.mp4").read_bytes())).samples


def blocks(samples: np.ndarray, size: int):
    return [(0.0, samples[start : start + size]) for start in range(0, len(samples), size)]


def silence(seconds: float) -> np.ndarray:
    return np.zeros(round(seconds * RATE), np.float32)


@pytest.mark.parametrize("size", [RATE // 7, 3 * RATE])
def test_speech_between_silences(size):
    sound = np.concatenate([silence(2.0), VOICE, silence(3.0), VOICE, silence(1.0)])
    found = list(speech_in(blocks(sound, size)))
    length = len(VOICE) / RATE
    for first, last in ((2.0, 2.0 + length), (5.0 + length, 5.0 + 2 * length)):
        inside = [part for part in found if first - 0.1 <= part.start and part.end <= last + 0.1]
        assert inside
    assert all(part.end <= 2.1 + length or part.start >= 4.9 + length for part in found)
    assert all(len(part.samples) == pytest.approx(part.seconds * 16_000, abs=2) for part in found)
    once = list(speech_in(blocks(sound, len(sound))))
    assert [(part.start, part.end) for part in once] == [(part.start, part.end) for part in found]


def test_nothing_where_nobody_speaks():
    noise = np.random.default_rng(0).normal(0, 0.05, 5 * RATE).astype(np.float32)
    assert list(speech_in(blocks(noise, RATE))) == []
    assert list(speech_in([])) == []


def test_who_never_pauses_is_cut_all_the_same():
    loud = VOICE[len(VOICE) // 3 : len(VOICE) // 2]
    endless = np.tile(loud, round(80 * RATE / len(loud)))
    found = list(speech_in(blocks(endless, 10 * RATE)))
    assert max(part.seconds for part in found) <= 30.1
    assert sum(part.seconds for part in found) > 60

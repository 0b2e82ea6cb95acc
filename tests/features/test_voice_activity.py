"""Speech is heard in speech, and in nothing else."""

import numpy as np
import pytest

from features.audio import RATE
from features.voice_activity import speech_probabilities, speech_probability

RNG = np.random.default_rng(0)
T = np.arange(2 * RATE) / RATE


def sample() -> np.ndarray:
    data = open("pages/sample/sure.mp4", "rb").read()  # noqa: SIM115
    from features.media import read_sound

    sound = read_sound(data)
    from features.audio import to_mono

    return to_mono(sound.samples, sound.rate)


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


def test_speech_is_heard_and_where(request):
    voice = sample()
    assert speech_probability(voice) > 0.9
    late = np.concatenate([np.zeros(2 * RATE, np.float32), voice])
    found = speech_probabilities(late)
    assert len(found) == -(-len(late) * 16_000 // RATE // 512)
    assert found[: int(2 / 0.032) - 2].max() < 0.3
    assert found[int(2 / 0.032) :].max() > 0.9


def test_a_moment_of_it_is_not_enough():
    """A click that is taken for speech for 32 ms leaves the rest of the third of a second at nothing."""
    assert speech_probability(np.zeros(100, np.float32)) < 0.05

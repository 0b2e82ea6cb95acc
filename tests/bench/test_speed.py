"""Clips of any length for the benchmark are the sample over and over."""

import numpy as np
import pytest

from features.media import read_frames, read_sound
from tests.bench.speed import repeat_sound, repeat_video


@pytest.mark.parametrize("length", [2.0, 12.0])
def test_a_repeated_pair_has_the_length_and_the_pictures(sample, length):
    voice, film = repeat_sound(sample[0], length), repeat_video(sample[1], length)
    sound, original = read_sound(voice), read_sound(sample[0])
    assert sound.seconds == pytest.approx(length, abs=0.01)
    count = min(len(original.samples), len(sound.samples))
    assert np.array_equal(sound.samples[:count], original.samples[:count])
    ends: list[float] = []
    frames = list(read_frames(film, 1, ends.append))
    assert ends[0] == pytest.approx(length, abs=0.05)
    assert (np.diff([frame.time for frame in frames]) > 0).all()
    first = [frame.rgb for frame in read_frames(sample[1], 1)]
    if length > 10:
        assert np.array_equal(frames[len(first)].rgb, first[0])

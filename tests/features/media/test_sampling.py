"""Which pictures are looked at: by count at the usual rates, by time at any other, and none that shows nothing if another does."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.media import limits, read_frames
from features.media.pictures import picture_times
from features.media.sampling import Sampling, is_plain, usual_sampling
from tests.conftest import encode_video


def chosen(times: np.ndarray) -> list[int]:
    """Numbers of the pictures of a film whose every picture shows something else."""
    sampling = replace(usual_sampling(times), choosy=False)
    return [index for index, _, _ in sampling.chosen((k, float(t), None) for k, t in enumerate(times - times[0]))]


def noise(count: int, seed: int = 0) -> list[np.ndarray]:
    return list(np.random.default_rng(seed).integers(0, 255, (count, 48, 64, 3)).astype(np.uint8))


@given(st.floats(24, 31), st.integers(1, 3000), st.floats(0, 100))
def test_at_the_usual_rates_it_is_every_30th(rate, count, start):
    assert chosen(start + np.arange(count) / rate) == list(range(0, count, 30))


@given(st.one_of(st.floats(3, 23.5), st.floats(32, 240)), st.integers(2, 4000))
def test_at_any_other_rate_it_is_one_a_second(rate, count):
    times = np.arange(count) / rate
    picked = times[chosen(times)]
    assert picked[0] == 0
    seconds = np.unique((times + 1e-6).astype(int))
    assert np.array_equal((picked + 1e-6).astype(int), seconds[: limits.MAX_FRAMES])
    assert ((picked + 1e-6) % 1 < 1 / rate + 2e-6).all()
    if count / rate >= 3:
        assert len(picked) >= 3


@given(st.lists(st.floats(0.004, 0.9), min_size=3, max_size=200))
def test_at_a_rate_that_varies_no_two_seconds_go_unseen(steps):
    times = np.r_[0, np.cumsum(steps)]
    picked = times[chosen(times)]
    assert (np.diff(picked) > 0).all()
    assert np.diff(np.r_[picked, times[-1]]).max() < 2.2
    if times[-1] >= 3:
        assert len(picked) >= 3


def test_a_film_that_slows_down_is_looked_at_by_time():
    times = np.r_[np.arange(40) / 30, 2 + np.arange(16) / 2]
    assert usual_sampling(times).every is None
    assert len(chosen(times)) == 10


def test_five_minutes_at_60_frames_a_second_are_five_minutes():
    times = np.arange(5 * 60 * 60 + 1) / 60
    picked = times[chosen(times)]
    assert len(picked) == limits.MAX_FRAMES
    assert picked[-1] == 299


@pytest.mark.parametrize(
    ("fps", "count", "expected"), [(25, 80, [0, 30, 60]), (5, 16, [0, 5, 10, 15]), (60, 150, [0, 60, 120]), (10, 30, [0, 10, 20])]
)
def test_films_of_every_rate(fps, count, expected):
    film = encode_video(noise(count), fps)
    assert np.allclose(picture_times(film) - picture_times(film)[0], np.arange(count) / fps, atol=1e-3)
    frames = list(read_frames(film))
    assert [frame.index for frame in frames] == expected
    assert np.allclose([frame.time for frame in frames], np.array(expected) / fps, atol=1e-3)


@pytest.mark.parametrize(("fps", "expected"), [(5, [1, 5, 10]), (30, [1])])
def test_a_black_beginning_gives_way_to_the_next_picture(fps, expected):
    pictures = [np.zeros((48, 64, 3), np.uint8), *noise(14)]
    assert [frame.index for frame in read_frames(encode_video(pictures, fps))] == expected


def test_a_film_that_shows_nothing_is_still_read():
    frames = list(read_frames(encode_video([np.zeros((48, 64, 3), np.uint8)] * 30, 10)))
    assert [frame.index for frame in frames] == [0, 10, 20]


def test_a_picture_that_is_shown_again_gives_way():
    first, *others = noise(6)
    pictures = [first] * 12 + [others[0]] * 8 + [others[1]] * 10
    frames = list(read_frames(encode_video(pictures, 10, codec="ffv1", container="matroska", pixels="bgr0")))
    assert [frame.index for frame in frames] == [0, 12, 20]


def test_a_stride_that_was_asked_for_is_kept_whatever_is_seen():
    pictures = [np.zeros((48, 64, 3), np.uint8), *noise(29)]
    for fps in (5, 30, 60):
        assert [frame.index for frame in read_frames(encode_video(pictures, fps), stride=7)] == [0, 7, 14, 21, 28]
    assert Sampling(7, choosy=False).slot(13, 99.0) == 1


def test_a_dark_face_is_not_nothing():
    from skimage.data import astronaut

    assert not is_plain((astronaut()[:, :, 0] * 0.1).astype(np.uint8))
    assert is_plain(np.random.default_rng(0).normal(12, 2, (32, 32)))

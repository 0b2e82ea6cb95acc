"""Sound and picture on the clock of their file: late tracks, missing packets, time stamps that are wrong."""

from fractions import Fraction
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from features.media import MediaError, read_frames, read_sound
from features.media.clock import FileClock, PictureTimes, SoundTimes, file_clock, file_end
from tests.conftest import tone, wav
from tests.films import BLOCK, film

RATE = 8000
VOICE = np.random.default_rng(0).normal(0, 0.1, 2 * RATE).clip(-0.9, 0.9)
ROUNDED = 2e-3  # seconds: Matroska has milliseconds


def times(data: bytes) -> np.ndarray:
    return np.array([frame.time for frame in read_frames(data, 1)])


def heard_at(samples: np.ndarray, part: np.ndarray, rate: int = RATE) -> float:
    """Seconds into ``samples`` at which they are most like ``part``."""
    size = len(samples) + len(part)
    alike = np.fft.irfft(np.fft.rfft(samples, size) * np.conj(np.fft.rfft(part, size)), size)
    return int(alike[: len(samples)].argmax()) / rate


@settings(max_examples=25, deadline=None)
@given(st.sampled_from([0.0, 0.3, 1.5, 2.25]), st.sampled_from([0.0, 0.2, 1.0]), st.sampled_from([10, 25, 30, 60]))
def test_every_track_starts_when_it_starts(sound_starts, picture_starts, fps):
    data = film([(VOICE, sound_starts)], 20, fps, picture_starts)
    zero = min(sound_starts, picture_starts)
    sound = read_sound(data)
    assert sound.start == pytest.approx(sound_starts - zero, abs=ROUNDED)
    assert len(sound.samples) == len(VOICE)  # nothing is padded
    assert_allclose(times(data), picture_starts - zero + np.arange(20) / fps, atol=ROUNDED)
    assert file_end(data) == pytest.approx(max(sound_starts + 2, picture_starts + 20 / fps) - zero, abs=0.15)


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 6), st.integers(1, 9), st.sampled_from([0.0, 0.7]))
def test_missing_packets_are_silence(first, missing, starts):
    a, b = (BLOCK * k for k in (first, first + missing))
    gone = starts + a / RATE - 0.01, starts + b / RATE - 0.01
    data = film([(VOICE, starts)], 100, moved=lambda kind, t: None if kind == "audio" and gone[0] < t < gone[1] else t)
    samples = read_sound(data).samples[:, 0]
    assert len(samples) == pytest.approx(len(VOICE), abs=ROUNDED * RATE)
    assert_allclose(samples[:a], VOICE[:a], atol=1e-4)
    assert not samples[a : b - 16].any()
    assert heard_at(samples, VOICE[b:]) == pytest.approx(b / RATE, abs=ROUNDED)


def test_a_long_gap_is_silence_while_the_picture_goes_on():
    data = film([(VOICE, 0.0)], 250, moved=lambda kind, t: t + 7 if kind == "audio" and t > 1 else t)
    samples = read_sound(data).samples[:, 0]
    assert len(samples) == pytest.approx(9 * RATE, rel=0.01)


@pytest.mark.parametrize("jump", [20.0, 200.0, 80_000.0])
@pytest.mark.parametrize("kind", ["audio", "video", "both"])
def test_a_jump_that_nothing_fills_is_another_clock(jump, kind):
    def moved(own, time):
        return time + 100 + (jump if time > 1 and kind in (own, "both") else 0)

    data = film([(VOICE, 0.0)], 50, moved=moved)
    assert len(read_sound(data).samples) == len(VOICE)
    found = times(data)
    assert len(found) >= 48
    assert (np.diff(found) > 0).all()
    assert found[-1] - found[0] == pytest.approx(2, abs=0.2)


@pytest.mark.parametrize("jump", [-3.0, -50.0])
def test_time_stamps_that_go_back_are_another_clock(jump):
    """Muxers refuse to write them; recorders do not."""
    stream = SimpleNamespace(average_rate=25, start_time=0, time_base=Fraction(1, 25), codec_context=SimpleNamespace(has_b_frames=False))
    container = SimpleNamespace(format=SimpleNamespace(name="matroska,webm"))
    stamps = [10 + k / 25 + (jump if k >= 10 else 0) for k in range(20)]
    pictures = PictureTimes(container, stream, FileClock(10.0))
    assert_allclose([pictures(SimpleNamespace(time=time, dts=None)) for time in stamps], np.arange(20) / 25)
    sounds, silence = SoundTimes(container, 25, FileClock(10.0)), []
    for time in stamps:
        silence.append(sounds.silence_before(time))
        sounds.placed(1)
    assert silence == [0] * 20


def test_pictures_stored_out_of_order_in_avi_are_shown_in_order():
    data = film([(VOICE, 0.0)], 40, container="avi", codec="libx264", bf="3")
    assert_allclose(times(data), np.arange(40) / 25, atol=1e-6)


def test_frames_without_a_rhythm_keep_their_times():
    when = np.cumsum(np.random.default_rng(1).uniform(0.02, 0.3, 20))
    data = film([], 20, moved=lambda kind, t: float(when[round(t * 25)]))
    assert_allclose(times(data), when - when[0], atol=ROUNDED)


def test_equal_time_stamps_become_different_times():
    data = film([], 20, moved=lambda kind, t: round(t * 25) // 2 * 2 / 25)
    assert_allclose(times(data), np.arange(20) / 25, atol=0.01)


def test_priming_is_cut_off_and_counts_in_no_time():
    late = film([(VOICE, 1.5)], 40, container="mp4", codec="libx264", sound_codec="aac")
    sound = read_sound(late)
    assert sound.start + heard_at(sound.samples[:, 0], VOICE) == pytest.approx(1.5, abs=5e-3)
    plain = read_sound(film([(VOICE, 0.0)], 40, container="mp4", codec="libx264", sound_codec="aac"))
    assert plain.start + heard_at(plain.samples[:, 0], VOICE) == pytest.approx(0, abs=5e-3)


def test_a_file_with_one_track_begins_with_it():
    assert file_clock(film([], 10, start=3.0)).zero is file_clock(film([(VOICE, 3.0)], 0)).zero is None
    assert times(film([], 10, start=3.0))[0] == 0
    assert read_sound(film([(VOICE, 3.0)], 0)).start == 0
    assert read_sound(wav(tone(0.5))).start == 0


def test_limits_hold_where_silence_is_put_in():
    data = film([(VOICE, 0.0)], 400, 1, moved=lambda kind, t: 350 + t if kind == "audio" and t > 1 else t)
    with pytest.raises(MediaError, match="longer than"):
        read_sound(data)

"""No voice is lost: the track that has it, the channels that have it, and how players mix them."""

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from features.media import Sound, read_sound
from features.media.channels import one_channel
from features.media.envelope import active_power, moments_of, speech_likeness
from tests.conftest import wav
from tests.films import film

RATE = 8000
RNG = np.random.default_rng(0)


def syllables(seconds: float = 3.0, seed: int = 0, hz: float = 4.0) -> np.ndarray:
    """Noise that swells and fades as speech does."""
    t = np.arange(round(seconds * RATE)) / RATE
    return (np.random.default_rng(seed).normal(0, 0.1, len(t)) * (np.sin(np.pi * hz * t) ** 2 * (t % 1 < 0.8))).astype(np.float32)


VOICE = syllables()
NOISE = RNG.normal(0, 0.1, len(VOICE)).astype(np.float32)
EMPTY = np.zeros_like(VOICE)


def mixed(*channels: np.ndarray, speakers: tuple[str, ...] | None = None) -> np.ndarray:
    return one_channel(Sound(np.stack(channels, axis=1).astype(np.float32), RATE, speakers=speakers))[0]


@given(st.floats(0.4, 1.0), st.integers(0, 9))
@settings(max_examples=20, deadline=None)
def test_two_good_channels_give_their_mean_exactly(share, seed):
    pair = np.stack([VOICE, np.float32(share) * VOICE + 0.1 * syllables(seed=seed)], axis=1).astype(np.float32)
    mono, offset, notes = one_channel(Sound(pair, RATE))
    assert_array_equal(mono, pair.mean(axis=1, dtype=np.float32))
    assert (offset, notes) == (0.0, ())


@pytest.mark.parametrize(
    ("other", "says"),
    [
        (-VOICE, "opposite phase"),
        (-0.7 * VOICE + 0.01 * NOISE, "opposite phase"),
        (EMPTY, "empty"),
        (0.001 * NOISE, "empty|noise"),
        (0.2 * VOICE, "quieter"),
        (NOISE, "noise"),
        (3 * NOISE, "noise"),
    ],
)
@pytest.mark.parametrize("swapped", [False, True])
def test_the_channel_that_has_the_voice_is_taken_and_named(other, says, swapped):
    pair = np.stack([other, VOICE] if swapped else [VOICE, other], axis=1).astype(np.float32)
    mono, _, (note,) = one_channel(Sound(pair, RATE))
    same = np.array_equal(other, -VOICE)  # either is as good as the other
    assert_allclose(np.abs(mono) if same else mono, np.abs(VOICE) if same else VOICE, atol=1e-6)
    assert same or f"from the {'right' if swapped else 'left'} channel alone" in note
    assert re.search(says, note)


def test_two_people_on_two_channels_are_both_heard():
    half = len(VOICE) // 2
    first, second = (np.where(np.arange(len(VOICE)) < half, *pair) for pair in ((VOICE, 0), (0, VOICE)))
    assert_allclose(mixed(first, second), VOICE / 2, atol=1e-6)


@pytest.mark.parametrize("count", [3, 5, 6, 7, 8])
def test_a_voice_in_the_centre_is_as_loud_as_by_itself(count):
    channels = [EMPTY] * count
    channels[2] = VOICE
    assert_allclose(mixed(*channels), VOICE, atol=1e-6)


@pytest.mark.parametrize("place", range(8))
def test_a_voice_on_any_speaker_is_as_loud_as_by_itself(place):
    channels = [EMPTY] * 8
    channels[place] = VOICE
    assert_allclose(mixed(*channels), VOICE, atol=1e-5)


def test_speakers_are_mixed_as_in_bs_775():
    """Left, right, centre, deep effects, rear: sounds that have nothing in common."""
    parts = [syllables(seed=k) for k in range(6)]
    found = mixed(*parts, speakers=("FL", "FR", "FC", "LFE", "BL", "BR"))
    wanted = parts[2] + 0.5**0.5 * (parts[0] + parts[1]) + 0.5 * (parts[4] + parts[5])
    assert_allclose(found / np.abs(found).max(), wanted / np.abs(wanted).max(), atol=1e-5)
    other = mixed(*parts, speakers=("FC", "FL", "FR", "BL", "BR", "LFE"))
    assert np.corrcoef(other, found)[0, 1] < 0.9


def test_equal_channels_are_no_louder_than_one():
    for count in (4, 6, 8):
        assert np.abs(mixed(*[VOICE] * count)).max() == pytest.approx(np.abs(VOICE).max(), rel=1e-3)


def test_the_mask_of_a_file_says_which_channel_is_which():
    samples = np.stack([EMPTY, EMPTY, VOICE, EMPTY, EMPTY, EMPTY], axis=1)
    sound = read_sound(wav(samples, RATE, "PCM_16"))
    assert sound.samples.shape == (len(VOICE), 6)
    assert_allclose(one_channel(sound)[0], VOICE, atol=1e-4)


@pytest.mark.parametrize(("tracks", "expected"), [(2, 1), (3, 2)])
@pytest.mark.parametrize("other", [EMPTY, NOISE, 0.001 * NOISE])
def test_the_track_with_speech_is_listened_to_and_it_is_said(tracks, expected, other):
    sound = read_sound(film([(VOICE if k == expected else other, 0.0) for k in range(tracks)], 30, rate=RATE))
    assert_allclose(sound.samples[:, 0], VOICE, atol=1e-4)
    assert sound.notes == (
        f"The file has {tracks} sound tracks: number {expected + 1} was listened to, the one that sounds most like speech.",
    )


def test_of_tracks_that_are_all_speech_the_first_is_taken():
    sound = read_sound(film([(syllables(seed=k), 0.0) for k in range(3)], 30, rate=RATE))
    assert_allclose(sound.samples[:, 0], syllables(seed=0), atol=1e-4)
    assert "number 1" in sound.notes[0]


def test_speech_swells_and_noise_does_not():
    assert speech_likeness(VOICE[:, None], RATE) > 0.3
    assert speech_likeness(NOISE[:, None], RATE) < 0.1
    assert speech_likeness(EMPTY[:, None], RATE) == speech_likeness(EMPTY[:0, None], RATE) == 0


def test_silence_between_words_is_no_part_of_their_power():
    power = moments_of(np.concatenate([np.zeros(5 * RATE), NOISE])[:, None], RATE)
    assert active_power(power)[0] == pytest.approx(0.01, rel=0.1)

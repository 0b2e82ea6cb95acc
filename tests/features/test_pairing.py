"""Only one utterance, through whatever microphones, fits itself."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.audio import RATE, to_mono
from features.media import read_sound
from features.pairing import SAME, compare, pair
from models.data.augmentation import aac, band_pass, gain, noise, reverb, tilt
from tests.conftest import encode_video, tone
from tests.features.takes import repeated, sharpness

VIDEO = [np.zeros((64, 64, 3), np.uint8)] * 31


def hiss(seed: int, seconds: float = 1.0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 0.1, int(seconds * RATE)).astype(np.float32)


@pytest.fixture(scope="module")
def takes(clips) -> list[tuple[np.ndarray, bytes]]:
    sounds = [read_sound(audio) for audio, _ in clips]
    return [(to_mono(sound.samples, sound.rate), video) for sound, (_, video) in zip(sounds, clips, strict=True)]


def test_every_published_pair_is_of_one_take(takes):
    found = [pair(voice, video) for voice, video in takes]
    assert all(each.sharpness > 1000 and abs(each.lag) < 0.1 for each in found)


def test_no_voice_fits_the_video_of_another(takes):
    for (voice, _), (_, video) in itertools.permutations(takes, 2):
        assert not pair(voice, video).same


@pytest.mark.parametrize(
    "microphone",
    [
        lambda x: gain(x, -20),
        lambda x: tilt(x, 4),
        lambda x: noise(x, 0, np.random.default_rng(0)),
        lambda x: reverb(x, 1.0, np.random.default_rng(0), 1.5),
        lambda x: aac(x, 32),
        band_pass,
    ],
    ids=["softer", "sharper", "noise", "church", "codec", "telephone"],
)
def test_another_microphone_does_not_matter(takes, microphone):
    assert all(pair(microphone(voice), video).same for voice, video in takes)


def test_the_same_sentence_said_again_is_not_the_same_take(data):
    """By one actor, in one emotion, with one intensity; actor 07's two takes of one happy sentence are one recording."""
    pairs = list(repeated(data / "ravdess_speech"))
    found = [(first.name, second.name) for first, second in pairs if sharpness(first, second) >= SAME]
    assert len(pairs) == 720
    assert [first for first, _ in found] == ["03-01-03-01-02-01-07.flac"]


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**31), st.integers(-40_000, 40_000))
def test_the_lag_is_found(seed, lag):
    sound = hiss(seed, 2.0)
    found = compare(np.pad(sound, (max(lag, 0), 0)), np.pad(sound, (max(-lag, 0), 0)))
    assert found.same
    assert found.lag == pytest.approx(lag / RATE, abs=1 / RATE)


def test_nothing_is_said_where_nothing_is_heard():
    voice = hiss(0)
    assert pair(voice, encode_video(VIDEO)) is None
    assert pair(voice, encode_video(VIDEO, sound=np.zeros(RATE))) is None
    assert pair(np.zeros(RATE, np.float32), encode_video(VIDEO, sound=hiss(1))) is None
    assert pair(voice, b"no video") is None


def test_only_the_beginning_is_read(monkeypatch):
    monkeypatch.setattr("features.pairing._COMPARED", 1.0)
    voice = hiss(0, 3.0)
    assert pair(np.concatenate([voice[:RATE], hiss(5, 2.0)]), encode_video(VIDEO * 3, sound=voice)).same


@pytest.mark.parametrize("seconds", [0.05, 0.5, 2.0])
def test_a_tone_is_compared_without_an_accident(seconds):
    """A tone fits itself everywhere: no claim can be wrong, but it must not crash or divide by nothing."""
    found = compare(tone(seconds).astype(np.float32), tone(0.5).astype(np.float32))
    assert np.isfinite([found.sharpness, found.lag]).all()

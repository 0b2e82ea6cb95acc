"""The voice in pieces is the voice as a whole."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from features import MediaError
from features.audio import RATE, voice_of
from features.media import read_sound
from features.session.sound import BLOCK, find_voice, sound_blocks, voice_between
from features.session.source import Source, open_source
from tests.conftest import encode_video, wav


def speech(seconds: float, seed: int = 0) -> np.ndarray:
    t = np.arange(round(seconds * RATE)) / RATE
    return (np.random.default_rng(seed).normal(0, 0.1, len(t)) * np.sin(np.pi * 2 * t) ** 2).astype(np.float32)


def opened(tmp_path, data: bytes, name: str = "a.wav") -> Source:
    (tmp_path / name).write_bytes(data)
    return open_source(tmp_path / name)


@pytest.mark.parametrize("rate", [22_050, 16_000, 48_000])
def test_the_pieces_are_the_whole(tmp_path, rate):
    data = wav(speech(24.0)[: round(24.0 * RATE)], rate)
    source = opened(tmp_path, data)
    blocks = list(sound_blocks(source, find_voice(source)))
    assert [len(block) for _, block in blocks[:-1]] == [round(BLOCK * RATE)] * (len(blocks) - 1)
    assert_allclose([start for start, _ in blocks], BLOCK * np.arange(len(blocks)), atol=1e-9)
    whole, expected = np.concatenate([block for _, block in blocks]), voice_of(read_sound(data)).samples
    assert abs(len(whole) - len(expected)) <= 1
    assert_allclose(whole[: len(expected)], expected[: len(whole)], atol=1e-5)


def test_channels_are_chosen_as_for_a_clip(tmp_path):
    voice = speech(20.0)
    data = wav(np.stack([voice, -voice], axis=1))
    source = opened(tmp_path, data)
    found = find_voice(source)
    assert any("opposite phase" in note for note in found.notes)
    whole = np.concatenate([block for _, block in sound_blocks(source, found)])
    assert_allclose(whole, voice_of(read_sound(data)).samples, atol=1e-4)
    assert np.abs(whole).max() > 0.1


def test_a_stretch_is_that_of_the_whole(tmp_path):
    film = encode_video([np.zeros((64, 64, 3), np.uint8)] * 300, sound=speech(10.0))
    source = opened(tmp_path, film, "a.mp4")
    voice = find_voice(source)
    starts, blocks = zip(*sound_blocks(source, voice), strict=True)
    start, whole = starts[0], np.concatenate(blocks)
    begins, part = voice_between(source, voice, 4.0, 6.5)
    first = round((begins - start) * RATE)
    assert len(part) == round(2.5 * RATE)
    assert_allclose(part[100:-100], whole[first : first + len(part)][100:-100], atol=0.01)
    assert_array_equal(voice_between(source, voice, 4.0, 6.5)[1], part)


def test_without_sound_there_is_no_voice(tmp_path):
    source = opened(tmp_path, encode_video([np.zeros((64, 64, 3), np.uint8)] * 30), "a.mp4")
    with pytest.raises(MediaError, match="no sound track"):
        find_voice(source)

"""Headers that count less than follows."""

import struct

import numpy as np
import pytest
from numpy.testing import assert_allclose

from features.media import read_sound
from features.media.headers import mended_wav
from tests.conftest import tone, wav

PLAIN = wav(tone(0.5))


def counted(number: int, tail: bytes = b"") -> bytes:
    place = PLAIN.index(b"data") + 4
    return PLAIN[:place] + struct.pack("<I", number) + PLAIN[place + 4 :] + tail


@pytest.mark.parametrize("number", [0, 1, 1000, 2**31, 2**32 - 1])
def test_a_header_that_lies_is_read_to_the_end(number):
    assert_allclose(read_sound(counted(number)).samples, read_sound(PLAIN).samples)


def test_an_honest_header_is_left_alone():
    assert mended_wav(PLAIN) is PLAIN
    tagged = PLAIN + b"LIST" + struct.pack("<I", 4) + b"INFO"
    assert mended_wav(tagged) is tagged
    assert mended_wav(PLAIN + bytes(7)) == PLAIN + bytes(7)
    assert mended_wav(b"RIFF1234WAVE") == b"RIFF1234WAVE"
    assert mended_wav(b"fLaC" + bytes(50)) == b"fLaC" + bytes(50)


def test_an_empty_file_with_tags_stays_empty():
    head = PLAIN[: PLAIN.index(b"data") + 4] + struct.pack("<I", 0)
    assert mended_wav(head + b"LIST" + struct.pack("<I", 4) + b"INFO") == head + b"LIST" + struct.pack("<I", 4) + b"INFO"


def test_samples_that_look_like_no_chunk_are_samples():
    noise = np.random.default_rng(0).normal(0, 0.1, 5000)
    data = bytearray(wav(noise, 22_050))
    data[40:44] = struct.pack("<I", 2000)
    assert len(read_sound(bytes(data)).samples) == 5000

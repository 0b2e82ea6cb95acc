"""Headers that count less than follows."""

import io
import struct

import numpy as np
import pytest
import soundfile
from numpy.testing import assert_allclose

from features.media import read_sound
from features.media.headers import mended
from tests.conftest import tone, wav

PLAIN = wav(tone(0.5))


def counted(number: int, tail: bytes = b"") -> bytes:
    place = PLAIN.index(b"data") + 4
    return PLAIN[:place] + struct.pack("<I", number) + PLAIN[place + 4 :] + tail


@pytest.mark.parametrize("number", [0, 1, 1000, 2**31, 2**32 - 1])
def test_a_header_that_lies_is_read_to_the_end(number):
    assert_allclose(read_sound(counted(number)).samples, read_sound(PLAIN).samples)


# In which format, where its size is said from the start of which name, as what.
SIZES = [
    ("RF64", b"ds64", 16, "<Q"),
    ("AIFF", b"SSND", 4, ">I"),
    ("AU", b".snd", 8, ">I"),
    ("W64", b"data", 16, "<Q"),
    ("CAF", b"data", 4, ">Q"),
]


@pytest.mark.parametrize(("kind", "name", "place", "size"), SIZES)
@pytest.mark.parametrize("number", [0, 8, 100])
def test_other_formats_are_read_to_the_end_too(kind, name, place, size, number):
    buffer = io.BytesIO()
    soundfile.write(buffer, tone(0.5), 22_050, format=kind, subtype="PCM_16")
    data = bytearray(buffer.getvalue())
    assert mended(bytes(data)) == data
    struct.pack_into(size, data, data.index(name) + place, number)
    assert_allclose(read_sound(bytes(data)).samples, read_sound(buffer.getvalue()).samples)


def test_what_follows_the_samples_of_an_aiff_stays():
    buffer = io.BytesIO()
    soundfile.write(buffer, tone(0.5), 22_050, format="AIFF", subtype="PCM_16")
    tagged = buffer.getvalue() + b"ANNO" + struct.pack(">I", 4) + b"note"
    assert mended(tagged) is tagged


def test_an_honest_header_is_left_alone():
    assert mended(PLAIN) is PLAIN
    tagged = PLAIN + b"LIST" + struct.pack("<I", 4) + b"INFO"
    assert mended(tagged) is tagged
    assert mended(PLAIN + bytes(7)) == PLAIN + bytes(7)
    assert mended(b"RIFF1234WAVE") == b"RIFF1234WAVE"
    assert mended(b"fLaC" + bytes(50)) == b"fLaC" + bytes(50)


def test_an_empty_file_with_tags_stays_empty():
    head = PLAIN[: PLAIN.index(b"data") + 4] + struct.pack("<I", 0)
    assert mended(head + b"LIST" + struct.pack("<I", 4) + b"INFO") == head + b"LIST" + struct.pack("<I", 4) + b"INFO"


def test_samples_that_look_like_no_chunk_are_samples():
    noise = np.random.default_rng(0).normal(0, 0.1, 5000)
    data = bytearray(wav(noise, 22_050))
    data[40:44] = struct.pack("<I", 2000)
    assert len(read_sound(bytes(data)).samples) == 5000

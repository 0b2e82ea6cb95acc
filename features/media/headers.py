"""Headers of sound files that say less than what follows them."""

from __future__ import annotations

import struct

_UNKNOWN = 0xFFFFFFFF


def mended_wav(data: bytes) -> bytes:
    """The same file, or a WAV whose header counts all samples that follow; recorders that are cut off leave 0 there, or an old number.

    What follows the samples that are counted stays where it is if it is a chain of chunks, as tags are.
    """
    place = _samples_at(data)
    if place is None:
        return data
    counted, there = struct.unpack_from("<I", data, place - 4)[0], len(data) - place
    if counted >= there or _are_chunks(data, place + counted + counted % 2):
        return data
    mended = bytearray(data)
    struct.pack_into("<I", mended, place - 4, min(there, _UNKNOWN - 1))
    struct.pack_into("<I", mended, 4, min(len(data) - 8, _UNKNOWN - 1))
    return bytes(mended)


def _samples_at(data: bytes) -> int | None:
    """Where the samples of a WAV begin; None for anything else."""
    if data[:4] != b"RIFF" or data[8:12] != b"WAVE":
        return None
    place = 12
    while place + 8 <= len(data):
        name, size = data[place : place + 4], struct.unpack_from("<I", data, place + 4)[0]
        if name == b"data":
            return place + 8
        place += 8 + size + size % 2
    return None


def _are_chunks(data: bytes, place: int) -> bool:
    """Whether nothing but chunks, or padding shorter than one, lies from ``place`` on."""
    while place + 8 <= len(data):
        name, size = data[place : place + 4], struct.unpack_from("<I", data, place + 4)[0]
        if not all(0x20 <= letter < 0x7F for letter in name):
            return not any(data[place:])
        place += 8 + size + size % 2
    return place <= len(data) + 8

"""Headers of sound files that say less than what follows them."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

_UNKNOWN = 0xFFFFFFFF


@dataclass(frozen=True)
class _Samples:
    """Where the samples of a file begin, how many bytes of them its header counts, and where it says so.

    Attributes:
        sizes: (place, format of ``struct``, bytes that are counted there before the samples) of each number to be mended.
        chunks: format of the sizes of chunks that may follow; empty where nothing may.
    """

    place: int
    counted: int
    sizes: tuple[tuple[int, str, int], ...]
    chunks: str = ""


def mended(data: bytes) -> bytes:
    """The same file, or one whose header counts all samples that follow; recorders that are cut off leave 0 there, or an old number.

    WAV, RF64, AIFF, CAF and AU are looked at. What follows the samples that are counted stays where it is if it is a chain of chunks, as
    tags are.
    """
    samples = _samples_of(data)
    if samples is None:
        return data
    there = len(data) - samples.place
    if samples.counted >= there or (samples.chunks and _are_chunks(data, samples.place + samples.counted, samples.chunks)):
        return data
    whole = bytearray(data)
    for place, size, before in samples.sizes:
        most = 256 ** struct.calcsize(size) - 2
        struct.pack_into(size, whole, place, min(there + before, most))
    return bytes(whole)


def _samples_of(data: bytes) -> _Samples | None:
    """None for what is no such file, or has no samples."""
    kind, form = data[:4], data[8:12]
    if kind == b".snd" and len(data) > 24:
        offset, counted = struct.unpack_from(">II", data, 4)
        return _Samples(offset, counted, ((8, ">I", 0),))
    if kind in (b"RIFF", b"RF64") and form == b"WAVE":
        return _of_wave(data)
    if kind == b"FORM" and form in (b"AIFF", b"AIFC"):
        found = _chunk(data, b"SSND", ">I")
        return None if found is None else _Samples(found[0] + 8, found[1] - 8, ((found[0] - 4, ">I", 8), (4, ">I", found[0])), ">I")
    if kind == b"caff":
        found = _chunk(data, b"data", ">Q", 8)
        return None if found is None else _Samples(found[0] + 4, found[1] - 4, ((found[0] - 8, ">Q", 4),), ">Q")
    return None


def _of_wave(data: bytes) -> _Samples | None:
    found, long = _chunk(data, b"data", "<I"), _chunk(data, b"ds64", "<I")
    if found is None:
        return None
    place, counted = found
    if data[:4] == b"RF64" and long is not None and counted == _UNKNOWN and long[1] >= 24:
        counted = struct.unpack_from("<Q", data, long[0] + 8)[0]
        return _Samples(place, counted, ((long[0], "<Q", place - 8), (long[0] + 8, "<Q", 0)), "<I")
    return _Samples(place, counted, ((place - 4, "<I", 0), (4, "<I", place - 8)), "<I")


def _chunk(data: bytes, wanted: bytes, form: str, place: int = 12) -> tuple[int, int] | None:
    """Where the content of the first chunk of that name begins, and its size; ``form``: how sizes are written."""
    for name, start, size in _chunks(data, form, place):
        if name == wanted:
            return start, size
    return None


def _are_chunks(data: bytes, place: int, form: str) -> bool:
    """Whether nothing but chunks, or padding shorter than one, lies from ``place`` on."""
    end = place + place % _step(form)
    for name, start, size in _chunks(data, form, end):
        if not all(0x20 <= letter < 0x7F for letter in name):
            return not any(data[start - 4 - struct.calcsize(form) :])
        end = start + size + size % _step(form)
    return end <= len(data) + 4 + struct.calcsize(form)


def _chunks(data: bytes, form: str, place: int) -> Iterator[tuple[bytes, int, int]]:
    """Name, start of the content, and its size, of one after another."""
    head = 4 + struct.calcsize(form)
    while place + head <= len(data):
        size = struct.unpack_from(form, data, place + 4)[0]
        yield data[place : place + 4], place + head, size
        place += head + size + size % _step(form)


def _step(form: str) -> int:
    """Chunks begin at even places, but for those of CAF."""
    return 1 if form == ">Q" else 2

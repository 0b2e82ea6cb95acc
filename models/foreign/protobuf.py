"""Looks for weights outside an ONNX file, before anything opens it: such a file could name any path on the disk.

An ONNX file is a Protocol Buffers message. Only the messages on the way to a tensor are walked, by the field numbers in ``onnx.proto``;
everything else is stepped over, so nothing is copied and no schema is needed.
"""

from __future__ import annotations

from collections.abc import Iterator

_DEEPEST = 64  # messages inside each other
_VARINT, _FIXED64, _LENGTH, _FIXED32 = 0, 1, 2, 5
_EXTERNAL_DATA, _DATA_LOCATION = 13, 14  # fields of a TensorProto
# Message → field number → the message in it.
_WAY = {
    "model": {7: "graph", 20: "training", 25: "function"},
    "training": {1: "graph", 2: "graph"},
    "function": {7: "node", 11: "attribute"},
    "graph": {1: "node", 5: "tensor", 15: "sparse"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse"},
    "sparse": {1: "tensor", 2: "tensor"},
}


def names_other_files(data: bytes) -> bool:
    """Whether a tensor of an ONNX model lies in another file.

    Raises:
        ValueError: these bytes are no such message.
    """
    todo = [(memoryview(data), "model", 0)]
    while todo:
        part, message, depth = todo.pop()
        if depth > _DEEPEST:
            raise ValueError("messages lie too deep inside each other")
        for number, value in _fields(part):
            if message == "tensor":
                if number == _EXTERNAL_DATA or (number == _DATA_LOCATION and value):
                    return True
            elif number in _WAY[message] and isinstance(value, memoryview):
                todo.append((value, _WAY[message][number], depth + 1))
    return False


def _fields(data: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """Number and value of each field of a message: a number, or bytes."""
    place = 0
    while place < len(data):
        key, place = _varint(data, place)
        kind = key & 7
        if kind == _VARINT:
            value, place = _varint(data, place)
            yield key >> 3, value
            continue
        if kind == _LENGTH:
            size, place = _varint(data, place)
        elif kind in (_FIXED64, _FIXED32):
            size = 8 if kind == _FIXED64 else 4
        else:
            raise ValueError("a field of an unknown kind")
        if place + size > len(data):
            raise ValueError("a field goes on beyond the end")
        yield key >> 3, data[place : place + size]
        place += size


def _varint(data: memoryview, place: int) -> tuple[int, int]:
    value = shift = 0
    while place < len(data) and shift < 64:
        byte = data[place]
        value, shift, place = value | (byte & 127) << shift, shift + 7, place + 1
        if byte < 128:
            return value, place
    raise ValueError("a number goes on beyond its end")

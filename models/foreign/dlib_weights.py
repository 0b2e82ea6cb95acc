"""dlib's face recognition network, from dlib's own file to ours: ``python -m models.foreign.dlib_weights FILE.dat OUT.safetensors``.

The file is https://dlib.net/files/dlib_face_recognition_resnet_model_v1.dat.bz2 (CC0 1.0), unpacked.
"""

from __future__ import annotations

import argparse
import hashlib
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np

# dlib writes a layer's name, as a string with its length before it, and then its numbers (dlib/cuda/tensor.h, version 2).
_LAYERS = re.compile(rb"\x05con_4|\x07affine_|\x04fc_2")
_SIZES = 4  # of a tensor: samples, channels, rows, columns
_PROVENANCE = {
    "format": "pt",
    "source": "https://dlib.net/files/dlib_face_recognition_resnet_model_v1.dat.bz2",
    "licence": "CC0 1.0",
    "training": "three million faces of 7,485 people (King 2017); 99.38 % on Labeled Faces in the Wild",
}


def layers(data: bytes) -> Iterator[tuple[str, np.ndarray]]:
    """Kind, ``con``, ``affine`` or ``fc``, and float32 (n,) parameters of each layer that has any, as the file holds them.

    Raises:
        ValueError: the bytes are no such file.
    """
    end = 0
    for found in _LAYERS.finditer(data):
        if found.start() < end:
            continue  # within the numbers of the layer before
        place, kind = found.end(), found[0][1:].rstrip(b"_0123456789").decode()
        if kind == "fc":
            for _ in range(2):  # outputs, inputs
                _, place = _integer(data, place)
        version, place = _integer(data, place)
        sizes = []
        for _ in range(_SIZES):
            size, place = _integer(data, place)
            sizes.append(size)
        count = int(np.prod(sizes))
        end = place + 4 * count
        if version != 2 or count < 1 or end > len(data):
            raise ValueError("this is not the file of dlib's face recognition network")
        yield kind, np.frombuffer(data, "<f4", count, place)


def _integer(data: bytes, place: int) -> tuple[int, int]:
    """A number of dlib's, which has its length before it, and where the next one begins."""
    length = data[place] & 0x0F if place < len(data) else 0
    return int.from_bytes(data[place + 1 : place + 1 + length], "little"), place + 1 + length


def main(arguments: list[str] | None = None) -> None:
    """Convert the file."""
    import torch
    from safetensors.torch import save_file

    from models.identity.person import PersonNetwork

    p = argparse.ArgumentParser(prog="python -m models.foreign.dlib_weights", description=(__doc__ or "").split(":")[0])
    p.add_argument("source", type=Path, help="dlib_face_recognition_resnet_model_v1.dat")
    p.add_argument("out", type=Path, help="the file to write (.safetensors)")
    options = p.parse_args(arguments)
    data = options.source.read_bytes()
    with torch.device("meta"):
        network = PersonNetwork()
    state = network.state_from(layers(data))
    about = {**_PROVENANCE, "sha256": hashlib.sha256(data).hexdigest()}
    save_file({name: values.half().contiguous() for name, values in state.items()}, options.out, about)


if __name__ == "__main__":
    main()

"""dlib's file is read layer by layer, and its layers are those of the network in torch."""

import struct

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from safetensors.torch import load_file
from torch.nn import functional as F

from models.foreign.dlib_weights import layers, main
from models.identity.person import PersonNetwork

RNG = np.random.default_rng(0)


def integer(value: int) -> bytes:
    size = max(1, (value.bit_length() + 7) // 8)
    return bytes([size]) + value.to_bytes(size, "little")


def layer(kind: str, values: np.ndarray) -> bytes:
    """As dlib writes it: a name, numbers, and what else it keeps."""
    name = {"con": "con_4", "affine": "affine_", "fc": "fc_2"}[kind]
    sizes = b"".join(integer(size) for size in (2, len(values), 1, 1, 1))
    before = integer(128) + integer(256) if kind == "fc" else b""
    return bytes([len(name)]) + name.encode() + before + sizes + values.astype("<f4").tobytes() + b"\x01\x07"


@pytest.fixture(scope="module")
def parameters() -> list[tuple[str, np.ndarray]]:
    """Of a network of the right shape."""
    found = []
    for part in PersonNetwork().modules():
        if isinstance(part, torch.nn.Conv2d):
            found.append(("con", RNG.normal(0, 0.05, part.weight.numel() + part.out_channels).astype(np.float32)))
            found.append(("affine", RNG.normal(1, 0.1, 2 * part.out_channels).astype(np.float32)))
    return [*found, ("fc", RNG.normal(0, 0.1, 256 * 128).astype(np.float32))]


@pytest.fixture(scope="module")
def data(parameters) -> bytes:
    return b"\x01\x01\x01\rloss_metric_2" + b"".join(layer(kind, values) for kind, values in parameters)


def test_every_layer_is_found(data, parameters):
    found = list(layers(data))
    assert [kind for kind, _ in found] == [kind for kind, _ in parameters]
    for (_, values), (_, expected) in zip(found, parameters, strict=True):
        assert_array_equal(values, expected)


def test_numbers_that_look_like_a_name_are_numbers():
    hidden = np.frombuffer(b"\x05con_4\x01\x02" + bytes(4), "<f4")
    assert len(hidden) == 3
    assert len(list(layers(layer("con", hidden) + layer("affine", hidden)))) == 2


def test_an_affine_layer_is_part_of_its_convolution(data, parameters, tmp_path):
    (tmp_path / "source.dat").write_bytes(data)
    main([str(tmp_path / "source.dat"), str(tmp_path / "out.safetensors")])
    state = load_file(tmp_path / "out.safetensors")
    own, affine = (torch.from_numpy(parameters[k][1]) for k in (0, 1))
    x = torch.rand(1, 3, 20, 20)
    plain = F.conv2d(x, own[:-32].reshape(32, 3, 7, 7), own[-32:], stride=2)
    expected = affine[:32, None, None] * plain + affine[32:, None, None]
    assert_allclose(F.conv2d(x, state["entry.weight"].float(), state["entry.bias"].float(), stride=2), expected, atol=5e-3)
    assert_allclose(state["code.weight"].float(), parameters[-1][1].reshape(256, 128).T, atol=1e-3)


@pytest.mark.parametrize("broken", [b"", b"\x05con_4", struct.pack("<20i", *range(20)), b"\x05con_4\x01\x02\x01\x7f\x01\x01\x01\x01"])
def test_anything_else_is_refused(broken, tmp_path):
    (tmp_path / "source.dat").write_bytes(broken)
    with pytest.raises(ValueError, match="dlib's face recognition network"):
        main([str(tmp_path / "source.dat"), str(tmp_path / "out.safetensors")])
    assert not (tmp_path / "out.safetensors").exists()

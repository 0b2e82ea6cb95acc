"""Who a face belongs to, as 128 numbers: dlib's face recognition network (King 2017), which says nothing of emotions.

A ResNet-29 (after He et al. 2016) trained on three million faces of 7,485 people, 99.4 % on Labeled Faces in the Wild; before it, five
landmarks by an ensemble of regression trees (Kazemi and Sullivan 2014) set the eyes level. Both are in the public domain (CC0 1.0).
dlib finds the landmarks; the network is the same in torch, nineteen times as fast (``python -m tests.bench.detectors``),
and numbers of dlib's own are its reference in the tests.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file
from torch import nn
from torch.nn import functional as F

from features.faces import CROP, MARGIN

WEIGHTS = Path(__file__).parents[1] / "weights"
_NETWORK, _LANDMARKS = "dlib_face_recognition_resnet.safetensors", "shape_predictor_5_face_landmarks.dat"
_CHIP, _PADDING = 150, 0.25  # as in training
_MEAN, _SCALE = (122.782, 117.001, 104.298), 256.0
_CODE = 128
# Channels of each block, and whether it halves the size.
_BLOCKS = (
    *((32, False),) * 3,
    *((64, True), (64, False), (64, False), (64, False)),
    *((128, True), (128, False), (128, False)),
    *((256, True), (256, False), (256, False), (256, True)),
)
_TOGETHER = 8  # faces in one pass


class _Block(nn.Module):
    """Two convolutions, and what went in added to what comes out; where sizes or channels differ, zeros fill up the smaller."""

    def __init__(self, inputs: int, outputs: int, halves: bool) -> None:
        super().__init__()
        self.halves = halves
        self.first = nn.Conv2d(inputs, outputs, 3, stride=2 if halves else 1, padding=0 if halves else 1)
        self.second = nn.Conv2d(outputs, outputs, 3, padding=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out = self.second(F.relu(self.first(x)))
        if self.halves:
            x = F.avg_pool2d(x, 2)
        size = [max(a, b) for a, b in zip(x.shape[1:], out.shape[1:], strict=True)]
        return F.relu(_filled(x, size) + _filled(out, size))


def _filled(x: torch.Tensor, size: list[int]) -> torch.Tensor:
    missing = [wanted - there for wanted, there in zip(size, x.shape[1:], strict=True)]
    return F.pad(x, [0, missing[2], 0, missing[1], 0, missing[0]]) if any(missing) else x


class PersonNetwork(nn.Module):
    """(n, 3, 150, 150) RGB in [0, 255] → (n, 128). dlib's affine layers are part of the convolutions before them."""

    def __init__(self) -> None:
        super().__init__()
        self.entry = nn.Conv2d(3, 32, 7, stride=2)
        inputs = (32, *(outputs for outputs, _ in _BLOCKS[:-1]))
        self.blocks = nn.Sequential(*(_Block(i, outputs, halves) for i, (outputs, halves) in zip(inputs, _BLOCKS, strict=True)))
        self.code = nn.Linear(256, _CODE, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = (x - x.new_tensor(_MEAN)[:, None, None]) / _SCALE
        x = self.blocks(F.max_pool2d(F.relu(self.entry(x)), 3, 2))
        return self.code(x.mean(dim=(2, 3)))

    def state_from(self, layers: Iterable[tuple[str, np.ndarray]]) -> dict[str, torch.Tensor]:
        """Parameters of dlib's layers (:func:`models.foreign.dlib_weights.layers`) → the state of this network.

        Raises:
            ValueError: these are not the layers that this network has.
        """
        found = list(layers)
        kinds, values = tuple(kind for kind, _ in found), [own for _, own in found]
        convolutions = [(name, part) for name, part in self.named_modules() if isinstance(part, nn.Conv2d)]
        if kinds != ("con", "affine") * len(convolutions) + ("fc",):
            raise ValueError("these are not the layers of dlib's face recognition network")
        state = {"code.weight": torch.from_numpy(values[-1].reshape(256, _CODE).T.copy())}
        for (name, part), own, affine in zip(convolutions, values[:-1:2], values[1:-1:2], strict=True):
            count = part.out_channels
            gamma, beta = affine[:count], affine[count:]
            weight, bias = own[:-count].reshape(part.weight.shape), own[-count:]
            state[f"{name}.weight"] = torch.from_numpy(weight * gamma[:, None, None, None])
            state[f"{name}.bias"] = torch.from_numpy(bias * gamma + beta)
        return state


class PersonEncoder:
    """uint8 (n, 224, 224, 3) RGB crops → float64 (n, 128); the nearer two of them, the more likely it is one person."""

    def __init__(self) -> None:
        import dlib

        self._chip = dlib.get_face_chip
        self._landmarks, self._box = _predictor()
        with torch.device("meta"):  # no random weights first
            self._network = PersonNetwork()
        state = {name: values.float() for name, values in load_file(WEIGHTS / _NETWORK).items()}
        self._network.load_state_dict(state, assign=True)
        self._network.eval().requires_grad_(False)

    @torch.inference_mode()
    def __call__(self, crops: np.ndarray) -> np.ndarray:
        codes = [np.zeros((0, _CODE))]
        for start in range(0, len(crops), _TOGETHER):
            level = np.stack([self.level(np.ascontiguousarray(crop)) for crop in crops[start : start + _TOGETHER]])
            codes.append(self._network(torch.from_numpy(level).permute(0, 3, 1, 2).float()).double().numpy())
        return np.concatenate(codes)

    def level(self, crop: np.ndarray) -> np.ndarray:
        """uint8 (150, 150, 3): eyes level, as in training."""
        return self._chip(crop, self._landmarks(crop, self._box), _CHIP, _PADDING)


def compare_faces(crops: np.ndarray) -> np.ndarray:
    """uint8 (n, 224, 224, 3) crops → float64 (n, 128), by an encoder that is loaded when it is first asked for: few films need it."""
    return load_person_encoder()(crops)


def landmarks(crops: np.ndarray) -> np.ndarray:
    """uint8 (n, 224, 224, 3) crops → float64 (n, 5, 2): corners of one eye, of the other, and the base of the nose."""
    predict, box = _predictor()
    found = [[(p.x, p.y) for p in predict(np.ascontiguousarray(crop), box).parts()] for crop in crops]
    return np.array(found, float).reshape(-1, 5, 2)


@lru_cache(maxsize=1)
def _predictor() -> tuple[Any, Any]:
    """What finds the landmarks (9 MB), and the face's place in a crop."""
    import dlib

    side = CROP / MARGIN
    box = dlib.rectangle(*(int(CROP / 2 + sign * side / 2) for sign in (-1, -1, 1, 1)))
    return dlib.shape_predictor(str(WEIGHTS / _LANDMARKS)), box


@lru_cache(maxsize=1)
def load_person_encoder() -> PersonEncoder:
    """The encoder, loaded once: 23 MB."""
    return PersonEncoder()

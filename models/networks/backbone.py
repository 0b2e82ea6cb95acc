"""ResNet-18 up to its last convolutional maps, with the preprocessing that belongs to its weights.

A backbone is a callable: uint8 (n, 224, 224, 3) RGB crops → float32 (n, 512, 7, 7) maps. Their mean over space is what
the network's global average pool returns, so ``torchvision.models.resnet18`` is the reference in the tests.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import safe_open
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval
from torchvision.models import ResNet, ResNet18_Weights, resnet18
from torchvision.models.resnet import BasicBlock

WEIGHTS = Path(__file__).parents[1] / "weights"
_BATCH = 4
_NORMALISED_BY = {"0": "1", "conv1": "bn1", "conv2": "bn2"}  # in the stem and in shortcuts, and in blocks


@dataclass(frozen=True)
class Preprocessing:
    """How weights expect a crop in [0, 1]: turned grey or not, then (x − mean) ÷ deviation for each channel.

    Grey is three equal channels, so its mean and deviation are those of the first channel.
    """

    grey: bool
    mean: tuple[float, float, float]
    std: tuple[float, float, float]

    # ITU-R BT.601 luma, as in OpenCV and Pillow.
    _LUMA = (0.299, 0.587, 0.114)

    def __call__(self, crops: np.ndarray) -> torch.Tensor:
        """uint8 (n, 224, 224, 3) → float32 (n, 3, 224, 224)."""
        x = torch.from_numpy(np.ascontiguousarray(crops)).permute(0, 3, 1, 2).float() / 255
        if self.grey:
            luma = torch.tensor(self._LUMA).view(1, 3, 1, 1)
            x = (x * luma).sum(1, keepdim=True)
        mean, std = (torch.tensor(values[: x.shape[1]]).view(1, -1, 1, 1) for values in (self.mean, self.std))
        return ((x - mean) / std).expand(-1, 3, -1, -1)


class FaceBackbone(nn.Module):
    """ResNet-18 (He et al. 2016, arXiv:1512.03385) without its pool and its last layer. It looks at every crop by itself."""

    whole_film, title, paper = False, "ResNet-18", "He et al. 2016"
    reads = "3 × 224 × 224 numbers"

    def __init__(self, name: str, resnet: ResNet, preprocessing: Preprocessing, provenance: str, digest: str) -> None:
        super().__init__()
        self.name, self.preprocessing, self.provenance, self.digest = name, preprocessing, provenance, digest
        self.stem = nn.Sequential(resnet.conv1, resnet.bn1, resnet.relu, resnet.maxpool)
        self.layer1, self.layer2, self.layer3, self.layer4 = resnet.layer1, resnet.layer2, resnet.layer3, resnet.layer4
        self._channels = 3
        self.eval().requires_grad_(False).to(memory_format=torch.channels_last)

    def fold(self) -> FaceBackbone:
        """Itself, now without layers that normalise: a convolution does it. Grey is read from one channel.

        The maps are the same up to rounding (2e-6 of the largest), a tenth sooner on one core. By
        :func:`torch.nn.utils.fusion.fuse_conv_bn_eval`, after Jacob et al. 2018 (arXiv:1712.05877), 3.2.
        """
        for module in [m for m in self.modules() if isinstance(m, nn.Sequential | BasicBlock)]:
            for convolution, normalisation in _NORMALISED_BY.items():
                layer = getattr(module, normalisation, None)
                if isinstance(layer, nn.BatchNorm2d):
                    setattr(module, convolution, fuse_conv_bn_eval(getattr(module, convolution), layer))
                    setattr(module, normalisation, nn.Identity())
        if self.preprocessing.grey and self._channels > 1:
            first: Any = self.stem[0]
            first.weight, first.in_channels = nn.Parameter(first.weight.sum(1, keepdim=True), requires_grad=False), 1
            self._channels = 1
        return self.to(memory_format=torch.channels_last)

    def unfolded(self) -> FaceBackbone:
        """The network as it was trained, layer by layer: loaded anew, so the caller may change it."""
        return _LOADERS[self.name]()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """float32 (n, 3, 224, 224), preprocessed → (n, 512, 7, 7)."""
        return self.layer4(self.before_last(x))

    def before_last(self, x: torch.Tensor) -> torch.Tensor:
        """float32 (n, 3, 224, 224), preprocessed → (n, 256, 14, 14), what ``layer4`` reads."""
        x = x[:, : self._channels].contiguous(memory_format=torch.channels_last)
        return self.layer3(self.layer2(self.layer1(self.stem(x))))

    def maps(self, crops: np.ndarray) -> np.ndarray:
        """uint8 (n, 224, 224, 3) RGB crops → float32 (n, 512, 7, 7)."""
        out = np.empty((len(crops), 512, 7, 7), np.float32)
        with torch.inference_mode():
            for start in range(0, len(crops), _BATCH):
                out[start : start + _BATCH] = self(self.preprocessing(crops[start : start + _BATCH])).numpy()
        return out


def _load_ferplus() -> FaceBackbone:
    path = WEIGHTS / "face_resnet18_ferplus.safetensors"
    with safe_open(path, "pt") as file:
        meta = file.metadata()
        state = {key: file.get_tensor(key) for key in file.keys() if not key.startswith("expression.")}  # noqa: SIM118
    grey = Preprocessing(True, (float(meta["mean"]),) * 3, (float(meta["std"]),) * 3)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()[:16]
    return FaceBackbone("ferplus", _resnet(state), grey, f"{meta['trained_on']}; {meta['test_accuracy']}", digest)


def _load_imagenet() -> FaceBackbone:
    weights = ResNet18_Weights.IMAGENET1K_V1
    colour = Preprocessing(False, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
    state = weights.get_state_dict(check_hash=True)  # torchvision downloads 45 MB, once
    return FaceBackbone("imagenet", _resnet(state), colour, weights.url, weights.url.rsplit("-", 1)[-1][:8])


def _resnet(state: Mapping[str, torch.Tensor]) -> ResNet:
    """ResNet-18 with these weights but for its last layer."""
    with torch.device("meta"):  # no random weights first: they would cost time and 45 MB
        resnet = resnet18()
        resnet.fc = nn.Identity()  # type: ignore[assignment]
    kept = {k: v.float() if v.is_floating_point() else v for k, v in state.items() if not k.startswith("fc.")}
    resnet.load_state_dict(kept, assign=True)
    return resnet


def _load_r3d_18() -> Any:
    from models.networks.film_backbone import load_r3d_18

    return load_r3d_18()


_LOADERS: dict[str, Callable[[], Any]] = {"ferplus": _load_ferplus, "imagenet": _load_imagenet, "r3d_18": _load_r3d_18}
BACKBONES = tuple(_LOADERS)


def load_backbone(name: str = "ferplus") -> Any:
    """The backbone of that name, loaded once: ``ferplus`` (default, in the repository), ``imagenet`` (downloaded), or ``r3d_18``, which
    reads a film as a whole (:class:`models.networks.film_backbone.FilmBackbone`; downloaded, or from a file).

    Raises:
        KeyError: there is no such backbone.
        models.networks.ModelError: there are no weights of ``r3d_18``.
    """
    return _load(name)  # positional: lru_cache takes a default and the same value given for different calls


@lru_cache(maxsize=len(_LOADERS))
def _load(name: str) -> Any:
    return _LOADERS[name]().fold()

"""R3D-18 as face network: it reads the film of a face as a whole, so that its maps lie in time, too.

Tran et al. 2018 (arXiv:1711.11248), ``torchvision.models.video.r3d_18``. The sampled crops of a face become a film of 30 frames of
112 × 112 pixels; the last maps have 4 steps of time, each 7 × 7 cells. A crop gets the maps of the part of the film that it fills, so
the mean over the crops is what the network's global average pool returns, exactly.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from urllib.error import URLError

import numpy as np
import torch
from safetensors.torch import load_file
from torch import nn
from torch.nn import functional as F
from torchvision.models.video import R3D_18_Weights, VideoResNet, r3d_18

from models.networks import ModelError
from models.networks.backbone import Preprocessing

NAME = "r3d_18"
FRAMES, SIDE, STEPS = 30, 112, 4
WEIGHTS_FILE = "EMOLENS_R3D_18"
"""Variable with the path of weights that are at hand; without it torchvision downloads its own, once (133 MB)."""
_KINETICS = Preprocessing(False, (0.43216, 0.394666, 0.37645), (0.22803, 0.22145, 0.216989))


class FilmBackbone(nn.Module):
    """R3D-18 without its pool and its last layer.

    Attributes:
        whole_film: the maps of a crop depend on all others: they belong to one film, in their order.
    """

    name, whole_film, preprocessing = NAME, True, _KINETICS
    title, paper = "R3D-18", "Tran et al. 2018"
    reads = f"3 × {SIDE} × {SIDE} numbers, in a film of {FRAMES} such pictures"

    def __init__(self, resnet: VideoResNet, provenance: str, digest: str) -> None:
        super().__init__()
        self.provenance, self.digest = provenance, digest
        self.stem = resnet.stem
        self.layer1, self.layer2, self.layer3, self.layer4 = resnet.layer1, resnet.layer2, resnet.layer3, resnet.layer4
        self.eval().requires_grad_(False)

    def fold(self) -> FilmBackbone:
        """Itself."""
        return self

    def film(self, crops: np.ndarray) -> torch.Tensor:
        """uint8 (n, 224, 224, 3) RGB crops of one film → float32 (1, 3, 30, 112, 112), each shown for an equal part of it."""
        chosen = ((np.arange(FRAMES) + 0.5) * len(crops) / FRAMES).astype(int)
        shown, place = np.unique(chosen, return_inverse=True)
        small = F.interpolate(self.preprocessing(crops[shown]), size=(SIDE, SIDE), mode="area")
        return small[place].transpose(0, 1)[None]

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """float32 (n, 3, 30, 112, 112) → (n, 512, 4, 7, 7)."""
        return self.layer4(self.layer3(self.layer2(self.layer1(self.stem(x)))))

    def maps(self, crops: np.ndarray) -> np.ndarray:
        """uint8 (n, 224, 224, 3) RGB crops of one film, in their order → float32 (n, 512, 7, 7)."""
        if not len(crops):
            return np.zeros((0, 512, 7, 7), np.float32)
        with torch.inference_mode():
            steps = self(self.film(crops))[0].numpy()
        return np.einsum("nt,ktij->nkij", time_shares(len(crops)), steps)


def time_shares(crops: int) -> np.ndarray:
    """float32 (n, 4): how much of each crop's part of the film lies in each step of time; rows add up to 1, columns to n ÷ 4.

    >>> time_shares(2)
    array([[0.5, 0.5, 0. , 0. ],
           [0. , 0. , 0.5, 0.5]], dtype=float32)
    """
    of_crops, of_steps = np.arange(crops + 1) / crops, np.arange(STEPS + 1) / STEPS
    starts = np.maximum(of_crops[:-1, None], of_steps[None, :-1])
    ends = np.minimum(of_crops[1:, None], of_steps[None, 1:])
    return (crops * np.maximum(0.0, ends - starts)).astype(np.float32)


def load_r3d_18() -> FilmBackbone:
    """With weights from the file that :data:`WEIGHTS_FILE` names, ``safetensors`` or torchvision's own, or else downloaded by torchvision.

    Raises:
        ModelError: there are none, or they do not fit.
    """
    given = os.environ.get(WEIGHTS_FILE)
    source = Path(given).name if given else R3D_18_Weights.KINETICS400_V1.url
    next_step = f"save r3d_18-b3b3357e.pth from {R3D_18_Weights.KINETICS400_V1.url} and name it in the variable {WEIGHTS_FILE}"
    if given and not Path(given).is_file():
        raise ModelError(f"{WEIGHTS_FILE} names {given}, where there is no file: {next_step}.")
    try:
        state = _read(Path(given)) if given else R3D_18_Weights.KINETICS400_V1.get_state_dict(check_hash=True, weights_only=True)
        with torch.device("meta"):  # no random weights first
            resnet = r3d_18()
            resnet.fc = nn.Identity()  # type: ignore[assignment]
        resnet.load_state_dict({key: value for key, value in state.items() if not key.startswith("fc.")}, assign=True)
    except (OSError, URLError) as error:
        raise ModelError(f"The weights of R3D-18 ({source}) could not be read: {next_step}.") from error
    except Exception as error:
        raise ModelError(
            f"{source} does not hold weights of torchvision's r3d_18: name another file in the variable {WEIGHTS_FILE}."
        ) from error
    return FilmBackbone(resnet, source, _digest(resnet))


def _read(path: Path) -> dict[str, torch.Tensor]:
    return load_file(path) if path.suffix == ".safetensors" else torch.load(path, map_location="cpu", weights_only=True)


def _digest(network: nn.Module) -> str:
    found = hashlib.sha256()
    for key, value in sorted(network.state_dict().items()):
        found.update(key.encode())
        found.update(value.contiguous().numpy().tobytes())
    return found.hexdigest()[:16]

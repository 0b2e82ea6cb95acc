"""LayerCAM one layer earlier than Grad-CAM: which of the cells that ``layer4`` reads raise the logit.

Jiang et al. 2021, LayerCAM (doi 10.1109/TIP.2021.3089943): every cell of every map is weighed by its own gradient, where that is positive.
In ``layer4`` the gradient is the same for all cells, as its maps are only averaged, so nothing is gained there. In ``layer3`` it differs
from cell to cell, and a cell still sees a part of the face, not nearly all of it. The library is the reference in the tests.
"""

from __future__ import annotations

import numpy as np
import torch
from torch.nn.functional import avg_pool2d

from features import Modality
from models.labels import LABELS
from models.networks.backbone import FaceBackbone
from xai.explanation import Attribution, FrameCells, Method, Panel, Say, Subject, silent
from xai.masking import chosen_frames
from xai.methods.occlusion import FRAMES

_BATCH = 4  # frames


def layer_cam(backbone: FaceBackbone, crops: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """float32 (c, n, 7, 7), none below 0: the 14 × 14 cells of ``layer3``, averaged by fours.

    Args:
        crops: uint8 (n, 224, 224, 3).
        weights: (c, n, 512), derivatives of c outputs by the features of each frame.
    """
    with torch.no_grad():
        cells = backbone.before_last(backbone.preprocessing(crops))
    with torch.enable_grad():
        cells.requires_grad_()
        features = backbone.layer4(cells).mean(dim=(2, 3))
        outputs = [(features * torch.from_numpy(own.astype(np.float32))).sum() for own in weights]
        gradients = [torch.autograd.grad(output, cells, retain_graph=True)[0] for output in outputs]
    maps = [(gradient.clamp(min=0) * cells.detach()).sum(dim=1, keepdim=True) for gradient in gradients]
    return np.stack([avg_pool2d(own, 2)[:, 0].numpy() for own in maps])


class LayerCam3(Method):
    """See the module. Of a long clip the frames that :class:`~xai.methods.occlusion.Occlusion` asks about; zeros in all others."""

    key, title, panel, modality = "layercam3", "LayerCAM (layer 3)", Panel.SAW, Modality.VIDEO
    needs_gradients = True
    question = "Which part of which frame spoke for the emotion, before the face network puts everything together?"
    how = (
        "Every cell of ``layer3`` is weighed by its own gradient, where that speaks for the emotion; a second pass through the last layers."
    )
    limits = (
        "What speaks against the emotion; anything finer than 7 × 7 cells a face. Between two emotions, the difference is an approximation."
    )
    paper = "Jiang et al. 2021 (doi 10.1109/TIP.2021.3089943)"
    hint = "Under Method, Occlusion asks the model itself: it may do better."

    def applies(self, subject: Subject) -> bool:
        return super().applies(subject) and isinstance(subject.backbone, FaceBackbone)

    def explain(self, subject: Subject, seed: int = 0, say: Say = silent) -> Attribution:
        video, backbone = subject.features.video, subject.backbone
        assert video is not None
        assert isinstance(backbone, FaceBackbone)
        found = np.zeros((len(LABELS), *video.maps[:, 0].shape), np.float32)
        frames, used = chosen_frames(subject, FRAMES), np.flatnonzero(video.used)
        weights = subject.model.frame_gradients(subject.inputs)
        for start in range(0, len(frames), _BATCH):
            say("Looking one layer deeper…")
            own = frames[start : start + _BATCH]
            found[:, own] = layer_cam(backbone, video.crops[own], weights[:, np.searchsorted(used, own)])
        return Attribution(self.key, found, FrameCells())

"""The explanations on offer. A new one is a file in this folder and a line in :data:`METHODS`."""

from __future__ import annotations

from xai.explanation import Method, Panel, Subject
from xai.methods.gradcam import GradCam
from xai.methods.integrated_gradcam import IntegratedGradCam
from xai.methods.integrated_gradients import IntegratedGradients
from xai.methods.layercam3 import LayerCam3
from xai.methods.lime import Lime
from xai.methods.occlusion import Occlusion
from xai.methods.pytorch_grad_cam import LIBRARY_CAMS
from xai.methods.rise import Rise
from xai.methods.shap import Shap
from xai.methods.shap_face import ShapFace
from xai.methods.shapley_sampling import ShapleySampling
from xai.methods.sound_gradients import SoundGradients
from xai.methods.sound_occlusion import SoundOcclusion

# In the order in which they are listed.
METHODS: dict[str, Method] = {
    method.key: method
    for method in (
        Lime(),
        Shap(),
        GradCam(),
        LayerCam3(),
        Occlusion(),
        ShapFace(),
        IntegratedGradCam(),
        SoundGradients(),
        SoundOcclusion(),
        IntegratedGradients(),
        ShapleySampling(),
        Rise(),
        *LIBRARY_CAMS,
    )
}


def methods_of(subject: Subject, panel: Panel | None = None) -> dict[str, Method]:
    """Those that can be asked of a subject; of one panel, the one that is there at once first."""
    found = [m for m in METHODS.values() if m.applies(subject) and panel in (None, m.panel)]
    return {m.key: m for m in sorted(found, key=lambda m: not m.comes_at_once(subject))}

"""SHAP values of the face's features, drawn onto the face and checked there.

A feature is the mean of a map of ``layer4``, so its SHAP value spreads over the cells in proportion to that map
(:func:`xai.methods.shap.face_picture`). That the values are right does not make the picture right: a map may be bright where the network
does not look, so the picture is held to removal of cells, as any other heat.
"""

from __future__ import annotations

import numpy as np

from features import Modality
from xai.explanation import Attribution, FrameCells, Method, Panel, Say, Subject, silent
from xai.methods.shap import face_picture, feature_values


class ShapFace(Method):
    """See the module. It needs no pass through the face network."""

    key, title, panel, modality = "shap_face", "SHAP on the face", Panel.SAW, Modality.VIDEO
    needs_gradients = True
    question = "Where on the face do the numbers lie that added something?"
    how = "The SHAP value of each face feature is spread over the cells in proportion to the map that it is the mean of."
    limits = "Anything finer than 7 × 7 cells a face; which frame, for models that read them in order: a feature's values there are summed."
    paper = "Lundberg & Lee 2017 (arXiv:1705.07874), Zhou et al. 2016, Class activation mapping (arXiv:1512.04150)"
    hint = "Under Method, Occlusion asks the model itself: it may do better."

    def explain(self, subject: Subject, seed: int = 0, say: Say = silent) -> Attribution:
        video = subject.features.video
        assert video is not None
        columns, estimator = feature_values(subject, seed)
        values = [face_picture(row, video.maps) for row in subject.model.space.part(columns, Modality.VIDEO)]
        return Attribution(self.key, np.array(values, np.float32), FrameCells(), {"estimator": estimator})

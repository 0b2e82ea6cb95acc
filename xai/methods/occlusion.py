"""Occlusion: how much the logit falls when one cell of one frame is blurred.

Zeiler & Fergus 2014 (arXiv:1311.2901). Slower than Grad-CAM, as every cell is a pass through the backbone, but it asks
the model instead of its gradient, and so holds where a gradient says little about what really happens.
"""

from __future__ import annotations

import numpy as np

from features import Modality
from models.labels import LABELS
from xai.explanation import Attribution, FrameCells, Method, Panel, Say, Subject, silent
from xai.masking import CELLS, FaceCellMasker, Masker, chosen_frames
from xai.masking import FRAMES as _CHECKED

FRAMES = 4 * (_CHECKED - 1) + 1  # of a long clip, evenly spaced, each 49 passes: those that checks look at are among them


def leave_one_out(masker: Masker) -> np.ndarray:
    """(8, p): fall of each logit when one part is removed and all others are kept."""
    parts = len(masker)
    logits = masker(np.concatenate([np.ones((1, parts), bool), ~np.eye(parts, dtype=bool)]))
    return (logits[0] - logits[1:]).T


class Occlusion(Method):
    """See the module. Of a long clip at most :data:`FRAMES` frames are asked about; zeros in all others."""

    key, title, panel, modality, instead = "occlusion", "Occlusion", Panel.SAW, Modality.VIDEO, True
    question = "Without which part of which frame would the emotion be less probable?"
    how = "Every cell is blurred in turn, and the whole model judges the recording again: how much the logit falls."
    limits = "Parts that only matter together; anything finer than 7 × 7 cells a face."
    paper = "Zeiler & Fergus 2014 (arXiv:1311.2901)"

    def explain(self, subject: Subject, seed: int = 0, say: Say = silent) -> Attribution:
        video = subject.features.video
        assert video is not None
        found = np.zeros((len(LABELS), *video.maps[:, 0].shape), np.float32)
        frames = chosen_frames(subject, FRAMES)
        for done, frame in enumerate(frames, 1):
            masker = FaceCellMasker(subject, np.array([frame]), f"Blurring frame {done} of {len(frames)}, cell by cell…", say)
            found[:, frame] = leave_one_out(masker).reshape(len(LABELS), CELLS, CELLS)
        return Attribution(self.key, found, FrameCells())

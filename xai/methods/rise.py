"""RISE on the face: which cells were left whole when the logit was high, over random masks.

Petsiuk et al. 2018 (arXiv:1806.07421). A mask is a coarse random grid, enlarged and shifted by chance, so that neighbouring cells go
together. The logit is centred before it is averaged: a cell that does not matter has an expectation of zero.
"""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np

from features import Modality
from models.labels import LABELS
from xai.explanation import Attribution, Contrast, FrameCells, Method, Panel, Say, Subject, silent
from xai.masking import CELLS, FaceCellMasker
from xai.metrics.stability import steadiness
from xai.score import Score

MASKS = 200
_COARSE = 4  # cells a side of the grid that is enlarged
_KEPT = 0.5


class Rise(Method):
    """See the module. Of a long clip six frames are asked about; zeros in all others."""

    key, title, panel, modality = "rise", "RISE", Panel.SAW, Modality.VIDEO
    question = "Which parts of which frames go with a high score, whatever else is hidden?"
    how = "Half of the face is blurred at random, 200 times, and the model judges each copy: how much higher it scores with a part whole."
    limits = "Small parts: with so few masks, what is left of chance is checked by drawing them again."
    paper = "Petsiuk et al. 2018 (arXiv:1806.07421)"

    def explain(self, subject: Subject, seed: int = 0, say: Say = silent) -> Attribution:
        video = subject.features.video
        assert video is not None
        masker = FaceCellMasker(subject, words="Blurring random parts of the face…", say=say)
        kept = random_masks(MASKS, len(masker.frames), seed)
        values = weigh(kept, masker(kept))
        found = np.zeros((len(LABELS), *video.maps[:, 0].shape), np.float32)
        found[:, masker.frames] = values.reshape(len(LABELS), -1, CELLS, CELLS)
        return Attribution(self.key, found, FrameCells(), {"masks": MASKS, "seed": seed})

    def checks(self, subject: Subject, attribution: Attribution, contrast: Contrast, say: Say = silent) -> Iterator[Score]:
        yield from super().checks(subject, attribution, contrast, say)
        again = self.explain(subject, attribution.settings["seed"] + 1, say)
        asked = attribution.values.any(axis=(0, 2, 3))
        yield steadiness(attribution.of(contrast)[asked], [again.of(contrast)[asked]])


def random_masks(count: int, frames: int, seed: int) -> np.ndarray:
    """bool (count, frames · 49): which cells are kept, about half, in smooth patches of their own for each frame."""
    rng = np.random.default_rng(seed)
    side = CELLS + CELLS // _COARSE + 1
    out = np.empty((count, frames, CELLS, CELLS), bool)
    for mask in out.reshape(-1, CELLS, CELLS):
        coarse = (rng.random((_COARSE, _COARSE)) < _KEPT).astype(np.float32)
        top, left = rng.integers(0, side - CELLS + 1, 2)
        mask[:] = cv2.resize(coarse, (side, side))[top : top + CELLS, left : left + CELLS] > _KEPT
    return out.reshape(count, -1)


def weigh(kept: np.ndarray, logits: np.ndarray) -> np.ndarray:
    """Masks, bool (n, p), and logits (n, 8) → (8, p): by how much the logit is higher where a part is kept than where it is not."""
    centred = kept - kept.mean(axis=0)
    spread = (centred**2).sum(axis=0)
    return (logits - logits.mean(axis=0)).T @ centred / np.where(spread > 0, spread, 1.0)

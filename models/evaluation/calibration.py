"""Temperatures fitted on people that a model was not trained on (Guo et al. 2017, arXiv:1706.04599)."""

from __future__ import annotations

import numpy as np

from models.evaluation.metrics import fit_temperature
from models.evaluation.predictions import Prediction

Scales = dict[tuple[str, str, int], float]  # temperatures by model, state and split


def temperatures(predictions: list[Prediction]) -> Scales:
    """For each (model, state, split) the temperature fitted on the held-out clips of all other splits in that state.

    So no clip influences its own scaling; with the speaker-independent protocols no person is scaled by what was fitted on that
    person's clips. Where no other split has clips in that state, the temperature is 1.
    """
    clean = [p for p in predictions if p.corruption is None]
    found = {}
    for model, state, split in {(p.model, p.state, p.split) for p in clean}:
        others = [p for p in clean if (p.model, p.state) == (model, state) and p.split != split]
        found[model, state, split] = temperature_of(others)
    return found


def temperature_of(predictions: list[Prediction]) -> float:
    """Fitted on all of them together, then shrunk towards 1; 1 if there are none.

    As if there were one person more, for whom 1 is best: the logarithm of the fit of n people is multiplied by n / (n + 1). That is a
    choice of ours, between trusting few people in full and not at all: the two filmed actors alone would give ``fused`` 0.46 and 1.14.
    """
    if not predictions:
        return 1.0
    logits, label, actor = (np.concatenate([getattr(p, name) for p in predictions]) for name in ("logits", "label", "actor"))
    people = len(np.unique(actor))
    return fit_temperature(logits, label) ** (people / (people + 1))

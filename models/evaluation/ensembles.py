"""Predictions of models that are made of others without more training: computed from the predictions of these."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from models.data.corruptions import corruptions_in
from models.evaluation.calibration import Scales, temperatures
from models.evaluation.metrics import softmax
from models.evaluation.predictions import Prediction
from models.registry import BOTH, MODELS


def ensemble_predictions(predictions: list[Prediction]) -> list[Prediction]:
    """Those of every model of the registry whose parts have predictions.

    Each part is scaled with the temperature of the other splits; a missing modality weighs nothing. A split has a small influence on
    its own scaling here: the others' mixtures, on which it rests, were scaled with two numbers that its clips helped to fit.
    """
    scales = temperatures(predictions)
    return [p for name, spec in MODELS.items() if spec.parts for p in _of_model(name, predictions, scales)]


def weighted_by_confidence(probabilities: Sequence[np.ndarray]) -> np.ndarray:
    """The mixture of :class:`models.networks.fusion.LateFusion`: parts, each (n, 8), weighted by their highest probability."""
    weights = [p.max(axis=1, keepdims=True) for p in probabilities]
    return sum(w * p for w, p in zip(weights, probabilities, strict=True)) / sum(weights)


def _of_model(name: str, predictions: list[Prediction], scales: Scales) -> Iterator[Prediction]:
    """Of one model: each part alone, then all of them together, under the corruptions of each."""
    first, *others = MODELS[name].parts
    found = {(p.split, p.seed, p.model, p.corruption): p for p in predictions if p.model in MODELS[name].parts}
    for p in found.values():
        yield replace(p, model=name, logits=_logits(_probabilities(p, scales)))
    for (split, seed, part, _), p in found.items():
        if part == first:
            for corrupted in _corruptions(p, others):
                rest = [found.get((split, seed, other, corrupted.get(other))) for other in others]
                together = [own for own in (p, *rest) if own is not None]
                if len(together) == len(MODELS[name].parts):
                    yield from _mixed(name, together, scales)


def _corruptions(first: Prediction, others: list[str]) -> list[dict[str, str]]:
    """Which of the others are corrupted beside the first part: none, or, if it is clean itself, also one of them."""
    if first.corruption is not None:
        return [{}]
    return [{}, *({other: corruption} for other in others for state in MODELS[other].states for corruption in corruptions_in(state))]


def _mixed(name: str, parts: list[Prediction], scales: Scales) -> Iterator[Prediction]:
    """The clips that all parts were shown, if there are any."""
    places = [{key: row for row, key in enumerate(p.keys)} for p in parts]
    last = parts[-1]
    keys = [key for key in last.keys if all(key in place for place in places)]
    if not keys:
        return
    rows = [[place[key] for key in keys] for place in places]
    mix = MODELS[name].mix
    assert mix is not None, f"{name} has parts, but no way to mix them"
    logits = _logits(mix([_probabilities(p, scales, own) for p, own in zip(parts, rows, strict=True)]))
    corruption = next((p.corruption for p in parts if p.corruption is not None), None)
    yield Prediction(name, last.split, last.seed, BOTH, corruption, logits, last.label[rows[-1]], last.actor[rows[-1]], keys)


def _probabilities(p: Prediction, scales: Scales, rows: list[int] | slice = slice(None)) -> np.ndarray:
    return softmax(p.logits[rows] / scales[p.model, p.state, p.split])


def _logits(probabilities: np.ndarray) -> np.ndarray:
    return np.log(np.clip(probabilities, 1e-9, 1.0))

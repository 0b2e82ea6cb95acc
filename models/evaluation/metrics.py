"""Scores of predictions, each with an interval."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np

from models.evaluation.intervals import bootstrap, share_of
from models.labels import LABELS

BINS = 10
_OVERALL = ("accuracy", "uar", "macro_f1")
_PER_CLASS = ("precision", "recall", "f1")


def softmax(logits: np.ndarray) -> np.ndarray:
    """Rows of logits → rows of probabilities.

    >>> softmax(np.zeros((1, 4)))
    array([[0.25, 0.25, 0.25, 0.25]])
    """
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


def accuracy(scores: np.ndarray, labels: np.ndarray) -> float:
    """Share of clips whose class of highest logit or probability is the right one."""
    return float((scores.argmax(axis=1) == labels).mean())


def calibration_error(probabilities: np.ndarray, labels: np.ndarray, bins: int = BINS) -> float:
    """Expected calibration error of the top class with equal-width bins (Guo et al. 2017, arXiv:1706.04599)."""
    confidence, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == labels
    place = np.minimum((confidence * bins).astype(int), bins - 1)
    gaps = np.bincount(place, right - confidence, minlength=bins)
    return float(np.abs(gaps).sum() / len(labels))


def calibration_by_chance(probabilities: np.ndarray, draws: int = 500) -> np.ndarray:
    """Calibration errors (draws,) that a perfectly calibrated model would score on as many clips, by chance alone.

    Right and wrong are drawn with the model's own probabilities: with few clips a bin holds few, and its share of right
    answers strays from its confidence (consistency resampling, Bröcker & Smith 2007, doi 10.1175/WAF993.1).
    """
    confidence = probabilities.max(axis=1)
    place = np.minimum((confidence * BINS).astype(int), BINS - 1)
    right = np.random.default_rng(0).random((draws, len(confidence))) < confidence
    return np.array([np.abs(np.bincount(place, row - confidence, minlength=BINS)).sum() for row in right]) / len(confidence)


def calibration_curve(probabilities: np.ndarray, labels: np.ndarray) -> list[dict[str, float]]:
    """Bins that hold clips: mean confidence, share of right answers, number of clips."""
    confidence, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == labels
    place = np.minimum((confidence * BINS).astype(int), BINS - 1)
    return [
        {
            "confidence": round(float(confidence[place == b].mean()), 4),
            "accuracy": round(float(right[place == b].mean()), 4),
            "clips": int((place == b).sum()),
        }
        for b in np.unique(place)
    ]


def fit_temperature(logits: np.ndarray, labels: np.ndarray) -> float:
    """The temperature that makes held-out labels most likely (Guo et al. 2017): a search on a fine grid, 0.25 to 8."""
    grid = np.exp(np.linspace(np.log(0.25), np.log(8.0), 400))
    return float(grid[np.argmin([_negative_log_likelihood(logits / t, labels) for t in grid])])


def _negative_log_likelihood(logits: np.ndarray, labels: np.ndarray) -> float:
    top = logits.max(axis=1, keepdims=True)
    log_sum = np.log(np.exp(logits - top).sum(axis=1)) + top[:, 0]
    return float((log_sum - logits[np.arange(len(labels)), labels]).mean())


def from_confusion(matrix: np.ndarray) -> dict[str, np.ndarray]:
    """(…, 8, 8) counts, rows the truth → accuracy, unweighted average recall, macro-F1, and (…, 8) precision, recall and F1.

    A class that nobody portrayed is left out of the averages (NaN in its own scores).
    """
    right = np.diagonal(matrix, axis1=-2, axis2=-1).astype(float)
    portrayed, predicted = matrix.sum(axis=-1), matrix.sum(axis=-2)
    with np.errstate(invalid="ignore", divide="ignore"):
        recall = right / portrayed
        precision = np.where(portrayed > 0, np.where(predicted > 0, right / predicted, 0.0), np.nan)
        f1 = np.where(portrayed > 0, 2 * right / (portrayed + predicted), np.nan)
    return {
        "accuracy": right.sum(axis=-1) / np.maximum(matrix.sum(axis=(-2, -1)), 1),
        "uar": np.nanmean(recall, axis=-1),
        "macro_f1": np.nanmean(f1, axis=-1),
        "precision": precision,
        "recall": recall,
        "f1": f1,
    }


def confusion(predicted: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """int (8, 8): rows what was portrayed, columns what was named."""
    k = len(LABELS)
    return np.bincount(labels * k + predicted, minlength=k * k).reshape(k, k)


def scores(logits: np.ndarray, scaled: np.ndarray, labels: np.ndarray, actors: np.ndarray, seeds: int = 1) -> dict:
    """Everything about the predictions (n, 8) of n clips, ready for JSON.

    Args:
        logits: as the classifier gives them.
        scaled: divided by a temperature that was fitted on other clips.
        seeds: how many trainings the rows are of, one after the other, each with the same clips in the same order: clips
            count once, however often they were judged.
    """
    clips = len(labels) // seeds
    predicted, before, after = logits.argmax(axis=1), softmax(logits), softmax(scaled)
    triples, chance = _with_intervals(predicted, before, after, labels, actors, seeds), calibration_by_chance(after[:clips])
    return {
        **{name: triples[name] for name in _OVERALL},
        "clips": clips,
        "actors": len(np.unique(actors)),
        "calibration": {
            "before": triples["before"],
            "after": triples["after"],
            "by_chance": round(float(chance.mean()), 4),
            "by_chance_at_most": round(float(np.quantile(chance, 0.95)), 4),
            "curve": calibration_curve(after, labels),
        },
        "per_class": {
            label: {**{name: triples[name, c] for name in _PER_CLASS}, "clips": int((labels[:clips] == c).sum())}
            for c, label in enumerate(LABELS)
        },
        "confusion": confusion(predicted, labels).tolist(),
        "per_actor": {f"{a:02d}": _group_scores(after, labels, actors, actors == a, seeds) for a in np.unique(actors).tolist()},
        "per_sex": {sex: _group_scores(after, labels, actors, actors % 2 == odd, seeds) for sex, odd in (("male", 1), ("female", 0))},
    }


def _with_intervals(
    predicted: np.ndarray, before: np.ndarray, after: np.ndarray, labels: np.ndarray, actors: np.ndarray, seeds: int
) -> dict[Any, dict[str, float | None]]:
    """Overall scores and calibration errors by name, scores of classes by (name, class), each as value, low and high."""
    clips = len(labels) // seeds

    def numbers(rows: np.ndarray) -> np.ndarray:
        found = from_confusion(confusion(predicted[rows], labels[rows]))
        errors = [calibration_error(p[rows], labels[rows]) for p in (before, after)]
        return np.concatenate([[found[name] for name in _OVERALL], errors, *(found[name] for name in _PER_CLASS)])

    def in_all_seeds(rows: np.ndarray) -> np.ndarray:
        return numbers(np.concatenate([rows + k * clips for k in range(seeds)]))

    low, high = bootstrap(actors[:clips], in_all_seeds)
    names = [*_OVERALL, "before", "after", *product(_PER_CLASS, range(len(LABELS)))]
    return dict(zip(names, map(_triple, numbers(np.arange(len(labels))), low, high), strict=True))


def _triple(value: float, low: float, high: float) -> dict[str, float | None]:
    return {key: None if np.isnan(v) else round(float(v), 4) for key, v in (("value", value), ("low", low), ("high", high))}


def _group_scores(probabilities: np.ndarray, labels: np.ndarray, actors: np.ndarray, mask: np.ndarray, seeds: int) -> dict | None:
    """Accuracy on some of the clips, with an interval, and mean confidence."""
    if not mask.any():
        return None
    clips = int(mask.sum()) // seeds
    right = (probabilities[mask].argmax(axis=1) == labels[mask]).reshape(seeds, clips).mean(axis=0)
    confidence = float(probabilities[mask].max(axis=1).mean())
    return {"accuracy": share_of(right, actors[mask][:clips]), "confidence": round(confidence, 4), "clips": clips}

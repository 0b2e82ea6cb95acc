"""A classifier of whole sequences, whose probabilities are soft targets for networks that read 40 averages.

The sequence that the averages are of is at hand in training only, and its variation tells more of the emotion than the averages do:
generalised distillation (Lopez-Paz et al. 2016, arXiv:1511.03643) of privileged information (Vapnik & Vashist 2009,
doi 10.1016/j.neunet.2009.06.042). The probabilities are out of fold: those of an actor are from a classifier trained on other actors,
as on its own actors it would repeat the labels.
"""

from __future__ import annotations

import warnings

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.kernel_approximation import Nystroem
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from models.data.copies import CLEAN
from models.data.dataset import Voices
from models.labels import LABELS
from models.training.teachers import Expert, label_weights

_FOLDS = 4  # groups of actors
_COMPONENTS, _GAMMA, _C = 600, 0.003, 3.0


def soft_targets(voices: Voices, balance: float) -> np.ndarray:
    """(n, 8) probabilities of each recording, over its speeds on average, out of fold; of one actor alone, the labels.

    Args:
        balance: of :func:`models.training.teachers.label_weights`.
    """
    actors = np.random.default_rng(0).permutation(np.unique(voices.actor))
    folds = min(_FOLDS, len(actors))
    if folds < 2:
        return np.eye(len(LABELS))[voices.label]
    speeds = range(CLEAN.stop)
    x = np.stack([statistics(voices.sequence[:, speed], voices.heard[:, speed]) for speed in speeds], axis=1)
    found = np.zeros((len(voices.label), len(LABELS)))
    for fold in range(folds):
        held_out = np.isin(voices.actor, actors[fold::folds])
        expert = fit_teacher(x[~held_out], voices.label[~held_out], balance)
        found[held_out] = np.mean([np.exp(expert.log_probabilities(x[held_out, speed])) for speed in speeds], axis=0)
    return found / found.sum(axis=1, keepdims=True)


def fit_teacher(x: np.ndarray, labels: np.ndarray, balance: float) -> Expert:
    """Kernel logistic regression (Gaussian kernel, Nyström's approximation) on statistics (n, speeds, 120).

    RAVDESS has half as many neutral voices as others: without some ``balance`` they would hardly ever be predicted.
    """
    rows, y = x.reshape(-1, x.shape[2]), np.repeat(labels, x.shape[1])
    kernel = Nystroem(gamma=_GAMMA, n_components=min(_COMPONENTS, len(rows)), random_state=0)
    pipeline: Pipeline = make_pipeline(StandardScaler(), kernel, LogisticRegression(C=_C, max_iter=100))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # after 100 steps its probabilities hardly change any more
        return Expert(pipeline.fit(rows, y, logisticregression__sample_weight=len(y) * label_weights(y, balance)))


def statistics(sequence: np.ndarray, heard: np.ndarray) -> np.ndarray:
    """MFCCs (n, 40, frames), of which ``heard`` (n,) are there → (n, 120): mean, deviation, and deviation of the slopes."""
    x = sequence.astype(np.float32)
    slopes = x[:, :, 2:] - x[:, :, :-2]
    mean, spread = _moments(x, heard)
    return np.concatenate([mean, spread, _moments(slopes, np.maximum(heard - 2, 1))[1]], axis=1)


def _moments(x: np.ndarray, count: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and deviation (n, 40) over the first ``count`` (n,) frames."""
    there = (np.arange(x.shape[2]) < count[:, None])[:, None]
    mean = np.sum(x, axis=2, where=there) / count[:, None]
    return mean, np.sqrt(np.sum((x - mean[..., None]) ** 2, axis=2, where=there) / count[:, None])

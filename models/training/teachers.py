"""Logistic regressions: the expert whose probabilities of a face are soft targets, and the two that the linear model is made of.

There are voices of 24 actors but faces of few, so a network trained on pairs memorises the few faces and ignores the voice. A strongly
penalised logistic regression does not memorise: its probabilities are what the networks are trained to match (knowledge distillation,
Hinton et al. 2015, arXiv:1503.02531).
"""

from __future__ import annotations

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, GroupKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from models.labels import LABELS

_FACE_C = 2e-3
_FERPLUS_SHARE = 0.05
_FACE_SAMPLES = 720  # effective number of faces: sets how strong the penalty is
_VOICE_CS = (1e-3, 1e-2, 1e-1, 1.0)
_FLOOR = 1e-9


class Expert:
    """A scikit-learn classifier that may not have been trained on all labels."""

    def __init__(self, classifier) -> None:
        self.classifier = classifier

    def log_probabilities(self, x: np.ndarray) -> np.ndarray:
        """(n, d) → (n, 8); a label that was not in its training has next to no probability."""
        scores = np.full((len(x), len(LABELS)), np.log(_FLOOR))
        scores[:, self.classifier.classes_] = np.log(np.clip(self.classifier.predict_proba(x), _FLOOR, 1.0))
        return scores


def face_expert(faces: np.ndarray, labels: np.ndarray, filmed: np.ndarray) -> Expert:
    """Strongly penalised logistic regression on (n, 512) features.

    Args:
        filmed: bool (n,): from a video, not a FER+ photograph. Photographs make up a small share of every emotion,
            and all of an emotion that no video shows.
    """
    weights = balanced_weights(labels, filmed, _FERPLUS_SHARE)
    pipeline = make_pipeline(StandardScaler(), LogisticRegression(C=_FACE_C, max_iter=500))
    relative = {
        "standardscaler__sample_weight": weights * len(weights),
        "logisticregression__sample_weight": weights * _FACE_SAMPLES,
    }
    return Expert(pipeline.fit(faces, labels, **relative))


def voice_regression(mfcc: np.ndarray, labels: np.ndarray, actors: np.ndarray) -> tuple[Expert, float]:
    """Logistic regression on (n, 40) MFCC means; the penalty is the one that is best on actors left out in turn.

    Returns:
        The classifier, and the C that was chosen.
    """
    pipeline = make_pipeline(StandardScaler(), LogisticRegression(max_iter=300))
    folds = min(4, len(np.unique(actors)))
    if folds < 2:
        return Expert(pipeline.set_params(logisticregression__C=_VOICE_CS[1]).fit(mfcc, labels)), _VOICE_CS[1]
    search = GridSearchCV(pipeline, {"logisticregression__C": _VOICE_CS}, cv=GroupKFold(folds))
    search.fit(mfcc, labels, groups=actors)
    return Expert(search.best_estimator_), float(search.best_params_["logisticregression__C"])


def linear_weights(expert: Expert, mean: np.ndarray, std: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Weights (8, d) and intercepts (8,) of a logistic regression for features standardised by ``mean`` and ``std`` (d,).

    Classes that were not in its training get the lowest intercept of the others, less 5.
    """
    scaler, regression = expert.classifier[0], expert.classifier[-1]
    weights, intercepts = np.zeros((len(LABELS), len(mean))), np.full(len(LABELS), -np.inf)
    raw = regression.coef_ / scaler.scale_
    found = regression.intercept_ + raw @ (mean - scaler.mean_)
    if len(regression.classes_) == 2:  # scikit-learn keeps one row for two classes
        raw, found = np.concatenate([np.zeros_like(raw), raw]), np.concatenate([0 * found, found])
    weights[regression.classes_], intercepts[regression.classes_] = raw * std, found
    return weights, np.where(np.isinf(intercepts), found.min() - 5, intercepts)


def label_weights(labels: np.ndarray, balance: float) -> np.ndarray:
    """Weights (n,) with sum 1. ``balance`` 1: every emotion weighs the same; 0: every recording; between, in between."""
    weights = np.bincount(labels)[labels] ** -float(balance)
    return weights / weights.sum()


def balanced_weights(labels: np.ndarray, filmed: np.ndarray, share: float) -> np.ndarray:
    """Weights (n,) with sum 1: every class weighs the same, photographs ``share`` of it (all, where nothing was filmed)."""
    weights = np.zeros(len(labels))
    for label in np.unique(labels):
        videos, photos = (labels == label) & filmed, (labels == label) & ~filmed
        if not videos.any():
            weights[photos] = 1 / photos.sum()
        elif not photos.any():
            weights[videos] = 1 / videos.sum()
        else:
            weights[videos], weights[photos] = (1 - share) / videos.sum(), share / photos.sum()
    return weights / weights.sum()

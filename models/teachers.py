"""Two experts, one for the voice and one for the face, from whom the Transformer learns.

There are voices of 24 actors but faces of few, so a network trained on pairs learns the few faces by heart and stops
listening. Each expert sees its own modality only, is strongly regularised, and may be asked about any voice with any
face: their product (Hinton 2002, doi 10.1162/089976602760128018) is a soft target for every combination, and the
Transformer is trained to match it (knowledge distillation, Hinton et al. 2015, arXiv:1503.02531).
"""

from __future__ import annotations

import warnings

import numpy as np
from sklearn.ensemble import BaggingClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from models.labels import LABELS

_FACE_C = 2e-3
_FERPLUS_SHARE = 0.05
_FACE_SAMPLES = 720  # effective number of faces: sets how strong the penalty is
_VOICE_NETWORKS = 10
_FLOOR = 1e-9


class Expert:
    """A scikit-learn classifier that may not know all classes: ``log_probabilities(x)`` → (n, 8)."""

    def __init__(self, classifier) -> None:
        self.classifier = classifier

    def log_probabilities(self, x: np.ndarray) -> np.ndarray:
        scores = np.full((len(x), len(LABELS)), np.log(_FLOOR))
        scores[:, self.classifier.classes_] = np.log(np.clip(self.classifier.predict_proba(x), _FLOOR, 1.0))
        return scores


def voice_expert(mfcc: np.ndarray, labels: np.ndarray, seed: int) -> Expert:
    """Bagged small networks (Breiman 1996) on (n, 40) MFCC means: they hesitate where they have not heard much."""
    network = MLPClassifier((32,), alpha=3.0, max_iter=60)
    bag = BaggingClassifier(network, n_estimators=_VOICE_NETWORKS, random_state=seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # 60 epochs are meant: stopping early is part of the penalty
        return Expert(make_pipeline(StandardScaler(), bag).fit(mfcc, labels))


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

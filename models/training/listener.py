"""A listener to whole recordings, from whom networks of 40 averages learn what is lost in them.

In training the sequence is at hand that the averages are of. How much a voice moves says more of its emotion than where it is on
average: so a classifier hears of both, and its opinion of a recording stands beside the label when a network learns to judge the
averages alone (generalised distillation, Lopez-Paz et al. 2016, arXiv:1511.03643, of privileged information, Vapnik & Vashist 2009,
doi 10.1016/j.neunet.2009.06.042). Of a voice that it knows its opinion would be the label again: every actor is judged by a
listener that has never heard that actor.
"""

from __future__ import annotations

import warnings

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.kernel_approximation import Nystroem
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from models.data.dataset import SPOKEN, Voices
from models.labels import LABELS
from models.training.teachers import Expert, label_weights

_PARTS = 4  # groups of actors, each judged by a listener to the others
_COMPONENTS, _GAMMA, _C = 600, 0.003, 3.0


def opinions(voices: Voices, balance: float) -> np.ndarray:
    """(n, 8) probabilities of each recording, over its speeds on average, by listeners to other actors; of one actor alone, the labels.

    Args:
        balance: of :func:`models.training.teachers.label_weights`.
    """
    actors = np.random.default_rng(0).permutation(np.unique(voices.actor))
    parts = min(_PARTS, len(actors))
    if parts < 2:
        return np.eye(len(LABELS))[voices.label]
    heard = np.stack([statistics(voices.sequence[:, speed], voices.heard[:, speed]) for speed in range(SPOKEN.stop)], axis=1)
    found = np.zeros((len(voices.label), len(LABELS)))
    for part in range(parts):
        judged = np.isin(voices.actor, actors[part::parts])
        expert = listener(heard[~judged], voices.label[~judged], balance)
        found[judged] = np.mean([np.exp(expert.log_probabilities(heard[judged, speed])) for speed in range(SPOKEN.stop)], axis=0)
    return found / found.sum(axis=1, keepdims=True)


def listener(heard: np.ndarray, labels: np.ndarray, balance: float) -> Expert:
    """Kernel logistic regression (Gaussian kernel, Nyström's approximation) on statistics (n, speeds, 120).

    RAVDESS has half as many neutral voices as others: without some ``balance`` they would hardly ever be named.
    """
    x, y = heard.reshape(-1, heard.shape[2]), np.repeat(labels, heard.shape[1])
    kernel = Nystroem(gamma=_GAMMA, n_components=min(_COMPONENTS, len(x)), random_state=0)
    pipeline: Pipeline = make_pipeline(StandardScaler(), kernel, LogisticRegression(C=_C, max_iter=100))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # after 100 steps what it says hardly moves any more
        return Expert(pipeline.fit(x, y, logisticregression__sample_weight=len(y) * label_weights(y, balance)))


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

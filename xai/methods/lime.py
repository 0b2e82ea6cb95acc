"""LIME over the spectrogram: which patches of time and pitch speak for a class.

Ribeiro et al. 2016 (arXiv:1602.04938), with ``lime``'s surrogate: ``lime.lime_base`` is the reference in the tests, and not
imported here, as it brings 80 MB of pandas and scikit-learn. The mean MFCC is a linear map of the time-averaged dB mel
spectrogram, so hiding a patch adds a fixed 40-vector: thousands of altered recordings are one matrix product and one
batched pass through the classifier, exactly.

The classes are explained by their calibrated logits. The surrogate is a ridge regression, linear in what it is fitted
to, so the weights of "A rather than B" are the difference of the two classes' weights.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from features import N_AUDIO, Features
from features.audio import HOP, N_MELS, RATE, dct_matrix, mel_edges
from models.checkpoint import AnyModel, TokenModel
from xai.tokens import hidden_logits, sample_count

SAMPLES = 2000
GRID = (10, 8)  # patches along time and along pitch
_SOUNDING_DB = 40.0  # quieter than this below the loudest moment counts as silence
_BACKGROUND = 10  # percentile of a band over time: what remains when a patch is hidden
_KERNEL_WIDTH = 0.25  # of lime_image
_KEPT = 0.8  # of the patches in an altered recording; lime_image keeps half, too far from the recording for a straight line to fit
_RELIABLE_R2 = 0.5  # below this the surrogate misses more than it explains


@dataclass(frozen=True)
class LimeExplanation:
    """A linear surrogate around one recording.

    Attributes:
        cells: int (p, 4): first and last (exclusive) frame, first and last (exclusive) mel band of each patch.
        segments: float (p, 4): t0, t1 in seconds, hz0, hz1 in hertz.
        weights: float (8, p): how much the logit gains from each patch.
        r2: float (8,): weighted R² of the surrogate.
        samples, seed: settings.
    """

    cells: np.ndarray
    segments: np.ndarray
    weights: np.ndarray
    r2: np.ndarray
    samples: int
    seed: int

    def signed(self, target: int, against: int | None = None) -> np.ndarray:
        """(p,) weights of a class, or of a class rather than another."""
        return self.weights[target] - (self.weights[against] if against is not None else 0.0)

    def fit(self, target: int, against: int | None = None) -> float:
        """R² of the surrogate; for a comparison the worse one of the two."""
        return float(self.r2[target] if against is None else min(self.r2[target], self.r2[against]))

    def reliable(self, target: int, against: int | None = None) -> bool:
        """Whether the surrogate explains at least half of what the model does."""
        return self.fit(target, against) >= _RELIABLE_R2


def explain_lime(
    features: Features,
    model: AnyModel,
    *,
    samples: int = SAMPLES,
    seed: int = 0,
    grid: tuple[int, int] = GRID,
) -> LimeExplanation | None:
    """LIME weights of every patch for all eight classes; None without a voice."""
    if features.audio is None:
        return None
    mel_db = features.audio.mel_db
    cells = patch_grid(mel_db, grid)
    if isinstance(model, TokenModel):
        samples = sample_count(mel_db.shape[1], samples)
    rng = np.random.default_rng(seed)
    masks = (rng.random((samples, len(cells))) < _KEPT).astype(int)
    masks[0] = 1
    if isinstance(model, TokenModel):
        logits = hidden_logits(features, model, masks, cells, background(mel_db))
    else:
        logits = model.logits(perturbed_vectors(features.vector, masks, patch_shifts(mel_db, cells)))
    # Cosine distance between a 0/1 mask and the untouched recording, as in lime_image.
    distances = 1.0 - np.sqrt(masks.mean(1))
    weights, r2 = fit_surrogate(masks, logits, _kernel(distances))
    return LimeExplanation(cells, _segments(cells, features.audio.seconds), weights, r2, samples, seed)


def fit_surrogate(masks: np.ndarray, logits: np.ndarray, nearness: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Weighted ridge regression with penalty 1 and a free intercept, for all classes at once.

    Args:
        masks: 0/1 (n, p); logits: (n, 8); nearness: (n,) weight of each altered recording.

    Returns:
        float64 (8, p) weights of the patches and (8,) weighted R².
    """
    share = nearness / nearness.sum()
    x, y = masks - share @ masks, logits - share @ logits
    weighted = (x * nearness[:, None]).T
    slopes = np.linalg.solve(weighted @ x + np.eye(x.shape[1]), weighted @ y)
    missed, total = nearness @ (y - x @ slopes) ** 2, nearness @ y**2
    # As scikit-learn's r2_score: nothing to explain is explained if nothing is missed.
    r2 = np.where(total > 0, 1 - missed / np.where(total > 0, total, 1.0), missed == 0)
    return slopes.T, r2


def patch_grid(mel_db: np.ndarray, grid: tuple[int, int] = GRID) -> np.ndarray:
    """(128, frames) dB → int (p, 4) cells: a regular grid over the part from the first to the last sound."""
    first, last = sounding_part(mel_db)
    columns = np.unique(np.linspace(first, last, min(grid[0], last - first) + 1).round().astype(int))
    rows = np.linspace(0, N_MELS, grid[1] + 1).round().astype(int)
    return np.array(
        [(a, b, low, high) for a, b in zip(columns, columns[1:], strict=False) for low, high in zip(rows, rows[1:], strict=False)]
    )


def sounding_part(mel_db: np.ndarray) -> tuple[int, int]:
    """First and last (exclusive) frame within 40 dB of the loudest; everything if the recording is flat."""
    loudness = mel_db.max(axis=0)
    heard = np.flatnonzero(loudness >= loudness.max() - _SOUNDING_DB)
    return int(heard[0]), int(heard[-1]) + 1


def background(mel_db: np.ndarray) -> np.ndarray:
    """(128, frames) → (128,): the quiet level of each band in this recording, what a hidden patch is faded to."""
    return np.percentile(mel_db, _BACKGROUND, axis=1)


def patch_shifts(mel_db: np.ndarray, cells: np.ndarray) -> np.ndarray:
    """(p, 40): what hiding each patch adds to the mean MFCCs."""
    change = background(mel_db)[:, None] - mel_db.astype(float)
    bands = np.zeros((len(cells), N_MELS))
    for patch, (first, last, low, high) in enumerate(cells):
        bands[patch, low:high] = change[low:high, first:last].sum(axis=1)
    return bands @ dct_matrix().T / mel_db.shape[1]


def perturbed_vectors(vector: np.ndarray, masks: np.ndarray, shifts: np.ndarray) -> np.ndarray:
    """Raw vectors (n, 552) of the recordings in which the patches with mask 0 are hidden."""
    vectors = np.repeat(vector[None], len(masks), axis=0)
    vectors[:, :N_AUDIO] += (1 - masks) @ shifts
    return vectors


def _kernel(distances: np.ndarray) -> np.ndarray:
    return np.sqrt(np.exp(-(distances**2) / _KERNEL_WIDTH**2))


def _segments(cells: np.ndarray, seconds: float) -> np.ndarray:
    # Frame i is centred on sample i · HOP; a patch reaches half a hop beyond its first and last frame.
    times = np.clip((cells[:, :2] - 0.5) * HOP / RATE, 0.0, seconds)
    hertz = mel_edges()[cells[:, 2:]]
    return np.concatenate([times, hertz], axis=1)

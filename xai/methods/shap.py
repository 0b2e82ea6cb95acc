"""SHAP values of the 552 features: expected gradients.

Erion et al. 2021 (arXiv:1906.10670), what ``shap.GradientExplainer`` estimates: the mean over reference recordings r
of (x − r) · ∫ ∂f(r + t (x − r)) dt. The library draws r and t at random; by default every reference is used here, with t
evenly spaced from another start for each (:mod:`xai.methods.path_nodes`), which leaves a far smaller additivity residual in less time.
The library's estimator stays selectable, and is the reference in the tests.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass

import numpy as np
import torch

from features import N_AUDIO, N_FEATURES, Features
from models.checkpoint import AnyModel, EmotionModel, TokenModel
from models.labels import LABELS
from xai.methods.path_nodes import path_nodes
from xai.tokens import expected_gradients

ESTIMATORS = ("quadrature", "shap")
NODES = 8
_TOKEN_NODES = 12
_BATCH = 512
_LIBRARY_SAMPLES = 200  # GradientExplainer's default
_library = threading.Lock()  # it seeds numpy's random numbers, which all threads share


@dataclass(frozen=True)
class ShapExplanation:
    """Attributions of the calibrated logits.

    Attributes:
        values: float (8, 552).
        base: float (8,): mean logit of the reference recordings.
        logits: float (8,): logits of this recording.
        estimator, seed: settings.
    """

    values: np.ndarray
    base: np.ndarray
    logits: np.ndarray
    estimator: str
    seed: int

    @property
    def residual(self) -> np.ndarray:
        """(8,): logit − base − sum of the values; 0 if the explanation is complete."""
        return self.logits - self.base - self.values.sum(axis=1)

    def left_over(self, target: int, against: int | None = None) -> float:
        r"""\|residual\| as a share of \|logit − base\|, for a class or for the difference of two."""
        residual, gain = self.residual, self.logits - self.base
        if against is not None:
            residual, gain = residual - residual[against], gain - gain[against]
        return float(abs(residual[target]) / max(abs(gain[target]), 1e-9))

    def signed(self, target: int, against: int | None = None) -> np.ndarray:
        """(552,) values of a class, or of a class rather than another."""
        return self.values[target] - (self.values[against] if against is not None else 0.0)

    def by_modality(self, target: int, against: int | None = None) -> dict[str, float]:
        """Sum of the values over the voice's and over the face's features."""
        values = self.signed(target, against)
        return {"audio": float(values[:N_AUDIO].sum()), "video": float(values[N_AUDIO:].sum())}


def explain_shap(
    features: Features, model: AnyModel, *, estimator: str = "quadrature", seed: int = 0, nodes: int = NODES
) -> ShapExplanation:
    """SHAP values of all 552 features for all eight classes. A missing modality gets zeros.

    Args:
        estimator: ``quadrature`` with ``nodes`` points on each path, or the library's sampling, ``shap``, with ``seed``.

    Raises:
        ValueError: there is no such estimator.
    """
    if estimator not in ESTIMATORS:
        raise ValueError(f"unknown estimator {estimator!r}: choose one of {', '.join(ESTIMATORS)}")
    if isinstance(model, TokenModel):  # the library wants one tensor, not a sequence with gaps
        return ShapExplanation(*expected_gradients(features, model, _TOKEN_NODES), "quadrature", seed)
    x = model.standardise(features.vector[None])
    missing = torch.from_numpy(np.isnan(features.vector))
    reference = model.standardise(model.reference).masked_fill(missing, 0.0)
    values = quadrature(model, x, reference, nodes) if estimator == "quadrature" else library_values(model, x, reference, seed)
    with torch.inference_mode():
        base = model.forward(reference).double().mean(0).numpy()
        logits = model.forward(x).double()[0].numpy()
    return ShapExplanation(values, base, logits, estimator, seed)


def quadrature(model: EmotionModel, x: torch.Tensor, reference: torch.Tensor, nodes: int) -> np.ndarray:
    """Standardised (1, 552) and (m, 552) → (8, 552) expected gradients with ``nodes`` points on each path."""
    t = torch.from_numpy(path_nodes(nodes, len(reference))).float()
    step = x - reference
    points = (reference + t[:, :, None] * step).flatten(0, 1)
    share = step.repeat(nodes, 1)
    values = torch.zeros(len(LABELS), N_FEATURES, dtype=torch.float64)
    for block, part in zip(points.split(_BATCH), share.split(_BATCH), strict=True):
        z = block.clone().requires_grad_(True)
        logits = model.forward(z).sum(0)
        for target in range(len(LABELS)):
            (gradient,) = torch.autograd.grad(logits[target], z, retain_graph=target < len(LABELS) - 1)
            values[target] += (gradient * part).sum(0).double()
    return (values / len(points)).numpy()


class _Calibrated(torch.nn.Module):
    """The library wants a module; it must see the calibrated logits."""

    def __init__(self, model: EmotionModel) -> None:
        super().__init__()
        self.classifier, self._model = model.classifier, model

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        return self._model.forward(z)


def library_values(model: EmotionModel, x: torch.Tensor, reference: torch.Tensor, seed: int) -> np.ndarray:
    """Standardised (1, 552) and (m, 552) → (8, 552) by ``shap.GradientExplainer`` with 200 samples, its default."""
    from shap import GradientExplainer

    with _library:
        explainer = GradientExplainer(_Calibrated(model), reference)
        return np.asarray(explainer.shap_values(x, nsamples=_LIBRARY_SAMPLES, rseed=seed))[0].T


def face_picture(values: np.ndarray, maps: np.ndarray) -> np.ndarray:
    """Draw the face's SHAP values back onto the frames.

    A feature is the mean of its map over space and frames, so its value spreads over the cells in proportion to the map.

    Args:
        values: (512,) SHAP values of the face's features.
        maps: (n, 512, 7, 7) non-negative maps, zeros for frames that were left out.

    Returns:
        float64 (n, 7, 7), whose sum is the sum of ``values``.
    """
    total = maps.sum(axis=(0, 2, 3), dtype=np.float64)
    alive = total > 0
    picture = np.einsum("k,nkij->nij", np.where(alive, values / np.where(alive, total, 1.0), 0.0), maps.astype(np.float64))
    used = maps.any(axis=(1, 2, 3))
    # The value of a map that is dark everywhere belongs nowhere in particular.
    picture[used] += values[~alive].sum() / (49 * max(used.sum(), 1))
    return picture

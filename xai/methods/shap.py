"""SHAP values of the features: expected gradients.

Erion et al. 2021 (arXiv:1906.10670), what ``shap.GradientExplainer`` estimates: the mean over reference recordings r
of (x − r) · ∫ ∂f(r + t (x − r)) dt. The library draws r and t at random; by default every reference is used here, with t
evenly spaced from another start for each (:func:`path_nodes`), which leaves a far smaller additivity residual in less time.
The library's estimator stays selectable, and is the reference in the tests.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from models.model import EmotionModel
from xai.explanation import Attribution, Contrast, Method, Moments, Panel, Say, Subject, silent
from xai.masking import FeatureMasker, weighed_parts
from xai.methods.shapley_sampling import NOTHING, shapley_of_moments
from xai.metrics.measures import LEARNED_CLASSIFIER, LEFT_OVER
from xai.metrics.randomisation import compare, scrambled_model
from xai.score import Score

ESTIMATORS = ("quadrature", "shap")
_LIBRARY_SAMPLES = 200  # GradientExplainer's default
_GOLDEN = (5**0.5 - 1) / 2
_SCRAMBLED = 8  # networks, where there are only few moments whose order can be compared
_library = threading.Lock()  # it seeds numpy's random numbers, which all threads share


class Shap(Method):
    """See the module. The estimator is a setting of the subject. A missing modality gets zeros."""

    key, title, panel, at_once = "shap", "SHAP", Panel.WEIGHED, True
    needs_gradients = True
    question = "How much did each of the 552 numbers add, or each moment where a model reads tokens?"
    how = (
        "Expected gradients: along straight paths from training clips to this one, each feature's share of the change is added up. "
        "Moments are taken away instead, in every combination or in random orders, and what each adds is averaged."
    )
    limits = "Causes outside the model."
    paper = "Lundberg & Lee 2017 (arXiv:1705.07874), Erion et al. 2021 (arXiv:1906.10670), Covert et al. 2021 (arXiv:2011.14878)"
    picture = "shap_face"

    def explain(self, subject: Subject, seed: int = 0, say: Say = silent) -> Attribution:
        """Raises ValueError where the settings name no estimator of :data:`ESTIMATORS`."""
        parts = weighed_parts(subject)
        if isinstance(parts, Moments):
            return self._of_moments(subject, parts, seed, say)
        values, estimator = _values(subject, seed, subject.model.path_gradients)
        model, inputs = subject.model, subject.inputs
        logits, base = model.logits(inputs)[0], model.logits(model.references(inputs)).mean(axis=0)
        extras = {"base": base, "residual": logits - base - values.sum(axis=1)}
        return Attribution(self.key, values, parts, {"estimator": estimator, "seed": seed}, extras, "other clips, not with nothing")

    def _of_moments(self, subject: Subject, parts: Moments, seed: int, say: Say) -> Attribution:
        masker = FeatureMasker(subject, "Weighing moment by moment…", say)
        values, base, how = shapley_of_moments(masker, parts, seed)
        extras = {"base": base, "residual": subject.model.logits(subject.inputs)[0] - base - values.sum(axis=1)}
        return Attribution(self.key, values, parts, {"estimator": how, "seed": seed}, extras, NOTHING)

    def checks(self, subject: Subject, attribution: Attribution, contrast: Contrast, say: Say = silent) -> Iterator[Score]:
        yield from super().checks(subject, replace(attribution, settings={}), contrast, say)
        yield Score(LEFT_OVER, left_over(attribution, contrast))
        plain = replace(subject, settings=replace(subject.settings, estimator=ESTIMATORS[0]))
        present, seed = attribution.parts.present, attribution.settings["seed"]  # type: ignore[attr-defined]

        def scrambled(k: int) -> np.ndarray:
            say("Checking the weights: scrambled networks…")
            other = replace(plain, model=scrambled_model(subject.model, k))
            return self.explain(other, seed).of(contrast)[present]

        own = attribution.of(contrast)[present]
        networks = _SCRAMBLED if isinstance(attribution.parts, Moments) else subject.model.budget.scrambled
        yield compare(LEARNED_CLASSIFIER, own, [scrambled(k) for k in range(networks)])


def feature_values(subject: Subject, seed: int = 0) -> tuple[np.ndarray, str]:
    """(8, d) SHAP values of the features, for models that are weighed moment by moment, too; and the estimator.

    Raises:
        ValueError: the settings name no estimator of :data:`ESTIMATORS`.
    """
    return _values(subject, seed, subject.model.column_gradients)


def _values(subject: Subject, seed: int, gradients: Callable[..., np.ndarray]) -> tuple[np.ndarray, str]:
    model, inputs, estimator = subject.model, subject.inputs, subject.settings.estimator
    if estimator not in ESTIMATORS:
        raise ValueError(f"unknown estimator {estimator!r}: choose one of {', '.join(ESTIMATORS)}")
    references = model.references(inputs)
    if estimator == "shap" and inputs.tensor is not None:  # the library wants one tensor, not a sequence with gaps
        return library_values(model, inputs, references, seed), estimator
    return gradients(inputs, references, path_nodes(model.budget.path_nodes, len(references))), ESTIMATORS[0]


def path_nodes(nodes: int, paths: int) -> np.ndarray:
    """Places (nodes, paths) on [0, 1), all of one weight: evenly spaced, on each path from a start of its own.

    Together they are a rank-1 lattice in path and place (Sloan & Joe 1994, Lattice Methods for Multiple Integration), which
    suits the kinks of a network of ReLUs better than Gauss–Legendre nodes on every path: on seven RAVDESS pairs 8 of these
    leave over less than 12 of those.
    """
    starts = (0.5 + _GOLDEN * np.arange(paths)) % 1.0
    return (np.arange(nodes)[:, None] + starts) / nodes


def left_over(attribution: Attribution, contrast: Contrast) -> float:
    r"""\|residual\| as a share of \|logit − base\|, for a class or for the difference of two."""
    residual = contrast.of(attribution.extras["residual"])
    gain = residual + contrast.of(attribution.values.sum(axis=1))
    return float(abs(residual) / max(abs(gain), 1e-9))


class _Calibrated(torch.nn.Module):
    """The library wants a module; it must see the calibrated logits."""

    def __init__(self, model: EmotionModel, inputs: Any) -> None:
        super().__init__()
        self.classifier, self._model, self._inputs = model.classifier, model, inputs

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        return self._model.forward(self._inputs.with_tensor(z))


def library_values(model: EmotionModel, inputs: Any, references: Any, seed: int) -> np.ndarray:
    """(8, d) by ``shap.GradientExplainer`` with 200 samples, its default, for inputs of one that are one vector."""
    from shap import GradientExplainer

    with _library:
        explainer = GradientExplainer(_Calibrated(model, inputs), references.tensor)
        return np.asarray(explainer.shap_values(inputs.tensor, nsamples=_LIBRARY_SAMPLES, rseed=seed))[0].T


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
    picture[used] += values[~alive].sum() / (maps[0, 0].size * max(used.sum(), 1))
    return picture

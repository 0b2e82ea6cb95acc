"""The same clip through the libraries: how far what we compute differs from what they do.

Our own versions of MFCC, LIME, SHAP and Grad-CAM are faster or lighter. Here librosa (McFee et al. 2015), ``lime`` (Ribeiro et al.
2016), ``shap`` (Lundberg & Lee 2017) and ``pytorch-grad-cam`` (Gildenblat 2021) are asked about the recording at hand. They are
imported when this is called: some 200 MB.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from importlib.metadata import version
from typing import Any

import numpy as np

from features import Modality
from features.audio import N_MFCC, RATE
from features.tokens import TokenFeatures
from models.labels import LABELS
from xai.analysis import Analysis
from xai.explanation import Say, Subject, silent
from xai.masking import PatchMasker
from xai.methods.gradcam import GradCam
from xai.methods.lime import Lime, patches_of, sample_masks
from xai.methods.pytorch_grad_cam import library_maps
from xai.methods.shap import ESTIMATORS, Shap, library_values
from xai.metrics.looking import whole_film
from xai.metrics.stability import rank_correlation

_LIME_SAMPLES, _LIME_KEPT = 1000, 0.5  # of lime_image
_SAME = 1e-3  # of the largest value: what float32 and another order of summation explain


@dataclass(frozen=True)
class Comparison:
    """Ours against a library's.

    Attributes:
        what: which numbers; library: its name and release.
        largest: largest absolute difference; scale: largest absolute value of ours; unit: of both.
        correlation: Spearman's ρ over all numbers.
        meaning: what the two say, in a sentence.
        seconds: that the library took.
    """

    what: str
    library: str
    unit: str
    largest: float
    scale: float
    correlation: float
    meaning: str
    seconds: float

    @property
    def same(self) -> bool:
        """They are equal but for rounding."""
        return self.largest <= _SAME * self.scale


def compare_with_libraries(analysis: Analysis, say: Say = silent) -> list[Comparison]:
    """Every comparison that applies to the recording and the model; of LIME, where it was asked for."""
    return list(_comparisons(analysis, say))


def _comparisons(analysis: Analysis, say: Say) -> Iterator[Comparison]:
    subject = analysis.subject
    if subject.has(Modality.AUDIO) and not isinstance(subject.features.audio, TokenFeatures):
        yield _mfcc(subject, say)
    if Lime.key in analysis.attributions:
        yield from _lime(analysis, say)
    if Shap.key in analysis.attributions and subject.inputs.tensor is not None:
        yield _shap(analysis, say)
    if GradCam.key in analysis.attributions and not whole_film(subject):
        yield _gradcam(analysis, say)


def _mfcc(subject: Subject, say: Say) -> Comparison:
    import librosa

    audio = subject.features.audio
    assert audio is not None
    say("Computing the MFCCs with librosa…")

    def run() -> np.ndarray:
        return librosa.feature.mfcc(y=audio.samples, sr=RATE, n_mfcc=N_MFCC).mean(axis=1)

    return _compared("MFCC means", "librosa", "MFCC", audio.vector, run, "The voice's 40 numbers are librosa's.")


def _lime(analysis: Analysis, say: Say) -> Iterator[Comparison]:
    subject, own = analysis.subject, analysis.attributions[Lime.key]
    patches = patches_of(subject)
    masker = PatchMasker(subject, patches)
    masks = sample_masks(own.settings["samples"], len(patches), own.settings["seed"])
    say("Fitting LIME's surrogate with lime…")
    logits = masker(masks.astype(bool))
    yield _compared(
        "LIME's weights from the same perturbed copies",
        "lime",
        "logit",
        own.values,
        lambda: lime_weights(masks, logits),
        "Our surrogate is lime's.",
    )
    say("Drawing the perturbed copies as lime does…")
    count = subject.model.budget.samples(_LIME_SAMPLES, patches.mel_db.shape[1])
    drawn = (np.random.default_rng(0).random((count, len(patches))) < _LIME_KEPT).astype(int)
    drawn[0] = 1
    yield _compared(
        f"LIME's weights from {count:,} copies drawn as lime_image does",
        "lime",
        "logit",
        own.values,
        lambda: lime_weights(drawn, masker(drawn.astype(bool))),
        "lime hides half of the patches at a time, we a fifth: how much the weights depend on that choice.",
        choice=True,
    )


def lime_weights(masks: np.ndarray, logits: np.ndarray) -> np.ndarray:
    """(8, p) weights by ``lime.lime_base``, called as ``lime_image`` does: 0/1 masks (n, p), logits (n, 8)."""
    from lime.lime_base import LimeBase
    from sklearn.metrics import pairwise_distances

    distances = pairwise_distances(masks, masks[:1], metric="cosine").ravel()
    base = LimeBase(lambda d: np.sqrt(np.exp(-(d**2) / 0.25**2)), random_state=0)
    found = [base.explain_instance_with_data(masks, logits, distances, k, masks.shape[1], "none")[1] for k in range(len(LABELS))]
    return np.array([[weight for _, weight in sorted(rows)] for rows in found])


def _shap(analysis: Analysis, say: Say) -> Comparison:
    subject, own = analysis.subject, analysis.attributions[Shap.key]
    if own.settings["estimator"] != ESTIMATORS[0]:  # the library's own: what it is compared with is ours all the same
        ours = replace(subject, settings=replace(subject.settings, estimator=ESTIMATORS[0]))
        own = Shap().explain(ours, subject.settings.seed)
    say("Drawing expected gradients with shap…")

    def run() -> np.ndarray:
        return library_values(subject.model, subject.inputs, subject.model.references(subject.inputs), subject.settings.seed)

    meaning = "shap draws 200 points at random where we integrate: the difference is its sampling error."
    return _compared("SHAP values", "shap", "logit", own.values, run, meaning, choice=True)


def _gradcam(analysis: Analysis, say: Say) -> Comparison:
    own = analysis.attributions[GradCam.key]
    meaning = "Our shortcut is Grad-CAM, end to end."
    return _compared(
        "Grad-CAM of all frames", "grad-cam", "gradient", own.values, lambda: library_maps(analysis.subject, "GradCAM", say), meaning
    )


def _compared(
    what: str, library: str, unit: str, own: np.ndarray, run: Callable[[], Any], meaning: str, choice: bool = False
) -> Comparison:
    """Run the library and hold ``own`` to it.

    Args:
        choice: a difference is to be expected, and ``meaning`` says why; otherwise it is a fault of ours.
    """
    start = time.perf_counter()
    theirs = np.asarray(run(), float)
    seconds = time.perf_counter() - start
    largest, scale = float(np.abs(own - theirs).max()), float(np.abs(own).max())
    found = Comparison(what, f"{library} {version(library)}", unit, largest, scale, rank_correlation(own, theirs), meaning, seconds)
    if not found.same and not choice:
        return replace(found, meaning=f"They differ by more than rounding ({largest / max(scale, 1e-12):.1%}): do not rely on ours.")
    return found


def table(found: list[Comparison]) -> str:
    """Comparisons as lines of text."""
    lines = []
    for c in found:
        head = f"{c.what}: {c.library}, {c.seconds:.1f} s; largest difference {c.largest:.2g} of {c.scale:.3g} ({c.unit})"
        lines.append(f"{head}, rank correlation {c.correlation:.4f}. {c.meaning}")
    return "\n".join(lines)

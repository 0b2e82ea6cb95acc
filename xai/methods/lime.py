"""LIME over the spectrogram: which patches of time and frequency speak for a class.

Ribeiro et al. 2016 (arXiv:1602.04938), with ``lime``'s surrogate: our ridge regression solves all classes at once and needs 82 MB less
than importing ``lime``, whose ``lime_base`` is the reference in the tests and, on request, for any clip (:mod:`xai.reference`). Where
the model reads mean MFCCs, a linear map of the spectrogram, thousands of perturbed copies are one matrix product and one batched
pass through the classifier, exactly.

The classes are explained by their calibrated logits. The surrogate is linear in what it is fitted to, so the weights of "A rather
than B" are the difference of the two classes' weights.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from features import Modality
from features.patches import Patches, patch_grid, segments
from models.model import EmotionModel
from xai.explanation import Attribution, Contrast, Method, Panel, Say, SoundPatches, Subject, silent
from xai.masking import PatchMasker
from xai.metrics.measures import FIT, LEARNED_CLASSIFIER
from xai.metrics.randomisation import NOT_SCRAMBLED, compare, scrambled_model
from xai.metrics.stability import agreement
from xai.score import Score

_KERNEL_WIDTH = 0.25  # of lime_image
_KEPT = 0.8  # of the patches in a perturbed copy; lime_image keeps half, too far from the recording for a straight line to fit


def patches_of(subject: Subject) -> Patches:
    """The grid of patches over the sounding part of a voice, or over what its encoder reads."""
    audio = subject.features.audio
    assert audio is not None
    return patch_grid(audio.mel_db, span=audio.span)


def parts_of(subject: Subject, patches: Patches) -> SoundPatches:
    """Where these patches lie in seconds and hertz."""
    assert subject.features.audio is not None
    audio = subject.features.audio
    return SoundPatches(patches.cells, segments(patches.cells, audio.seconds, audio.scale))


class Lime(Method):
    """See the module. The number of perturbed copies is a setting of the subject."""

    key, title, panel, modality, at_once = "lime", "LIME", Panel.HEARD, Modality.AUDIO, True
    question = "Which moments and frequencies spoke for it?"
    how = "Patches of the spectrogram are faded to the background, hundreds of times or more, and a simple model is fitted to the result."
    limits = "The order of sounds, where a model reads averages over time."
    paper = "Ribeiro et al. 2016 (arXiv:1602.04938)"

    def comes_at_once(self, subject: Subject) -> bool:
        return subject.model.budget.at_once and super().comes_at_once(subject)

    def left_out(self, subject: Subject) -> tuple[str, ...]:
        return () if subject.model.differentiable else (NOT_SCRAMBLED,)

    def explain(self, subject: Subject, seed: int = 0, say: Say = silent) -> Attribution:
        patches = patches_of(subject)
        samples = subject.model.budget.samples(subject.settings.samples, patches.mel_db.shape[1])
        masks = sample_masks(samples, len(patches), seed)
        logits = PatchMasker(subject, patches, words="Finding what it heard…", say=say)(masks.astype(bool))
        weights, r2 = fit_surrogate(masks, logits, nearness(masks))
        return Attribution(self.key, weights, parts_of(subject, patches), {"samples": samples, "seed": seed}, {"r2": r2})

    def checks(self, subject: Subject, attribution: Attribution, contrast: Contrast, say: Say = silent) -> Iterator[Score]:
        yield from super().checks(subject, attribution, contrast, say)
        yield Score(FIT, fit(attribution, contrast))
        model, seed, parts = subject.model, attribution.settings["seed"], attribution.parts
        assert isinstance(parts, SoundPatches)

        def again(judge: EmotionModel, other_seed: int) -> np.ndarray:
            say("Checking the sound: other random numbers, scrambled networks…")
            return self.explain(replace(subject, model=judge), other_seed).of(contrast).reshape(-1, parts.bands)

        own = attribution.of(contrast).reshape(-1, parts.bands)
        yield from agreement([own, *(again(model, seed + k) for k in range(1, model.budget.seeds))])
        if model.differentiable:
            yield compare(LEARNED_CLASSIFIER, own, [again(scrambled_model(model, k), seed) for k in range(model.budget.scrambled)])


def fit(attribution: Attribution, contrast: Contrast) -> float:
    """R² of the surrogate; for a comparison the worse one of the two."""
    r2 = attribution.extras["r2"]
    return float(r2[contrast.target] if contrast.against is None else min(r2[contrast.target], r2[contrast.against]))


def sample_masks(samples: int, patches: int, seed: int) -> np.ndarray:
    """0/1 (samples, patches): which patches each perturbed copy keeps; the first keeps all."""
    masks = (np.random.default_rng(seed).random((samples, patches)) < _KEPT).astype(int)
    masks[0] = 1
    return masks


def nearness(masks: np.ndarray) -> np.ndarray:
    """(n,): weight of each copy, an exponential kernel on its cosine distance to the untouched recording, as in ``lime_image``."""
    distances = 1.0 - np.sqrt(masks.mean(1))
    return np.sqrt(np.exp(-(distances**2) / _KERNEL_WIDTH**2))


def fit_surrogate(masks: np.ndarray, logits: np.ndarray, near: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Weighted ridge regression with penalty 1 and a free intercept, for all classes at once.

    Args:
        masks: 0/1 (n, p); logits: (n, 8); near: (n,) weight of each copy.

    Returns:
        float64 (8, p) weights of the patches and (8,) weighted R².
    """
    share = near / near.sum()
    changes = logits - logits[:1]  # what never changes is exactly 0, and so are its weights
    x, y = masks - share @ masks, changes - share @ changes
    weighted = (x * near[:, None]).T
    slopes = np.linalg.solve(weighted @ x + np.eye(x.shape[1]), weighted @ y)
    missed, total = near @ (y - x @ slopes) ** 2, near @ y**2
    # As scikit-learn's r2_score: nothing to explain is explained if nothing is missed.
    r2 = np.where(total > 0, 1 - missed / np.where(total > 0, total, 1.0), missed == 0)
    return slopes.T, r2

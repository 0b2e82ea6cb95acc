"""All trust scores of an analysis, for one class or for one rather than another."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from features import Features
from models.checkpoint import AnyModel, TokenModel
from xai.analysis import Analysis
from xai.masking import CELLS, Maps, without_face_cells, without_features, without_patches
from xai.methods.gradcam import CamExplanation, explain_cam
from xai.methods.lime import explain_lime
from xai.methods.shap import explain_shap
from xai.metrics.faithfulness import faithfulness
from xai.metrics.randomisation import compare, scrambled_backbone, scrambled_model
from xai.metrics.stability import SEEDS, agreement, slight_changes, steadiness, with_maps
from xai.score import FIT, LEARNED_BACKBONE, LEARNED_CLASSIFIER, LEFT_OVER, Score, Trust

FRAMES = 6  # of a long clip, evenly spaced, stand for all
_FACE_STEPS, _FACE_RANDOMS = 10, 5  # every step is a pass of the backbone for each frame
_STEPS, _RANDOMS = 20, 20
_TOKEN_SEEDS = 4  # LIME on a sequence takes a second
_BLOCK = 64  # altered recordings between two words
_CAM_DRAWS, _DRAWS, _TOKEN_DRAWS, _BACKBONE_DRAWS = 8, 4, 2, 3  # scrambled networks

Say = Callable[[str], None]


@dataclass(frozen=True)
class Question:
    """What is to be trusted: the explanations of an analysis, of class ``target`` or of it rather than ``against``.

    Attributes:
        say: told in plain words what is done, and called often, so that the work can be cancelled from there.
    """

    analysis: Analysis
    target: int
    against: int | None = None
    say: Say = lambda _: None

    @property
    def features(self) -> Features:
        return self.analysis.features

    @property
    def model(self) -> AnyModel:
        return self.analysis.model

    def contrast(self, logits: np.ndarray) -> np.ndarray:
        """(n, 8) → (n,): the logit that is explained, or the difference of two."""
        return logits[:, self.target] - (logits[:, self.against] if self.against is not None else 0.0)

    def judged(self, words: str, logits: Callable[[np.ndarray], np.ndarray], kept: np.ndarray) -> np.ndarray:
        """(n, p) → (n,): :meth:`contrast` of ``logits``, which takes some rows at a time, with ``words`` before each."""
        parts = []
        for start in range(0, len(kept), _BLOCK):
            self.say(words)
            parts.append(logits(kept[start : start + _BLOCK]))
        return self.contrast(np.concatenate(parts))

    def cam(self, features: Features, model: AnyModel) -> np.ndarray:
        """(n, 7, 7) Grad-CAM of other features or of another model."""
        cam = explain_cam(features, model)
        assert cam is not None
        return cam.signed(self.target, self.against)


def assess(analysis: Analysis, target: int | None = None, against: int | None = None, say: Say = lambda _: None) -> dict[str, Trust]:
    """Trust in every explanation that there is; for the predicted class unless told otherwise."""
    question = Question(analysis, analysis.predicted if target is None else target, against, say)
    return {name: assess_one(question, name) for name in explained(analysis)}


def explained(analysis: Analysis) -> list[str]:
    """Names of the explanations that there are, those that are checked fastest first."""
    there = {"lime": analysis.lime is not None, "shap": True, "gradcam": analysis.cam is not None}
    return [name for name, is_there in there.items() if is_there]


def assess_one(question: Question, name: str) -> Trust:
    """Trust in ``lime``, ``shap`` or ``gradcam``; if the analysis has maps of another method there, in their faithfulness only."""
    start = time.perf_counter()
    if name == "gradcam":
        cam = question.analysis.cam
        assert cam is not None
        scores = (_check_grad_cam if cam.method == "Grad-CAM" else _check_map)(question, cam)
    else:
        scores = {"lime": _check_lime, "shap": _check_shap}[name](question)
    return Trust(tuple(scores), time.perf_counter() - start)


def _check_map(question: Question, cam: CamExplanation) -> list[Score]:
    maps, frames = question.analysis.backbone.maps, chosen_frames(question.features)

    def tick() -> None:
        question.say("Checking the heat: blurring parts of the face…")

    def judge(kept: np.ndarray) -> np.ndarray:
        parts = kept.reshape(-1, len(frames), CELLS, CELLS)
        return question.contrast(without_face_cells(question.features, question.model, maps, parts, frames, tick))

    tick()
    own = cam.signed(question.target, question.against)[frames]
    # What is drawn is what is tested: without a rival, only what speaks for the class.
    shown = own if question.against is not None else np.maximum(own, 0.0)
    return [faithfulness(shown.ravel(), judge, _FACE_STEPS, _FACE_RANDOMS)]


def _check_grad_cam(question: Question, cam: CamExplanation) -> list[Score]:
    features, model, backbone = question.features, question.model, question.analysis.backbone
    frames = chosen_frames(features)
    own = cam.signed(question.target, question.against)[frames]
    assert features.video is not None
    crops = features.video.crops[frames]

    def tick() -> None:
        question.say("Checking the heat: other pictures, scrambled networks…")

    def seen_by(maps: Maps, pictures: np.ndarray) -> np.ndarray:
        tick()
        return question.cam(with_maps(features, maps(pictures), frames), model)[frames]

    def other_classifier(seed: int) -> np.ndarray:
        return question.cam(features, scrambled_model(model, seed))[frames]

    def other_backbone(seed: int) -> np.ndarray:
        return seen_by(scrambled_backbone(backbone, seed), crops)

    return [
        *_check_map(question, cam),
        steadiness(own, [seen_by(backbone.maps, pictures) for pictures in slight_changes(crops)]),
        compare(LEARNED_CLASSIFIER, own, [other_classifier(seed) for seed in range(_CAM_DRAWS)]),
        compare(LEARNED_BACKBONE, own, [other_backbone(seed) for seed in range(_BACKBONE_DRAWS)]),
    ]


def _check_lime(question: Question) -> list[Score]:
    features, model, lime = question.features, question.model, question.analysis.lime
    assert lime is not None
    rows = len(np.unique(lime.cells[:, 2]))

    def judge(kept: np.ndarray) -> np.ndarray:
        return question.judged(
            "Checking the sound: fading its patches…", lambda part: without_patches(features, model, part, lime.cells), kept
        )

    def again(model: AnyModel, seed: int) -> np.ndarray:
        question.say("Checking the sound: other random numbers, scrambled networks…")
        other = explain_lime(features, model, samples=lime.samples, seed=seed)
        assert other is not None
        return other.signed(question.target, question.against).reshape(-1, rows)

    own = lime.signed(question.target, question.against)
    count = _TOKEN_SEEDS if isinstance(model, TokenModel) else SEEDS
    repeats = [own.reshape(-1, rows), *[again(model, lime.seed + k) for k in range(1, count)]]
    scrambled = [again(scrambled_model(model, seed), lime.seed) for seed in range(_draws(model))]
    return [
        faithfulness(own, judge, _STEPS, _RANDOMS, lime.seed),
        Score(FIT, lime.fit(question.target, question.against)),
        *agreement(repeats),
        compare(LEARNED_CLASSIFIER, repeats[0], scrambled),
    ]


def _check_shap(question: Question) -> list[Score]:
    features, model, shap = question.features, question.model, question.analysis.shap
    there = ~np.isnan(features.vector)

    def judge(kept: np.ndarray) -> np.ndarray:
        every = np.ones((len(kept), len(there)), bool)
        every[:, there] = kept
        return question.judged("Checking the weights: taking features away…", lambda part: without_features(features, model, part), every)

    def scrambled(seed: int) -> np.ndarray:
        question.say("Checking the weights: scrambled networks…")
        other = explain_shap(features, scrambled_model(model, seed), seed=shap.seed)
        return other.signed(question.target, question.against)[there]

    own = shap.signed(question.target, question.against)[there]
    return [
        faithfulness(own, judge, _STEPS, _RANDOMS),
        Score(LEFT_OVER, shap.left_over(question.target, question.against)),
        compare(LEARNED_CLASSIFIER, own, [scrambled(seed) for seed in range(_draws(model))]),
    ]


def chosen_frames(features: Features) -> np.ndarray:
    """int (f,): the frames that count, or :data:`FRAMES` of them, evenly spaced."""
    assert features.video is not None
    used = np.flatnonzero(features.video.used)
    return used[np.unique(np.linspace(0, len(used) - 1, min(FRAMES, len(used))).round().astype(int))]


def _draws(model: AnyModel) -> int:
    return _TOKEN_DRAWS if isinstance(model, TokenModel) else _DRAWS

"""One recording, one model, every explanation: the object that the page, the command line and the tests share."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from uuid import uuid4

import numpy as np

from features import Features, extract
from models.backbone import FaceBackbone, load_backbone
from models.checkpoint import EmotionModel, load_model
from models.labels import LABELS
from xai.gradcam import CamExplanation, explain_cam
from xai.lime_spectrogram import SAMPLES, LimeExplanation, explain_lime
from xai.modalities import ModalitySplit, split_modalities
from xai.shap_features import ShapExplanation, explain_shap


@dataclass(frozen=True)
class Settings:
    """What a result depends on besides the recording and the weights."""

    stride: int = 30
    samples: int = SAMPLES
    seed: int = 0
    estimator: str = "quadrature"


@dataclass(frozen=True)
class Analysis:
    """The prediction for one recording and everything that explains it, for all eight classes.

    ``cam`` is None without a face, ``lime`` without a voice.
    """

    features: Features
    probabilities: np.ndarray
    modalities: ModalitySplit
    cam: CamExplanation | None
    lime: LimeExplanation | None
    shap: ShapExplanation
    settings: Settings
    model: EmotionModel
    backbone: FaceBackbone
    seconds: dict[str, float] = field(default_factory=dict)
    token: str = field(default_factory=lambda: uuid4().hex)  # tells analyses apart, also after one was forgotten

    @property
    def predicted(self) -> int:
        return int(self.probabilities.argmax())

    @property
    def label(self) -> str:
        return LABELS[self.predicted]

    @property
    def warnings(self) -> tuple[str, ...]:
        return self.features.warnings


def analyse(
    audio: bytes | None,
    video: bytes | None,
    *,
    model: EmotionModel | None = None,
    settings: Settings | None = None,
    on_stage: Callable[[str], None] | None = None,
) -> Analysis:
    """Decode, predict and explain.

    Args:
        audio: bytes of a sound file; None takes the sound track of ``video``.
        video: bytes of a video file; None for the voice alone.
        on_stage: told in plain words what begins now.

    Raises:
        features.MediaError: a file cannot be used.
    """
    say = on_stage or (lambda _: None)
    settings = settings or Settings()
    model = model or load_model()
    backbone = load_backbone(model.backbone)
    features = extract(audio, video, backbone.maps, stride=settings.stride, on_stage=on_stage)
    return explain(features, model, backbone, settings, say)


def explain(
    features: Features, model: EmotionModel, backbone: FaceBackbone, settings: Settings, say: Callable[[str], None] = lambda _: None
) -> Analysis:
    """All explanations of features that are already at hand."""
    seconds = dict(features.seconds)

    def timed(stage: str, words: str, function, *args, **options):
        say(words)
        start = time.perf_counter()
        result = function(*args, **options)
        seconds[stage] = time.perf_counter() - start
        return result

    probabilities = timed("prediction", "Recognising the emotion…", model.probabilities, features.vector[None])[0]
    modalities = timed("modalities", "Weighing voice against face…", split_modalities, features, model)
    cam = timed("gradcam", "Finding what it saw…", explain_cam, features, model)
    lime = timed("lime", "Finding what it heard…", explain_lime, features, model, samples=settings.samples, seed=settings.seed)
    shap = timed("shap", "Weighing every feature…", explain_shap, features, model, estimator=settings.estimator, seed=settings.seed)
    return Analysis(features, probabilities, modalities, cam, lime, shap, settings, model, backbone, seconds)

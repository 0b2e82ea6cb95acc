"""One recording, one model, every explanation: the object that the page, the command line and the tests share."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cache
from uuid import uuid4

import numpy as np
from threadpoolctl import threadpool_limits

from features import Features, MediaError, extract
from features.media import has_sound
from models.checkpoint import AnyModel, load_model, softmax
from models.labels import LABELS
from models.networks.backbone import FaceBackbone, load_backbone
from xai.methods.gradcam import CamExplanation, explain_cam
from xai.methods.lime import SAMPLES, LimeExplanation, explain_lime
from xai.methods.modality_split import ModalitySplit, split_modalities
from xai.methods.shap import ShapExplanation, explain_shap
from xai.quality.checks import Check, check_clip, should_be_asked


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
    model: AnyModel
    backbone: FaceBackbone
    seconds: dict[str, float] = field(default_factory=dict)
    checks: tuple[Check, ...] = ()
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

    @property
    def should_be_asked(self) -> bool:
        """Whether the model knows anything like this recording."""
        return should_be_asked(self.checks)


def analyse(
    audio: bytes | None,
    video: bytes | None,
    *,
    model: AnyModel | None = None,
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
    audio, video, note = _what_it_judges(audio, video, model)
    features = extract(audio, video, backbone.maps, stride=settings.stride, hear=model.hears, on_stage=on_stage)
    return explain(replace(features, warnings=(*features.warnings, *note)), model, backbone, settings, say)


def _what_it_judges(audio: bytes | None, video: bytes | None, model: AnyModel) -> tuple:
    """The parts of a recording that ``model`` takes note of, and a sentence if that is not all of it."""
    if not model.sees:
        track = audio if audio is not None or video is None or not has_sound(video) else video
        if track is None:
            raise MediaError("The chosen model judges the voice only: add a recording of a voice, or choose another model.")
        return track, None, ("The chosen model judges the voice only: the face was not looked at.",) if video is not None else ()
    if not model.hears:
        if video is None:
            raise MediaError("The chosen model judges the face only: add a video of a face, or choose another model.")
        return None, video, ("The chosen model judges the face only: the voice was not listened to.",)
    return audio, video, ()


def explain(
    features: Features,
    model: AnyModel,
    backbone: FaceBackbone,
    settings: Settings,
    say: Callable[[str], None] = lambda _: None,
) -> Analysis:
    """All explanations of features that are already at hand."""
    _calm_numpy()
    seconds = dict(features.seconds)

    def timed(stage: str, words: str, function, *args, **options):
        say(words)
        start = time.perf_counter()
        result = function(*args, **options)
        seconds[stage] = time.perf_counter() - start
        return result

    probabilities = softmax(timed("prediction", "Recognising the emotion…", model.predict, features))
    modalities = timed("modalities", "Weighing voice against face…", split_modalities, features, model)
    cam = timed("gradcam", "Finding what it saw…", explain_cam, features, model)
    lime = timed("lime", "Finding what it heard…", explain_lime, features, model, samples=settings.samples, seed=settings.seed)
    shap = timed("shap", "Weighing every feature…", explain_shap, features, model, estimator=settings.estimator, seed=settings.seed)
    checks = timed("checks", "Comparing it with what the model knows…", check_clip, features, model)
    return Analysis(features, probabilities, modalities, cam, lime, shap, settings, model, backbone, seconds, checks)


@cache
def _calm_numpy() -> None:
    """numpy's and scipy's threads wait by spinning, and take from torch's the cores they share: a quarter of all the time."""
    threadpool_limits(1, user_api="blas")

"""One recording, one model, every explanation: the object that the page, the command line and the tests share."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from uuid import uuid4

import numpy as np

from features import Features, MediaError, Modality, extract
from features.media import as_they_are, has_sound
from models.checkpoint import load_model
from models.evaluation.metrics import softmax
from models.identity.person import compare_faces
from models.labels import LABELS
from models.model import EmotionModel
from xai.explanation import Attribution, Backbone, Contrast, Panel, Say, Settings, Subject, silent
from xai.methods import METHODS, methods_of
from xai.modality_split import ModalitySplit, split_modalities
from xai.quality.certainty import softened
from xai.quality.checks import QualityCheck, check_quality, should_be_asked
from xai.score import Trust

__all__ = ["Analysis", "Settings", "analyse", "check", "check_one", "explain"]


@dataclass(frozen=True)
class Analysis:
    """The prediction for one recording and everything that explains it, for all eight classes.

    Attributes:
        subject: the recording and the model.
        probabilities: float64 (8,), calibrated.
        modalities: where they come from.
        attributions: by key of the method, those that are there at once and those that were asked for.
        checks: whether the recording is fit to be judged.
        seconds: wall-clock seconds by stage.
        token: tells analyses apart, also after one was forgotten.
    """

    subject: Subject
    probabilities: np.ndarray
    modalities: ModalitySplit
    attributions: Mapping[str, Attribution]
    checks: tuple[QualityCheck, ...] = ()
    seconds: dict[str, float] = field(default_factory=dict)
    token: str = field(default_factory=lambda: uuid4().hex)

    @property
    def features(self) -> Features:
        return self.subject.features

    @property
    def model(self) -> EmotionModel:
        return self.subject.model

    @property
    def backbone(self) -> Backbone:
        return self.subject.backbone

    @property
    def settings(self) -> Settings:
        return self.subject.settings

    @property
    def predicted(self) -> int:
        return int(self.probabilities.argmax())

    @property
    def lowered_from(self) -> float | None:
        """How sure it would be if the recording were like what it knows; None where it is."""
        if self.model.softening == 1:
            return None
        return float(softmax(self.model.softening * np.log(self.probabilities)).max())

    @property
    def label(self) -> str:
        return LABELS[self.predicted]

    @property
    def warnings(self) -> tuple[str, ...]:
        """What was left out of the recording, or does not fit together."""
        return self.features.warnings

    @property
    def should_be_asked(self) -> bool:
        """Whether the model knows anything like this recording."""
        return should_be_asked(self.checks)

    def attribution(self, panel: Panel, method: str | None = None) -> Attribution | None:
        """The explanation in a panel: by that method, or the one that is there at once, or the first that was asked for."""
        found = {key: a for key, a in self.attributions.items() if a.parts.panel is panel}
        at_once = next((key for key in found if METHODS[key].comes_at_once(self.subject)), None)
        return found.get(method or at_once or next(iter(found), ""))

    def with_attribution(self, method: str, say: Say = silent) -> Analysis:
        """The same with the explanation by another method, computed now; the token stays.

        Raises:
            KeyError: there is no such method, or it does not apply here.
        """
        if method in self.attributions:
            return self
        found = methods_of(self.subject)[method].explain(self.subject, self.settings.seed, say)
        return replace(self, attributions={**self.attributions, method: found})


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

    >>> voice = open("pages/sample/sample.wav", "rb").read()
    >>> analysis = analyse(voice, None, settings=Settings(samples=300))
    >>> analysis.label in LABELS, list(analysis.attributions)
    (True, ['lime', 'shap'])
    >>> METHODS["lime"].explain(analysis.subject, seed=1).values.shape  # eight emotions, 10 × 8 patches of sound
    (8, 80)
    """
    say, settings, model = on_stage or silent, settings or Settings(), model or load_model()
    backbone = model.load_backbone()
    audio, video, moved = as_they_are(audio, video)
    audio, video, note = _what_it_judges(audio, video, model)
    features = extract(audio, video, model.load_encoders(), whose=compare_faces, stride=settings.stride, on_stage=on_stage)
    return explain(Subject(replace(features, warnings=(*moved, *features.warnings, *note, *model.notes)), model, backbone, settings), say)


def _what_it_judges(audio: bytes | None, video: bytes | None, model: EmotionModel) -> tuple:
    """The parts of a recording that ``model`` reads, and a sentence if that is not all of it."""
    if not model.judges(Modality.VIDEO):
        track = audio if audio is not None or video is None or not has_sound(video) else video
        if track is None:
            raise MediaError("The chosen model judges the voice only: add a recording of a voice, or choose another model.")
        return track, None, ("The chosen model judges the voice only: the face was not looked at.",) if video is not None else ()
    if not model.judges(Modality.AUDIO):
        if video is None:
            raise MediaError("The chosen model judges the face only: add a video of a face, or choose another model.")
        return None, video, ("The chosen model judges the face only: the voice was not listened to.",)
    return audio, video, ()


_STAGES = {Panel.SAW: "Finding what it saw…", Panel.HEARD: "Finding what it heard…", Panel.WEIGHED: "Weighing every feature…"}


def explain(subject: Subject, say: Say = silent) -> Analysis:
    """The prediction, and all explanations that are there at once, of features that are already at hand."""
    seconds = dict(subject.features.seconds)
    subject = replace(subject, model=softened(subject.model, subject.features))

    def timed(stage: str, words: str, function, *arguments):
        say(words)
        start = time.perf_counter()
        result = function(*arguments)
        seconds[stage] = time.perf_counter() - start
        return result

    probabilities = softmax(timed("prediction", "Recognising the emotion…", subject.model.predict, subject.features))
    modalities = timed("modalities", "Weighing voice against face…", split_modalities, subject)
    found = {
        key: timed(key, _STAGES[method.panel], method.explain, subject, subject.settings.seed, say)
        for key, method in METHODS.items()
        if method.comes_at_once(subject)
    }
    checks = timed("checks", "Comparing it with what the model knows…", check_quality, subject.features, subject.model)
    return Analysis(subject, probabilities, modalities, found, checks, seconds)


def check(analysis: Analysis, contrast: Contrast | None = None, say: Say = silent) -> dict[str, Trust]:
    """Trust in every explanation that there is; for the predicted class unless told otherwise."""
    contrast = contrast or Contrast(analysis.predicted)
    return {key: check_one(analysis, key, contrast, say) for key in METHODS if key in analysis.attributions}


def check_one(analysis: Analysis, key: str, contrast: Contrast, say: Say = silent) -> Trust:
    """Trust in one explanation, by the checks that its method declares."""
    start = time.perf_counter()
    scores = METHODS[key].checks(analysis.subject, analysis.attributions[key], contrast, say)
    return Trust(tuple(scores), time.perf_counter() - start, METHODS[key].left_out(analysis.subject))

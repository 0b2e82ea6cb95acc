"""A second opinion: what the most accurate model, another than the chosen one, says of the same recording."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from features import Modality
from features.media import has_sound
from models.evaluation.familiarity import WORTH_NAMING
from models.evaluation.track_record import accuracy_of, most_accurate
from models.labels import LABELS
from models.registry import BOTH, MODELS, STATES
from xai.analysis import Analysis
from xai.explanation import Say, silent
from xai.model_level.all_models import Answer, ask_all


@dataclass(frozen=True)
class Opinion:
    """What another model says of a recording.

    Attributes:
        model: key in MODELS; title: for a reader.
        state: what it was shown, one of :data:`models.registry.STATES`.
        label, probability: what it recognises, and how sure it is, calibrated.
        accuracy: share of right answers about people who were not in its training, shown the same.
        agrees: whether both recognise the same emotion.
        rank: 1 where no model is more accurate on what is there to judge, else 2.
    """

    model: str
    title: str
    state: str
    label: str
    probability: float
    accuracy: float
    agrees: bool
    rank: int = 1

    @property
    def undecided(self) -> bool:
        """No emotion stands out for it."""
        return self.probability < WORTH_NAMING

    @property
    def disagrees(self) -> bool:
        """It recognises another emotion, and does not merely guess."""
        return not self.agrees and not self.undecided


def whom_to_ask(analysis: Analysis, audio: bytes | None, video: bytes | None) -> str | None:
    """Key in MODELS of the model that is asked; None where no other was measured on what there is to judge."""
    return most_accurate(_state(analysis, audio, video), {analysis.model.name})


def second_opinion(
    analysis: Analysis, audio: bytes | None, video: bytes | None, say: Say = silent, answers: Sequence[Answer] = ()
) -> Opinion | None:
    """Ask the most accurate of the other models, by its record with the same modalities (:mod:`models.evaluation.track_record`).

    Args:
        audio, video: the recording of which ``analysis`` is, as for :func:`xai.analysis.analyse`.
        say: told which model is asked.
        answers: of models that have been asked about the same recording already.

    Returns:
        None where no other model was measured on what there is to judge, or where it finds nothing to judge.

    >>> from xai.analysis import analyse
    >>> voice = open("pages/sample/sample.wav", "rb").read()
    >>> opinion = second_opinion(analyse(voice, None), voice, None)
    >>> opinion.state, opinion.accuracy > 0.5
    ('voice', True)
    """
    state, known = _state(analysis, audio, video), {answer.name: answer for answer in answers}
    for _ in STATES:  # it may find less in the recording than the files promise, and another is best with that
        name = most_accurate(state, {analysis.model.name})
        if name is None:
            return None
        if name not in known:
            (known[name],) = ask_all(audio, video, say=say, known=analysis, names=[name])
        split = known[name].split
        if split is None:
            return None
        if split.state == state:
            return _opinion(analysis, known[name], state)
        state = split.state
    return None


def _state(analysis: Analysis, audio: bytes | None, video: bytes | None) -> str:
    """What there is to judge: what the chosen model found, and the files of what it does not read."""
    seen = analysis.features.video
    there = {m for m in analysis.features.modalities if m is not Modality.VIDEO or seen is None or not seen.fallback}
    given = {Modality.AUDIO: audio is not None or (video is not None and has_sound(video)), Modality.VIDEO: video is not None}
    there |= {m for m, exists in given.items() if exists and not analysis.model.judges(m)}
    return next(iter(there)).noun if len(there) == 1 else BOTH


def _opinion(analysis: Analysis, answer: Answer, state: str) -> Opinion | None:
    p, label, accuracy = answer.probabilities, answer.label, accuracy_of(answer.name, state)
    if p is None or label is None or accuracy is None:
        return None
    rank = 1 if all((accuracy_of(other, state) or 0.0) <= accuracy for other in MODELS) else 2
    return Opinion(answer.name, answer.title, state, label, float(p[LABELS.index(label)]), accuracy, label == analysis.label, rank)

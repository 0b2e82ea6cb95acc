"""Every model on one recording: what each recognises, and how much of it comes from which modality."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from features import Features, MediaError, Modality, extract
from models.checkpoint import load_model
from models.identity.person import compare_faces
from models.labels import LABELS
from models.model import EmotionModel
from models.networks.encoders import load_encoder
from models.registry import MODELS
from xai.analysis import Analysis
from xai.explanation import Say, Settings, Subject, silent
from xai.modality_split import ModalitySplit, split_modalities
from xai.quality.certainty import softened

Encoding = frozenset[tuple[Modality, str]]
"""Which encoders a recording went through."""


@dataclass(frozen=True)
class Answer:
    """What one model says of a recording.

    Attributes:
        name: of the model; title: for a reader.
        split: probabilities with every set of modalities; None where it cannot judge the recording.
        note: why not; empty where it can.
    """

    name: str
    title: str
    split: ModalitySplit | None = None
    note: str = ""

    @property
    def probabilities(self) -> np.ndarray | None:
        """float64 (8,), calibrated."""
        return None if self.split is None else self.split.everything

    @property
    def label(self) -> str | None:
        """What it recognises."""
        return None if self.split is None else LABELS[int(self.split.everything.argmax())]

    def shares(self, target: int) -> dict[Modality, float]:
        """Size of what each modality adds to a class, as a share of all sizes; empty where there is only one to be judged."""
        return {} if self.split is None or not self.split.several else self.split.shares(target)


def ask_all(
    audio: bytes | None,
    video: bytes | None,
    *,
    settings: Settings | None = None,
    say: Say = silent,
    known: Analysis | None = None,
    names: Iterable[str] | None = None,
) -> list[Answer]:
    """The answer of every model of ``names``, in that order; by default of all, and of one that was brought along and is ``known``.

    A model of one modality is shown that one only. Where no face is found it is not asked for one: what is in the middle of such a
    picture is no face.

    Args:
        audio, video: as for :func:`xai.analysis.analyse`.
        say: told which model is asked now, and what else begins.
        known: an analysis of the same recording with the same settings, which need not be given then; its features are used again.

    >>> voice = open("pages/sample/sample.wav", "rb").read()
    >>> [(answer.name, answer.label is None) for answer in ask_all(voice, None, names=("voice", "face"))]
    [('voice', False), ('face', True)]
    """
    models = {name: load_model(name) for name in (MODELS if names is None else names)}
    if known is not None and names is None:
        models.setdefault(known.model.name, known.model)  # one that was brought along
    settings = settings or (known.settings if known else Settings())
    recording = _Recording(audio, video, settings, {_encoding(model): model for model in models.values()}, say, known)
    answers = []
    for number, (name, model) in enumerate(models.items(), 1):
        say(f"Asking *{model.spec.title}*{f' ({number} of {len(models)})' if len(models) > 1 else ''}…")
        answers.append(_ask(name, model, recording))
    return answers


def agreement(answers: Sequence[Answer]) -> str:
    """How many name the same emotion, in a sentence; and who says something else.

    >>> agreement([Answer("voice", "Voice only", note="There is no voice.")])
    'None of the models can judge this recording.'
    """
    said = {answer.title: answer.label for answer in answers if answer.label is not None}
    if not said:
        return "None of the models can judge this recording."
    (most, count), *rest = Counter(said.values()).most_common()
    tied = [label for label, other in rest if other == count]
    if len(said) == 1:
        return f"Only *{next(iter(said))}* can judge this recording: it recognises {most}."
    if not rest:
        return f"All {count} models that can judge this recording recognise **{most}**."
    if count == 1:
        return f"No two of the {len(said)} models recognise the same emotion."
    if tied:
        return f"They are divided: {count} of {len(said)} models each recognise **{'** and **'.join([str(most), *map(str, tied)])}**."
    others = ", ".join(f"*{title}* {label}" for title, label in said.items() if label != most)
    return f"{count} of {len(said)} models recognise **{most}**; {others}."


@dataclass
class _Recording:
    """One recording, each of whose features is computed once."""

    audio: bytes | None
    video: bytes | None
    settings: Settings
    wanted: Mapping[Encoding, EmotionModel]
    say: Say
    known: Analysis | None
    made: dict[Encoding, Features] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.known is not None:
            self.made[_encoding(self.known.model)] = self.known.features

    def features(self, encoding: Encoding) -> Features:
        """Those of the modalities that are encoded, some of which may be missing.

        Raises:
            MediaError: there is nothing to encode.
        """
        found = next((made for known, made in self.made.items() if encoding <= known), None)
        if found is None:
            most = max((other for other in self.wanted if encoding <= other), key=len)
            found = self.made[most] = self._heard_otherwise(dict(most)) or self._extract(self.wanted[most])
        parts = {modality: part for modality, part in found.parts.items() if modality in dict(encoding)}
        if found.video is not None and found.video.fallback:
            parts.pop(Modality.VIDEO, None)
        return replace(found, parts=parts)

    def _heard_otherwise(self, names: Mapping[Modality, str]) -> Features | None:
        """What is at hand but for the encoder of the voice, with the voice by that one: nothing is decoded or looked at again."""
        voice = names.get(Modality.AUDIO)
        for known, made in self.made.items():
            others = {**dict(known), Modality.AUDIO: voice}
            if voice is not None and Modality.AUDIO in dict(known) and names.items() <= others.items():
                heard = None if made.audio is None else made.audio.by(load_encoder(Modality.AUDIO, voice))
                return made.with_part(Modality.AUDIO, heard)
        return None

    def _extract(self, model: EmotionModel) -> Features:
        if self.video is None and (self.audio is None or not model.judges(Modality.AUDIO)):
            return Features({})
        return extract(self.audio, self.video, model.load_encoders(), whose=compare_faces, stride=self.settings.stride, on_stage=self.say)


def _encoding(model: EmotionModel) -> Encoding:
    return frozenset(model.encoders.items())


def _ask(name: str, model: EmotionModel, recording: _Recording) -> Answer:
    title = model.spec.title
    try:
        features = recording.features(_encoding(model))
    except MediaError as error:
        return Answer(name, title, note=str(error))
    if not features.parts:
        reads = " or ".join(modality.noun for modality in model.encoders)
        return Answer(name, title, note=f"It reads the {reads} only, and there is none in this recording.")
    subject = Subject(features, softened(model, features), model.load_backbone(), recording.settings)
    return Answer(name, title, split_modalities(subject))

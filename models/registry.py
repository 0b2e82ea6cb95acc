"""The one list of classifiers: all that is to be known of each, in one place.

Nothing heavy is imported to read it: networks and trainings are named, and loaded when they are called.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from features.space import Modality

if TYPE_CHECKING:
    import numpy as np
    from torch import nn

    from models.model import EmotionModel
    from models.training.recipe import Recipe

RESULTS = Path(__file__).parent / "results"
DEFAULT = "fused"
LICENCE = "CC BY-NC-SA 4.0 (as RAVDESS, from which it learned): not for commercial use"
PLAIN = "plain"  # marks results of training without augmented copies
BOTH = "both"  # the state in which every modality is shown
STATES = (BOTH, *(modality.noun for modality in Modality))


def shown_in(state: str) -> tuple[Modality, ...]:
    """The modalities that a model is shown in a state."""
    return tuple(modality for modality in Modality if state in (BOTH, modality.noun))


def _named(path: str, *arguments: Any) -> Callable[..., Any]:
    """A call of ``module:name`` with ``arguments`` first; the module is imported when it is made."""
    return partial(_call, path, *arguments)


def _call(path: str, *arguments: Any, **options: Any) -> Any:
    module, _, name = path.partition(":")
    return getattr(import_module(module), name)(*arguments, **options)


_CROSS_ENTROPY = "cross-entropy (nats)", "Loss in training: how little probability it gave to the wanted answers."


@dataclass(frozen=True)
class Description:
    """A classifier in words for a reader, of this project or brought along (:mod:`models.foreign`).

    Attributes:
        title, what, why: a short title, what it is, and what to expect of it, for a reader.
        modalities: what it reads.
        reads: the numbers that it is given, in words.
        no_curve: why there is no curve of its training loss.
    """

    title: str
    what: str
    why: str
    modalities: tuple[Modality, ...]
    reads: str
    no_curve: str = field(default="How its loss fell was not kept.", kw_only=True)

    @property
    def states(self) -> tuple[str, ...]:
        """What it can be shown: ``both``, and each modality alone; of a single modality, that one."""
        single = tuple(modality.noun for modality in self.modalities)
        return single if len(single) == 1 else (BOTH, *single)


@dataclass(frozen=True)
class ModelSpec(Description):
    """A classifier that this project trains.

    Attributes:
        kind: ``module:class`` of its :class:`models.model.EmotionModel`.
        network: → an untrained network; ``dropout`` may be given.
        recipe: → the settings of its training, from keyword arguments.
        train: (voices, faces, recipe, training_set, backbone, monitor) → a trained model; None if it is made of ``parts``.
        parts: models of one modality that it is made of without more training; fuse: these, in order → the model.
        mix: calibrated probabilities of its parts, each (n, 8), in order → its own.
        settings: recipe → names of the settings that matter to what it learns.
        augmented: recipe → whether it learns from augmented copies.
        tokens: it reads the tokens of a voice encoder, which may be another than usual.
        own_training_set: it weighs recordings otherwise than others, and draws a training set of its own; such trainings take longest.
        loss: title of the axis and meaning of its training loss.
        note: what the column "untrained for changes" leaves out, besides augmented copies.
    """

    kind: str
    network: Callable[..., nn.Module]
    recipe: Callable[..., Recipe]
    settings: Callable[[Recipe], set[str]]
    augmented: Callable[[Recipe], bool]
    train: Callable[..., EmotionModel] | None = None
    parts: tuple[str, ...] = ()
    fuse: Callable[..., EmotionModel] | None = None
    mix: Callable[[Sequence[np.ndarray]], np.ndarray] | None = None
    tokens: bool = False
    own_training_set: bool = False
    loss: Callable[[Mapping[str, Any]], tuple[str, str]] = field(default=lambda recipe: _CROSS_ENTROPY)
    note: str = ""

    @property
    def model_class(self) -> type[EmotionModel]:
        """The class that ``kind`` names."""
        module, _, name = self.kind.partition(":")
        return getattr(import_module(module), name)


_VECTOR, _SEQUENCE = "models.vector_model:VectorModel", "models.sequence_model:SequenceModel"
_RECIPE = _named("models.training.recipe:Recipe")
_VOICE, _FACE = Modality.AUDIO, Modality.VIDEO


def _fused_loss(recipe: Mapping[str, Any]) -> tuple[str, str]:
    if not recipe.get("teachers"):
        return _CROSS_ENTROPY
    return (
        "squared distance × 0.2",
        "Loss in training: the mean squared distance of its logits from its teachers' and, of a voice or a face alone, partly from the "
        "label; plus the distance between its answers to augmented pairs and to the same pairs unaugmented.",
    )


MODELS: dict[str, ModelSpec] = {
    DEFAULT: ModelSpec(
        "Fused",
        "One Transformer on voice and face: 552 numbers, the averages of 40 MFCCs and of 512 face features.",
        "The default: small, fast, and every one of its numbers can be explained.",
        (_VOICE, _FACE),
        "552 features",
        _VECTOR,
        _named("models.networks.transformer:TransformerEmotionClassifier"),
        _RECIPE,
        _named("models.training.settings:fused"),
        _named("models.training.settings:fused_augmented"),
        _named("models.training.vectors:train_fused", DEFAULT),
        loss=_fused_loss,
        note="teachers",
    ),
    "voice": ModelSpec(
        "Voice only",
        "The same Transformer on the 40 averages of the voice.",
        "Shows what the voice's averages can tell by themselves.",
        (_VOICE,),
        "40 features",
        _VECTOR,
        _named("models.networks.fusion:SingleModality", _VOICE),
        _RECIPE,
        _named("models.training.settings:voice"),
        _named("models.training.settings:voices_augmented"),
        _named("models.training.vectors:train_single", "voice"),
    ),
    "face": ModelSpec(
        "Face only",
        "The same Transformer on the 512 averages of the face.",
        "Shows what the face can tell by itself.",
        (_FACE,),
        "512 features",
        _VECTOR,
        _named("models.networks.fusion:SingleModality", _FACE),
        _RECIPE,
        _named("models.training.settings:face"),
        _named("models.training.settings:faces_augmented"),
        _named("models.training.vectors:train_single", "face"),
    ),
    "late-fusion": ModelSpec(
        "Late fusion",
        "The voice model and the face model, each weighted by how sure it is of itself.",
        "Voice and face never meet, so neither can correct the other: what fusing them should beat.",
        (_VOICE, _FACE),
        "552 features",
        _VECTOR,
        _named("models.networks.fusion:LateFusion"),
        _RECIPE,
        _named("models.training.settings:late_fusion"),
        _named("models.training.settings:voices_augmented"),
        parts=("voice", "face"),
        fuse=_named("models.training.vectors:fuse_late", "late-fusion"),
        mix=_named("models.evaluation.ensembles:weighted_by_confidence"),
        no_curve="It is made of *Voice only* and *Face only*, without more training: their cards have the curves.",
    ),
    "linear": ModelSpec(
        "Linear",
        "Logistic regression on the same 552 numbers.",
        "The simplest thing that could work. A larger model is worth its complexity only where it beats this one.",
        (_VOICE, _FACE),
        "552 features",
        _VECTOR,
        _named("models.networks.fusion:LinearClassifier"),
        _RECIPE,
        _named("models.training.settings:linear"),
        _named("models.training.settings:never_augmented"),
        _named("models.training.vectors:train_linear", "linear"),
        no_curve="Its best weights are computed at once, so there is no curve.",
    ),
    "av-tokens": ModelSpec(
        "Second by second",
        "A Transformer on a sequence: one token for each second of the voice and one for each frame of the face.",
        "Hears when something is said, not only averages.",
        (_VOICE, _FACE),
        "40 MFCCs of every moment of the voice and 512 features of each face",
        _SEQUENCE,
        _named("models.networks.sequence:TokenTransformer"),
        _named("models.training.recipe:TokenRecipe"),
        _named("models.training.settings:tokens"),
        _named("models.training.settings:voices_augmented"),
        _named("models.training.sequences:train_tokens", "av-tokens"),
        own_training_set=True,
    ),
    "whisper-tokens": ModelSpec(
        "Pretrained ear",
        "A Transformer on tokens: each half second of the voice as Whisper's encoder hears it, and each frame of the face.",
        "Its ear learned from 680,000 hours of speech before it learned emotions: by far the best on voices, the slowest to explain.",
        (_VOICE, _FACE),
        "2,304 numbers of each half second of the voice and 512 features of each face",
        "models.token_model:TokenModel",
        _named("models.networks.tokens:MomentTransformer"),
        _named("models.training.recipe:MomentRecipe"),
        _named("models.training.settings:moments"),
        _named("models.training.settings:voices_augmented"),
        _named("models.training.moments:train_moments", "whisper-tokens"),
        tokens=True,
        own_training_set=True,
    ),
}


def never_augmented(name: str) -> bool:
    """Whether a model usually learns from recordings as they are."""
    return not MODELS[name].augmented(MODELS[name].recipe())


def result_path(protocol: str, model: str, plain: bool = False, folder: Path = RESULTS) -> Path:
    """Where ``python -m models.evaluate`` keeps the scores of a model under a protocol."""
    return folder / f"{protocol}.{model}{'.' + PLAIN if plain else ''}.json"


def read_result(protocol: str, model: str, plain: bool = False) -> dict | None:
    """The scores in the repository, or None where they were not measured."""
    return _read(result_path(protocol, model, plain))


@cache
def _read(path: Path) -> dict | None:
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None

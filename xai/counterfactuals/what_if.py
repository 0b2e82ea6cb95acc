"""What if the voice were muted, the mouth covered, the room noisy? The same path as for a recording, with one part changed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np

from features import Features, MediaError, Modality
from features.audio import AudioFeatures
from features.faces import CROP
from features.video import VideoFeatures
from models.data.augmentation import low_pass, noise
from models.evaluation.metrics import softmax
from models.model import EmotionModel
from xai.modality_split import ModalitySplit

Maps = Callable[[np.ndarray], np.ndarray]

# Rows and columns of a cut face, as shares of its side: dlib's box reaches from the brows to the chin.
EYES = (0.16, 0.44, 0.06, 0.94)
MOUTH = (0.64, 0.96, 0.18, 0.82)
_PLACES = {"eyes covered": EYES, "mouth covered": MOUTH}
NO_CHANGE = "as it is"
OTHER_VOICE = "another clip's"
VOICE_CHANGES = (NO_CHANGE, "muted", "low notes only", "noisy", OTHER_VOICE)
FACE_CHANGES = (NO_CHANGE, "hidden", *_PLACES)


@dataclass(frozen=True)
class WhatIf:
    """What is changed.

    Attributes:
        voice: one of :data:`VOICE_CHANGES`; face: one of :data:`FACE_CHANGES`.
        cut: hertz above which "low notes only" is silent.
        snr: decibels between the voice and the noise of "noisy".
    """

    voice: str = NO_CHANGE
    face: str = NO_CHANGE
    cut: float = 1000.0
    snr: float = 10.0


@dataclass(frozen=True)
class Points:
    """A probability as whole points of a hundred: ``nothing`` and all that was ``added`` give exactly ``total``.

    Attributes:
        nothing: with no modality at all; total: with all; both rounded by themselves, as they are shown elsewhere.
        added: what each modality that is there adds (Shapley values, by the largest remainder).
    """

    nothing: int
    added: Mapping[Modality, int]
    total: int


def what_if(
    features: Features,
    model: EmotionModel,
    maps: Maps,
    change: WhatIf,
    other: AudioFeatures | None = None,
    left: Mapping[Modality, float] | None = None,
) -> np.ndarray:
    """(8,) probabilities of the changed recording.

    Args:
        maps: the backbone, which looks again at every changed frame.
        other: the voice of another clip; see :func:`as_read_by`.
        left: see :func:`judge`.

    Raises:
        MediaError: nothing is left to judge.
    """
    other = None if other is None else as_read_by(model, other)
    return judge(changed_features(features, maps, change, other), model, left).everything


def changed_features(features: Features, maps: Maps, change: WhatIf, other: AudioFeatures | None = None) -> Features:
    """The recording as if it had been made so.

    Of the maps of a changed face only their means are kept, (n, 512, 1, 1): a model reads no more.

    Args:
        maps, other: as in :func:`what_if`.
    """
    changed = features.with_part(Modality.AUDIO, _changed_voice(features.audio, change, other))
    return changed.with_part(Modality.VIDEO, _changed_face(features.video, change.face, maps))


def as_read_by(model: EmotionModel, audio: AudioFeatures) -> AudioFeatures:
    """A voice by the encoder of a model, encoded anew where it was another's: that of a clip that another model judged."""
    if audio.names == model.space.columns[Modality.AUDIO]:
        return audio
    return audio.by(model.load_encoders()[Modality.AUDIO])


def judge(features: Features, model: EmotionModel, left: Mapping[Modality, float] | None = None) -> ModalitySplit:
    """Probabilities of every set of modalities, each modality faded towards its mean in training.

    Args:
        left: by modality, how much of what sets it apart from that mean is left, from 0 (the modality is missing) to 1 (all).

    Raises:
        MediaError: nothing is left to judge.
    """
    left = left or {}
    gone = frozenset(modality for modality, share in left.items() if share <= 0)
    there = features.modalities - gone
    if not any(model.judges(modality) for modality in there):
        raise MediaError("With that nothing is left to judge: change only one of the two.")

    def answer(shown: frozenset[Modality]) -> np.ndarray:
        inputs = model.encode(features, gone | (frozenset(Modality) - shown))
        return softmax(model.logits(inputs.faded(left)))[0]

    sets = [frozenset(some) for size in range(len(Modality) + 1) for some in combinations(Modality, size)]
    return ModalitySplit({shown: answer(shown) for shown in sets}, there)


def in_points(split: ModalitySplit, target: int) -> Points:
    """What each modality adds to the probability of a class, rounded so that the rows add up to the total that is shown."""
    nothing, total = (round(100 * float(p[target])) for p in (split.none, split.everything))
    present = [modality for modality in split.modalities if modality in split.present]
    added = np.array([100 * split.contribution(modality)[target] for modality in present])
    return Points(nothing, dict(zip(present, largest_remainder(added, total - nothing), strict=True)), total)


def largest_remainder(values: np.ndarray, total: int) -> list[int]:
    """Whole numbers that add up to ``total``, each less than 1 from its value where the values nearly do (Hamilton's method).

    >>> largest_remainder(np.array([30.4, 30.4, 39.2]), 100)
    [31, 30, 39]
    """
    whole = np.floor(values).astype(int)
    missing = total - int(whole.sum())
    whole[np.argsort(whole - values, kind="stable")[:missing]] += 1
    return whole.tolist()


def _changed_voice(audio: AudioFeatures | None, change: WhatIf, other: AudioFeatures | None) -> AudioFeatures | None:
    if change.voice == OTHER_VOICE:
        return other if other is not None else audio
    if audio is None or change.voice == "muted":
        return None
    alter: dict[str, Callable[[np.ndarray], np.ndarray]] = {
        "low notes only": lambda samples: low_pass(samples, change.cut),
        "noisy": lambda samples: noise(samples, change.snr, np.random.default_rng(0)),
    }
    return audio.with_samples(alter[change.voice](audio.samples)) if change.voice in alter else audio


def _changed_face(video: VideoFeatures | None, change: str, maps: Maps) -> VideoFeatures | None:
    if video is None or change == "hidden":
        return None
    if change not in _PLACES:
        return video
    crops = video.crops[video.used]
    for crop in crops:
        cover(crop, _PLACES[change])
    altered = np.zeros((*video.maps.shape[:2], 1, 1), np.float32)
    altered[video.used] = maps(crops).mean(axis=(2, 3), keepdims=True)
    return replace(video, maps=altered)


def cover(crop: np.ndarray, place: tuple[float, float, float, float]) -> None:
    """Lay a box of the picture's mean colour over a part of a uint8 (224, 224, 3) face, in place.

    Args:
        place: first and last row, first and last column, as shares of the side.
    """
    top, bottom, left, right = (round(share * CROP) for share in place)
    crop[top:bottom, left:right] = crop.mean(axis=(0, 1)).round().astype(np.uint8)


def covered_picture(video: VideoFeatures, change: str) -> np.ndarray | None:
    """The first face with the box that "eyes covered" or "mouth covered" puts there; None for any other change."""
    if change not in _PLACES:
        return None
    crop = video.crops[video.used][0].copy()
    cover(crop, _PLACES[change])
    return crop

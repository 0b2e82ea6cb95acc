"""What if the voice were muted, the mouth covered, the room noisy? The same path as for a recording, with one part changed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from features import Features, MediaError, Modality
from features.audio import AudioFeatures
from features.faces import CROP
from features.video import VideoFeatures
from models.data.augmentation import low_pass, noise
from models.model import EmotionModel, softmax

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


def what_if(features: Features, model: EmotionModel, maps: Maps, change: WhatIf, other: AudioFeatures | None = None) -> np.ndarray:
    """(8,) probabilities of the changed recording.

    Args:
        maps: the backbone, which looks again at every changed frame.
        other: the voice of another clip.

    Raises:
        MediaError: nothing is left to judge.
    """
    changed = features.with_part(Modality.AUDIO, _changed_voice(features.audio, change, other))
    changed = changed.with_part(Modality.VIDEO, _changed_face(features.video, change.face, maps))
    if not any(model.judges(modality) for modality in changed.parts):
        raise MediaError("With that nothing is left to judge: change only one of the two.")
    return softmax(model.predict(changed))


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
    crops = video.crops.copy()
    for frame in np.flatnonzero(video.used):
        cover(crops[frame], _PLACES[change])
    altered = np.zeros_like(video.maps)
    altered[video.used] = maps(crops[video.used])
    return replace(video, crops=crops, maps=altered)


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

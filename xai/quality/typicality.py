"""How unlike the clips that the model knows a recording is: distance to its nearest neighbours, as a percentile.

k-nearest-neighbour distance (Sun et al. 2022, arXiv:2204.06507). Of a voice in the map of :mod:`models.evaluation.familiarity`, of a face
in the space of its standardised features. What counts as usual is measured between people: the distance of clips to their neighbours
among other actors, as a clip of an unseen person would have it.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache

import numpy as np

from features import SPACE, Features, Modality
from features.audio import RATE, AudioFeatures, mfcc_features
from features.speech import is_silent
from features.tokens import TOKEN_SECONDS, TokenFeatures
from models.evaluation.familiarity import WINDOW, distances, knn_distance, load_map
from models.model import EmotionModel
from models.networks.encoders import DEFAULT_TOKENS, load_encoder
from models.reference import load_reference
from xai.metrics.memo import Memo

# A recording is known again if one reference clip is close, and at least twice as close as all others (the ratio of Lowe 2004, doi
# 10.1023/B:VISI.0000029664.99615.94). Voices: so are 7 of 7 sound tracks of films (at 0.01 to 0.03, once 0.21), and none of 1440
# recordings without their own clip. Faces, of which one picture is enough: so are 7 of 7 films (at 0.00), 11 of 14 that were encoded
# again at 480 lines (at 0.03 to 0.11), and none of 224 strips without their own film.
_SAME = {Modality.AUDIO: 0.23, Modality.VIDEO: 0.1}
_NEXT = 0.5
_STRETCHES = 8


@dataclass(frozen=True)
class Typicality:
    """Attributes:
    distance: mean over the nearest reference clips, in deviations per feature.
    known: it is a reference clip, as a file of its own or as part of a film.
    percentile: share (0 to 100) of held-out reference clips that lie nearer to theirs.
    usual: the distance that 95 of 100 held-out clips do not exceed.
    clips, actors: size of the reference.
    """

    distance: float
    known: bool
    percentile: float
    usual: float
    clips: int
    actors: int

    @property
    def ratio(self) -> float:
        """Distance ÷ the usual one."""
        return self.distance / self.usual


def typicality(features: Features, model: EmotionModel, modality: Modality) -> Typicality | None:
    """Of one modality; None where it is missing, or where it is not known what the model has learned from."""
    if modality not in features.parts or not len(model.reference) or (modality is Modality.AUDIO and not model.learned_voices):
        return None
    deviation = np.maximum(_known_vectors(model, modality).std(axis=0), 1e-6)
    known = _is_known(features, modality, deviation)
    if features.audio is not None and modality is Modality.AUDIO:
        voices = load_map()
        distance, usual, held_out = voice_ratio(features.audio) * voices.usual, voices.usual, voices.left_out
        clips, actors = len(voices.points), voices.actors
    else:
        faces, held_out = _standardised(modality, tuple(deviation.tolist()))
        distance = float(knn_distance((_vector(features, modality) / deviation)[None], faces)[0])
        usual, clips, actors = float(np.percentile(held_out, 95)), len(faces), len(np.unique(load_reference(modality.noun).actor))
    return Typicality(distance, known, float(100 * (held_out < distance).mean()), usual, clips, actors)


_ratios = Memo(most=16)


def voice_ratio(audio: AudioFeatures) -> float:
    """How far a voice lies from those of the training, over the usual distance, whatever the model hears it by; remembered.

    Of a long recording it is the median of eight stretches, evenly spaced: hearing all of it again would cost seconds.
    """

    def compute() -> np.ndarray:
        encoder, voices = load_encoder(Modality.AUDIO, DEFAULT_TOKENS), load_map()
        if isinstance(audio, TokenFeatures) and audio.encoder.name == encoder.name:
            return np.array(voices.ratio(audio.tokens))
        return np.array(np.median([voices.ratio(encoder(part).tokens) for part in _stretches(audio.samples)]))

    return float(_ratios.of(hashlib.blake2b(audio.samples.tobytes()).digest(), compute))


def _stretches(samples: np.ndarray) -> list[np.ndarray]:
    """The whole, or :data:`_STRETCHES` of it, each as long as the map's longest voices."""
    each = round(WINDOW * TOKEN_SECONDS * RATE)
    if len(samples) <= _STRETCHES * each:
        return [samples]
    starts = np.linspace(0, len(samples) - each, _STRETCHES).astype(int)
    parts = [samples[start : start + each] for start in starts]
    return [part for part in parts if not is_silent(part)] or parts[:1]


def _is_known(features: Features, modality: Modality, deviation: np.ndarray) -> bool:
    """Whether it is one of the reference clips; of films picture by picture, as their mean depends on which pictures were taken."""
    reference, video = load_reference(modality.noun), features.video
    if modality is Modality.VIDEO and video is not None and reference.faces is not None:
        each = [distances(video.frame_vectors / deviation, pictures / deviation).min(axis=1) for pictures in reference.faces]
        found = np.stack(each, axis=1)
    else:
        found = distances(_vector(features, modality)[None] / deviation, SPACE.part(reference.vectors(), modality) / deviation)
    first, second = np.partition(found, 1, axis=1)[:, :2].T
    return bool(((first < _SAME[modality]) & (first < _NEXT * second)).any())


def _vector(features: Features, modality: Modality) -> np.ndarray:
    """Of a voice its 40 MFCC means, of a face its 512 features, whatever the model hears and sees it by: the reference is of these."""
    part = features.parts[modality]
    return mfcc_features(part.samples).vector if isinstance(part, TokenFeatures) else part.vector


def _known_vectors(model: EmotionModel, modality: Modality) -> np.ndarray:
    """(m, d) training vectors in the same numbers; of a model that hears otherwise, the reference clips."""
    if model.space.columns[modality] == SPACE.columns[modality]:
        return model.space.part(model.reference, modality)
    return SPACE.part(load_reference(modality.noun).vectors(), modality)


@cache
def _standardised(modality: Modality, deviation: tuple[float, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Standardised reference clips (n, d), and the distance of each to its neighbours among other actors (n,)."""
    reference = load_reference(modality.noun)
    z = SPACE.part(reference.vectors(), modality) / np.array(deviation)
    held_out = np.empty(len(z))
    for actor in np.unique(reference.actor):
        own = reference.actor == actor
        held_out[own] = knn_distance(z[own], z[~own])
    return z, held_out

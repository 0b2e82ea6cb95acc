"""How much less sure a model may be of a recording that is unlike what it knows."""

from __future__ import annotations

from dataclasses import replace

from features import Features, Modality
from models.evaluation.familiarity import softening
from models.model import EmotionModel
from xai.quality.typicality import typicality

# At most: with the face of an unseen actor and such a voice Fused is sure to 55 % instead of 65 %, and right about 46 %.
BESIDE_A_FACE = 1.4


def softened(model: EmotionModel, features: Features) -> EmotionModel:
    """The model as it may judge this recording: where the voice is unlike those of its training its logits are divided by more.

    Beside a face by little, as the face is right without it. Not by the distance of a face: on photographs of other people the models are
    right more often where that is larger, as stronger expressions are farther from the average (MODEL_CARD, *Unlike what it knows*).
    """
    found = typicality(features, model, Modality.AUDIO) if model.judges(Modality.AUDIO) else None
    if found is None:
        return model
    beside_a_face = model.judges(Modality.VIDEO) and features.video is not None and not features.video.fallback
    return softened_by(model, found.ratio, beside_a_face)


def softened_by(model: EmotionModel, ratio: float, beside_a_face: bool) -> EmotionModel:
    """The same for a voice whose distance, over the usual one, is known."""
    most = BESIDE_A_FACE if beside_a_face else float("inf")
    return replace(model, softening=min(most, softening(ratio)))

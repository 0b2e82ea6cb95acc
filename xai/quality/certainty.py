"""How much less sure a model may be of a recording that is unlike what it knows."""

from __future__ import annotations

from dataclasses import replace

from features import Features, Modality
from models.evaluation.familiarity import softening
from models.model import EmotionModel
from xai.quality.typicality import typicality


def softened(model: EmotionModel, features: Features) -> EmotionModel:
    """The model as it may judge this recording: where the voice is unlike those of its training its logits are divided by more.

    Not so where there is a face, too: it vouches for the verdict. Nor by the distance of a face: on photographs of strangers the models
    are right more often where it is larger, as stronger expressions are farther from the average (MODEL_CARD, *Unlike what it knows*).
    """
    found = typicality(features, model, Modality.AUDIO) if model.judges(Modality.AUDIO) else None
    if found is None or (model.judges(Modality.VIDEO) and features.video is not None):
        return model
    return replace(model, softening=softening(found.ratio))

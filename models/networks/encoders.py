"""What turns a voice or a face into numbers, by name. One more encoder is one file, and one line here.

``features`` knows no weights: it is handed these as functions (:data:`features.extract.Encoders`), voice and face alike.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from features import Encoders, Modality
from features.audio import mfcc_features
from models.networks.backbone import BACKBONES, load_backbone
from models.networks.whisper_voice import WhisperVoice

Encoder = Callable[[np.ndarray], Any]

ENCODERS: dict[Modality, dict[str, Callable[[], Encoder]]] = {
    Modality.AUDIO: {"mfcc": lambda: mfcc_features, WhisperVoice.name: WhisperVoice},
    Modality.VIDEO: {name: lambda name=name: load_backbone(name).maps for name in BACKBONES},  # type: ignore[misc]
}

DEFAULT_TOKENS = WhisperVoice.name  # of the encoders of voices that give tokens
TOKENS_HELP = (
    f"of the models that read tokens of a voice: {DEFAULT_TOKENS} (default), or a speech model of Hugging Face, as folder or by name"
)


def load_encoders(names: Mapping[Modality, str], modalities: Iterable[Modality] = tuple(Modality)) -> Encoders:
    """The encoders of those names, loaded once, of ``modalities`` only.

    Raises:
        KeyError: there is no such encoder.
    """
    return {modality: load_encoder(modality, names[modality]) for modality in modalities if modality in names}


def load_encoder(modality: Modality, name: str) -> Any:
    """One encoder.

    Args:
        name: of :data:`ENCODERS`; or, of a voice, folder or name of a speech model of Hugging Face, or path to the sidecar of a classifier.

    Raises:
        KeyError: there is no such encoder.
        models.networks.ModelError: there is no such speech model, or it cannot be used.
    """
    if modality is Modality.AUDIO and name not in ENCODERS[modality]:
        if name.endswith(".json"):
            return import_module("models.foreign.hugging_face").voice_of(Path(name))
        return import_module("models.networks.hugging_face_voice").HuggingFaceVoice(name)
    return ENCODERS[modality][name]()

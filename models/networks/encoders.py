"""What turns a voice or a face into numbers, by name. One more encoder is one file, and one line here.

``features`` knows no weights: it is handed these as functions (:data:`features.extract.Encoders`), voice and face alike.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
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

TOKEN_ENCODERS = (WhisperVoice.name,)  # of voices, those that give tokens


def load_encoders(names: Mapping[Modality, str], modalities: Iterable[Modality] = tuple(Modality)) -> Encoders:
    """The encoders of those names, loaded once, of ``modalities`` only.

    Raises:
        KeyError: there is no such encoder.
    """
    return {modality: load_encoder(modality, names[modality]) for modality in modalities if modality in names}


def load_encoder(modality: Modality, name: str) -> Any:
    """One encoder. Its weights, if it has any, are read when it is first asked for something.

    Raises:
        KeyError: there is no such encoder.
    """
    return ENCODERS[modality][name]()

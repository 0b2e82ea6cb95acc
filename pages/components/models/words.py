"""Words for what a model is shown."""

from __future__ import annotations

from features import Modality
from models.registry import BOTH

STATE_WORDS = {BOTH: "Voice and face"} | {modality.noun: f"{modality.noun.capitalize()} alone" for modality in Modality}

"""Everything that is kept for one visitor: the keys of the session's state, and their recent analyses."""

from __future__ import annotations

import hashlib
import re
from collections import OrderedDict
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

import streamlit as st

if TYPE_CHECKING:
    from xai.analysis import Analysis

_KEPT = 3


class Key(StrEnum):
    """Keys of widgets and of the session's state."""

    MODEL = "chosen-model"
    VOICE = "voice"
    FACE = "face"
    RECORDING = "recording"
    CLEAR = "clear"
    TRY_SAMPLE = "try-sample"
    ANALYSES = "analyses"
    TARGET = "target"
    AGAINST = "against"
    OPACITY = "opacity"
    BOXES = "boxes"
    ZOOM = "zoom"
    CAM = "cam-method"
    CAM_PAGE = "cam-page"
    CAMS = "cams"
    TRUST = "trust"
    PLAY = "play"
    PLAYER = "player"
    PLAYED = "played"
    INSIST = "insist"
    IF_VOICE = "if-voice"
    IF_FACE = "if-face"
    IF_CUT = "if-cut"
    IF_NOISE = "if-noise"
    IF_OTHER = "if-other"
    FIND_FLIP = "find-flip"
    CHECK_NOW = "check-now"
    FLIPS = "flips"
    DOWNLOAD_SOUND = "download-sound"
    ESTIMATOR = "estimator"
    SEED = "seed"
    SAMPLES = "samples"
    STRIDE = "stride"
    MFCC = "every-mfcc"
    VIEW = "models-view"
    PROTOCOL = "models-protocol"
    SHOWN = "models-shown"
    MEASURE = "models-measure"
    SUMMARY_TARGET = "models-summary-target"
    MAP_SHOWN = "models-map-shown"
    MAPS = "models-maps"
    OTHER_MODEL = "models-other"
    DOWNLOAD_JSON = "download-json"
    DOWNLOAD_ZIP = "download-zip"
    DOWNLOAD_PREDICTIONS = "download-predictions"


@dataclass(frozen=True)
class Recording:
    """What a visitor chose. ``name`` is for display only."""

    name: str
    audio: bytes | None
    video: bytes | None

    def digest(self) -> str:
        """SHA-256 of the content, in which an absent part differs from an empty one."""
        total = hashlib.sha256()
        for part in (self.audio, self.video):
            total.update(b"-" if part is None else b"+" + hashlib.sha256(part).digest())
        return total.hexdigest()


def recent_analyses() -> OrderedDict[tuple, Analysis]:
    """This visitor's analyses, oldest first: in the session, never shared, at most three."""
    return st.session_state.setdefault(Key.ANALYSES, OrderedDict())


def remember(key: tuple, analysis: Analysis) -> None:
    """Keep an analysis and drop the oldest beyond the limit."""
    kept = recent_analyses()
    kept[key] = analysis
    kept.move_to_end(key)
    while len(kept) > _KEPT:
        kept.popitem(last=False)


def escape(text: str, limit: int = 60) -> str:
    """A stranger's file name as plain text in Markdown: shortened, and nothing in it is markup."""
    short = text if len(text) <= limit else f"{text[: limit - 12]}…{text[-11:]}"
    return re.sub(r"([^\w\s,'().-])", r"\\\1", " ".join(short.split()), flags=re.ASCII)

"""A moment of a session opened: the same analysis as of a short clip, of this person's voice and face in this stretch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import cv2
import numpy as np

from features import Features, MediaError, Modality
from features.audio import AudioFeatures
from features.faces import Box, crop_square, cut
from features.media import Frame
from features.session.film import PERIOD, looks
from features.session.sound import find_voice, voice_between
from features.session.source import Source
from features.video import VideoFeatures
from models.model import EmotionModel
from xai.analysis import Analysis, Settings, explain
from xai.explanation import Subject
from xai.session.session import Moment, Session

_SIDE = 640  # pixels of the longer side of the pictures that are kept for display
_SAME = 2e-3  # seconds between a picture and itself, as it was looked at before
_Encode = Callable[[np.ndarray], Any]


def moment_at(session: Session, seconds: float, person: str | None = None) -> Moment:
    """The moment that holds an instant: of this person, or of who speaks, or of whose face is seen.

    Raises:
        MediaError: there is none, or no such person.
    """
    keys = [known.key for known in session.people]
    if person is not None and person not in keys:
        raise MediaError(f"Nobody here has the key {person}: the people are {', '.join(keys) or 'unknown'}.")
    found = [moment for moment in session.at(seconds) if person is None or moment.person == person]
    if not found:
        who = "Nobody is" if person is None else f"{session.person(person).name} is not"
        raise MediaError(f"{who} seen or heard at {seconds:.1f} s: the session lasts {session.seconds:.1f} s.")
    return max(found, key=lambda moment: (moment.speech, moment.best is not None))


def open_moment(session: Session, source: Source, moment: Moment, model: EmotionModel, settings: Settings | None = None) -> Analysis:
    """Explain a moment from the film of its session.

    Raises:
        MediaError: there is neither a voice nor a face to judge in it, or the film is another one.
    """
    encoders = model.load_encoders()
    parts: dict[Modality, AudioFeatures | VideoFeatures] = {}
    if moment.speech and "voice" not in moment.gaps:
        start, samples = voice_between(source, find_voice(source), moment.start, moment.end)
        parts[Modality.AUDIO] = _heard(encoders[Modality.AUDIO], samples, start)
    if "face" not in moment.gaps and source.film:
        seen = _face(session, source, moment, encoders[Modality.VIDEO])
        if seen is not None:
            parts[Modality.VIDEO] = seen
    if not parts:
        raise MediaError(f"There is nothing to explain here: {', '.join(dict.fromkeys(moment.gaps.values()))}.")
    settings = settings or Settings()
    return explain(Subject(Features({m: parts[m] for m in Modality if m in parts}), model, model.load_backbone(), settings))


def _heard(encode: _Encode, samples: np.ndarray, start: float) -> AudioFeatures:
    return replace(encode(samples), start=start)


def _face(session: Session, source: Source, moment: Moment, backbone: _Encode) -> VideoFeatures | None:
    """The person's face in the pictures that were looked at before; None where the film shows none of them."""
    rows = [
        row
        for row in np.flatnonzero((session.frames.time >= moment.start) & (session.frames.time < moment.end))
        if session.frames.person[row] == moment.person and not session.frames.hindrance[row]
    ]
    wanted = session.frames.time[rows]
    pictures, boxes = [], []
    # From a whole period on, so that of each period the same picture is looked at as when the session was read.
    first = PERIOD * int(wanted.min() / PERIOD) if len(rows) else 0.0
    for look in looks(source, first, float(wanted.max()) + PERIOD) if len(rows) else ():
        near = int(np.abs(wanted - look.frame.time).argmin())
        if abs(wanted[near] - look.frame.time) <= _SAME:
            pictures.append(look.frame)
            boxes.append(Box(*session.frames.box[rows[near]].tolist()))
    return _video(pictures, boxes, backbone) if pictures else None


def _video(frames: Sequence[Frame], boxes: Sequence[Box], backbone: _Encode) -> VideoFeatures:
    squares = [crop_square(box) for box in boxes]
    crops = np.stack([cut(frame.rgb, square.scaled(1 / frame.scale)) for frame, square in zip(frames, squares, strict=True)])
    factor = min(1.0, _SIDE / max(frames[0].rgb.shape))
    shown = [cv2.resize(frame.rgb, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA) for frame in frames]
    times = np.array([frame.time for frame in frames])
    used = np.ones(len(frames), bool)
    maps = backbone(crops)
    return VideoFeatures(times, shown, frames[0].scale / factor, list(boxes), list(squares), crops, maps, used, several_faces=False)

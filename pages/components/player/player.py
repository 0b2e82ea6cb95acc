"""Watch it: the recording with its evidence, on one clock.

A component of Streamlit's second kind: plain HTML, CSS and JavaScript in ``player_web``, in the page itself.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import streamlit as st
from streamlit import runtime

from features import MediaError
from features.audio import N_MELS, mel_edges
from models.labels import LABELS
from pages.components.session.queue import the_queue
from pages.components.session.state import Key
from xai.render.colours import EMOTION_COLOURS, evidence_rgba

if TYPE_CHECKING:
    from features.audio import AudioFeatures
    from features.video import VideoFeatures
    from pages.components.session.state import Recording
    from xai.analysis import Analysis
    from xai.methods.lime import LimeExplanation
    from xai.render.playback import Playback
    from xai.score import Trust
    from xai.timeline import Timeline

_WEB = Path(__file__).parent / "web"
_HEAT_STEPS = 201  # colours from −1 to 1
_PICTURE_HEIGHT, _PICTURE_WIDTHS = 256, (800, 1600)
_TICKS_HZ = (500, 1000, 2000, 4000, 8000)

_HTML, _CSS, _JS = ((_WEB / f"player.{kind}").read_text(encoding="utf-8") for kind in ("html", "css", "js"))

_player = st.components.v2.component("emolens_player", html=_HTML, css=_CSS, js=_JS)


@dataclass(frozen=True)
class _Prepared:
    playback: Playback
    timeline: Timeline


def show_player(analysis: Analysis, recording: Recording, target: int, against: int | None, trust: Mapping[str, Trust]) -> None:
    """A switch, and behind it the player: nothing is computed or sent before somebody asks for it.

    Args:
        trust: what is known by now: heat that failed its checks says so in the player too.
    """
    wanted = st.toggle(
        "Play it with the evidence",
        key=Key.PLAY,
        help="Picture, sound, spectrogram and the probabilities from moment to moment, on one clock.",
    )
    if not wanted or (prepared := _prepared(analysis, recording)) is None:
        return
    failed = "gradcam" in trust and trust["gradcam"].level == "red"
    _player(key=Key.PLAYER, data=player_data(analysis, prepared.playback, prepared.timeline, target, against, failed))
    st.caption(
        f"The curves show what the model makes of {prepared.timeline.window:.1f} s at a time (the shaded part), taken alone. That is less "
        "than it learned from, so a single moment is less reliable than the verdict on the whole."
    )


def _prepared(analysis: Analysis, recording: Recording) -> _Prepared | None:
    """What plays, kept for the latest analysis of this visitor; None after a problem, which is shown."""
    kept = st.session_state.setdefault(Key.PLAYED, {})
    if kept.get("of") != analysis.token:
        kept.clear()
        kept.update(_prepare(analysis, recording), of=analysis.token)
    if "problem" in kept:
        st.warning(kept["problem"], icon=":material/warning:")
    return kept.get("prepared")


def _prepare(analysis: Analysis, recording: Recording) -> dict[str, Any]:
    """Either ``prepared`` or, in a sentence, the ``problem``."""
    from xai.render.playback import make_playback
    from xai.timeline import explain_timeline

    audio, video = analysis.features.audio, analysis.features.video
    with st.spinner("Preparing the player…"), the_queue().turn():
        try:
            playback = make_playback(recording.video if video else None, audio.samples if audio else None)
        except MediaError as error:
            return {"problem": str(error)}
        return {"prepared": _Prepared(playback, explain_timeline(analysis.features, analysis.model))}


def player_data(
    analysis: Analysis, playback: Playback, timeline: Timeline, target: int, against: int | None, failed: bool = False
) -> dict[str, Any]:
    """Everything the browser is given, as JSON: emotions in order of the whole recording's probabilities.

    Args:
        failed: the heat did not pass its checks.
    """
    audio, video = analysis.features.audio, analysis.features.video
    words = _heat_words(target, against) + (" (not to be relied on)" if failed else "")
    return {
        "media": {"url": _address(playback), "seconds": playback.seconds},
        **_moments(timeline, np.argsort(-analysis.probabilities)),
        "frames": _frames(video, analysis.cam.heat(target, against), words) if video and analysis.cam else None,
        "sound": _sound(audio, analysis.lime, target, against) if audio and analysis.lime else None,
    }


def _moments(timeline: Timeline, order: np.ndarray) -> dict[str, Any]:
    """Emotions in ``order``, their probabilities over time (None where nothing is known), and the most probable one in words."""
    rows = [None if np.isnan(row).any() else row for row in timeline.probabilities]
    return {
        "labels": [{"name": LABELS[k], "colour": EMOTION_COLOURS[LABELS[k]]} for k in order],
        "times": timeline.times.round(3).tolist(),
        "window": timeline.window,
        "probabilities": [None if row is None else row[order].round(4).tolist() for row in rows],
        "words": [_what(row, heard or not timeline.heard.any()) for row, heard in zip(rows, timeline.heard, strict=True)],
    }


def _what(row: np.ndarray | None, as_usual: bool) -> str:
    """The most probable emotion in words, and whether it rests on less than elsewhere."""
    from xai.render.text import odds

    if row is None:
        return "too little is heard"
    return f"{LABELS[row.argmax()]}, {odds(row.max())}" + ("" if as_usual else ", by the face alone: too little is heard")


def _address(playback: Playback) -> str:
    """Where this session's browser finds the file: in memory, as that of ``st.video``; nowhere outside a running app."""
    if not runtime.exists():
        return ""
    return runtime.get_instance().media_file_mgr.add(playback.data, playback.mime, coordinates=Key.PLAYER)


def _heat_words(target: int, against: int | None) -> str:
    return f"Heat for {LABELS[target]}" + (f" rather than {LABELS[against]}" if against is not None else "")


def _frames(video: VideoFeatures, heat: np.ndarray, words: str) -> dict[str, Any]:
    """The sampled frames: times, heat from −100 to 100, and squares as shares of the picture's width and height."""
    height, width = (side * video.picture_scale for side in video.pictures[0].shape[:2])
    cells = (100 * heat).round().astype(int).reshape(len(heat), -1).tolist()
    squares = [[s.x / width, s.y / height, s.w / width, s.h / height] if s else None for s in video.squares]
    return {
        "times": video.times.round(3).tolist(),
        "ratio": width / height,
        "squares": [[round(share, 4) for share in square] if square else None for square in squares],
        "heat": [row if used else None for row, used in zip(cells, video.used, strict=True)],
        "scale": evidence_rgba(np.linspace(-1, 1, _HEAT_STEPS)).tolist(),
        "words": words,
    }


def _sound(audio: AudioFeatures, lime: LimeExplanation, target: int, against: int | None) -> dict[str, Any]:
    """The spectrogram with its patches as a picture, its length, and kHz with their heights from 0 to 1."""
    picture = spectrogram_picture(audio, lime.segments, lime.cells, lime.signed(target, against))
    encoded = cv2.imencode(".jpg", picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 88])[1].tobytes()
    heights = np.interp(_TICKS_HZ, mel_edges(), np.arange(N_MELS + 1)) / N_MELS
    kilohertz = [f"{hz / 1000:g}" for hz in _TICKS_HZ]
    return {
        "picture": "data:image/jpeg;base64," + base64.b64encode(encoded).decode(),
        "seconds": audio.seconds,
        "ticks": [[text, round(float(height), 4)] for text, height in zip(kilohertz, heights, strict=True)],
    }


def spectrogram_picture(audio: AudioFeatures, segments: np.ndarray, cells: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """uint8 (256, w, 3): the mel spectrogram, quiet dark, high pitch on top, with the evidence of each patch.

    Args:
        segments, cells: (p, 4), see :class:`xai.methods.lime.LimeExplanation`.
        weights: (p,).
    """
    db = audio.mel_db[::-1]
    spread = float(db.max() - db.min()) or 1.0
    grey = ((db - db.min()) / spread * 255).astype(np.uint8)
    width = int(np.clip(2 * db.shape[1], *_PICTURE_WIDTHS))
    method = cv2.INTER_AREA if width < db.shape[1] else cv2.INTER_LINEAR
    picture = np.repeat(cv2.resize(grey, (width, _PICTURE_HEIGHT), interpolation=method)[..., None], 3, axis=2)
    colours = evidence_rgba(weights / (np.abs(weights).max(initial=0.0) or 1.0), 0.75)
    columns = (segments[:, :2] / audio.seconds * width).round().astype(int)
    rows = ((1 - cells[:, :1:-1] / N_MELS) * _PICTURE_HEIGHT).round().astype(int)
    for (left, right), (top, bottom), colour in zip(columns, rows, colours.astype(float), strict=True):
        under = picture[top + 1 : bottom, left + 1 : right]  # a line between neighbours
        under[:] = (under + (colour[:3] - under) * colour[3] / 255).round()
    return picture

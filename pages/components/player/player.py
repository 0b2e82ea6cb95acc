"""Watch it: the recording with its evidence, on one clock.

A component of Streamlit's second kind: plain HTML, CSS and JavaScript in ``web``, in the page itself.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import streamlit as st
from streamlit import runtime

from features import MediaError
from models.labels import LABELS
from pages.components.analyze.jobs import ask, asked_key
from pages.components.session.keys import Key
from xai.render.colours import EMOTION_COLOURS, evidence_rgba
from xai.render.spectrogram import spectrogram_picture

if TYPE_CHECKING:
    from features.audio import AudioFeatures
    from features.video import VideoFeatures
    from pages.components.session.state import Drawer, Recording
    from xai.analysis import Analysis
    from xai.explanation import Attribution, Contrast, Say, SoundPatches
    from xai.render.playback import Playback
    from xai.timeline import Timeline

_NAME = "player"
_WEB = Path(__file__).parent / "web"
_HEAT_STEPS = 201  # colours from −1 to 1
_TICKS_HZ = (500, 1000, 2000, 4000, 8000)
_JPEG_QUALITY = 75  # of the spectrogram, most of what is sent besides the recording

_HTML, _CSS, _JS = ((_WEB / f"player.{kind}").read_text(encoding="utf-8") for kind in ("html", "css", "js"))

_player = st.components.v2.component("emolens_player", html=_HTML, css=_CSS, js=_JS)


def show_player(kept: Drawer, recording: Recording, contrast: Contrast, shown: Sequence[str]) -> None:
    """The player, or why there is none; prepared beside the page when it is first shown.

    Heat that is known by now to have failed its checks says so in the player too.

    Args:
        shown: methods in the foreground, whose evidence is played.
    """
    if kept.player is None and _NAME not in kept.asked:
        ask(kept, _NAME, partial(_prepare, kept, recording))
    if kept.work.failed(asked_key(kept, _NAME)):
        st.error("The player could not be prepared for this recording.", icon=":material/error:")
    elif kept.player is None:
        st.caption(":material/hourglass_top: Preparing the player…")
    elif isinstance(kept.player, str):
        st.warning(kept.player, icon=":material/warning:")
    else:
        _draw(kept, *kept.player, contrast, shown)


def _prepare(kept: Drawer, recording: Recording, say: Say) -> None:
    """What plays, or a sentence that says why nothing does."""
    from xai.render.playback import make_playback
    from xai.timeline import explain_timeline

    audio, video = kept.analysis.features.audio, kept.analysis.features.video
    say("Preparing the player…")
    try:
        samples, start = (audio.samples, audio.start) if audio else (None, 0.0)
        playback = make_playback(recording.video if video else None, samples, start, video.turned if video else 0)
    except MediaError as error:
        kept.player = str(error)
        return
    say("Judging it moment by moment…")
    kept.player = playback, explain_timeline(kept.analysis.features, kept.analysis.model)


def _draw(kept: Drawer, playback: Playback, timeline: Timeline, contrast: Contrast, shown: Sequence[str]) -> None:
    failed = [method for method, found in kept.trust(contrast).items() if found.level == "red"]
    _player(key=Key.PLAYER, data=player_data(kept.analysis, playback, timeline, contrast, shown, failed))
    st.caption(
        f"The curves show what the model recognises in {timeline.window:.1f} s at a time (the shaded part), taken alone. That is less "
        "than it learned from, so a single moment is less reliable than the verdict on the whole."
    )


def player_data(
    analysis: Analysis, playback: Playback, timeline: Timeline, contrast: Contrast, shown: Sequence[str], failed: Sequence[str] = ()
) -> dict[str, Any]:
    """Everything the browser is given, as JSON: emotions in order of the whole recording's probabilities.

    Args:
        shown: methods whose evidence is drawn; failed: those that did not pass their checks.
    """
    from xai.explanation import FrameCells, SoundPatches

    audio, video = analysis.features.audio, analysis.features.video
    seen, heard = (_of_kind(analysis, shown, kind) for kind in (FrameCells, SoundPatches))
    return {
        "media": {"url": _address(playback), "seconds": playback.seconds},
        **_moments(timeline, np.argsort(-analysis.probabilities)),
        "frames": _frames(video, seen, contrast, seen.method in failed) if video and seen else None,
        "sound": _sound(audio, heard, contrast) if audio and heard else None,
    }


def _of_kind(analysis: Analysis, shown: Sequence[str], kind: type) -> Attribution | None:
    """The first of the explanations whose parts are of that kind."""
    return next((analysis.attributions[method] for method in shown if isinstance(analysis.attributions[method].parts, kind)), None)


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


def _frames(video: VideoFeatures, attribution: Attribution, contrast: Contrast, failed: bool) -> dict[str, Any]:
    """The sampled frames: times, heat from −100 to 100, and squares as shares of the picture's width and height."""
    heat = attribution.heat(contrast)
    height, width = (side * video.picture_scale for side in video.pictures[0].shape[:2])
    cells = (100 * heat).round().astype(int).reshape(len(heat), -1).tolist()
    squares = [[s.x / width, s.y / height, s.w / width, s.h / height] if s else None for s in video.squares]
    return {
        "times": video.times.round(3).tolist(),
        "ratio": width / height,
        "squares": [[round(share, 4) for share in square] if square else None for square in squares],
        "heat": [row if used else None for row, used in zip(cells, video.used, strict=True)],
        "scale": evidence_rgba(np.linspace(-1, 1, _HEAT_STEPS)).tolist(),
        "words": f"Heat for {contrast.words}" + (" (not to be relied on)" if failed else ""),
    }


def _sound(audio: AudioFeatures, attribution: Attribution, contrast: Contrast) -> dict[str, Any]:
    """The spectrogram with its patches as a picture, when it begins, its length, and kHz with their heights from 0 to 1."""
    parts: SoundPatches = attribution.parts  # type: ignore[assignment]
    picture = spectrogram_picture(audio, parts, attribution.heat(contrast))
    encoded = cv2.imencode(".jpg", picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])[1].tobytes()
    kilohertz, heights = [f"{hz / 1000:g}" for hz in _TICKS_HZ], audio.scale.bands_at(_TICKS_HZ) / audio.scale.bands
    return {
        "picture": "data:image/jpeg;base64," + base64.b64encode(encoded).decode(),
        "start": audio.start,
        "seconds": audio.seconds,
        "ticks": [[text, round(float(height), 4)] for text, height in zip(kilohertz, heights, strict=True)],
    }

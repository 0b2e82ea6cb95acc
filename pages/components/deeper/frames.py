"""Heat on the frames of the face."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import streamlit as st

from pages.components.analyze.trust import show_badge
from pages.components.analyze.view import View
from pages.components.board.strip import strip_html
from pages.components.deeper.notes import show_method
from pages.components.session.keys import Key

if TYPE_CHECKING:
    from pages.components.session.state import Drawer
    from xai.analysis import Analysis
    from xai.explanation import Attribution, Contrast

_SHOWN, _IN_A_ROW = 12, 4


@dataclass(frozen=True)
class Look:
    """How frames are drawn: opacity of the heat from 0 to 1, boxes around faces, and cut to their surroundings."""

    opacity: float
    boxes: bool
    zoom: bool


def _controls() -> Look:
    """A slider and two switches in a row."""
    left, right = st.columns(2, vertical_alignment="bottom")
    opacity = left.slider("Heat", 0, 100, 60, 5, format="%d %%", key=Key.OPACITY, help="How strongly the heat covers the picture.")
    with right.container(horizontal=True):
        boxes = st.toggle("Face box", value=True, key=Key.BOXES)
        zoom = st.toggle("Zoom in", value=True, key=Key.ZOOM, help="Cut every frame to the surroundings of the face.")
    return Look(opacity / 100, boxes, zoom)


def show_all_frames(kept: Drawer, view: View) -> None:
    """Every frame with its heat, in parts if there are many; struck through where it failed its checks."""
    from xai.explanation import Panel

    attribution = kept.analysis.attributions[view.shown[Panel.SAW]]
    look = _controls()
    trust = show_badge(kept, attribution.method, view.contrast, "frames")
    _show(kept.analysis, attribution, view.contrast, look, struck=trust is not None and trust.level == "red", faint=trust is None)
    show_method(attribution, "One scale for all frames: read regions, not points.")


def _show(analysis: Analysis, attribution: Attribution, contrast: Contrast, look: Look, struck: bool, faint: bool) -> None:
    from xai.render.overlay import overlay_frames, zoom_to_faces

    video = analysis.features.video
    assert video is not None
    pictures = overlay_frames(video, attribution.heat(contrast), look.opacity, look.boxes)
    if look.zoom:
        pictures = zoom_to_faces(video, pictures)
    captions = [f"{t:.1f} s" + ("" if face else " · no face") for t, face in zip(video.times, video.faces, strict=True)]
    first = 0
    if len(pictures) > _SHOWN:
        pages = -(-len(pictures) // _SHOWN)
        first = (st.slider("Frames", 1, pages, 1, format=f"part %d of {pages}", key=Key.FRAMES_PAGE) - 1) * _SHOWN
    shown = list(zip(pictures, captions, strict=True))[first : first + _SHOWN]
    for start in range(0, len(shown), _IN_A_ROW):
        row, words = zip(*shown[start : start + _IN_A_ROW], strict=True)
        alts = [f"Frame at {caption} with heat for {contrast.words}" for caption in words]
        st.html(strip_html(row, words, alts, 300, struck=struck, faint=faint))

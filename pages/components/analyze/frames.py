"""Heat on the frames of the face."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import streamlit as st

from pages.components.analyze.notes import show_legend, show_method
from pages.components.session.keys import Key

if TYPE_CHECKING:
    from xai.analysis import Analysis
    from xai.explanation import Attribution, Contrast

_SHOWN, _IN_A_ROW = 12, 4


@dataclass(frozen=True)
class Look:
    """How frames are drawn: opacity of the heat from 0 to 1, boxes around faces, and cut to their surroundings."""

    opacity: float
    boxes: bool
    zoom: bool


def frames_controls() -> Look:
    """A slider and two switches in a row."""
    left, right = st.columns(2, vertical_alignment="bottom")
    opacity = left.slider("Heat", 0, 100, 60, 5, format="%d %%", key=Key.OPACITY, help="How strongly the heat covers the picture.")
    with right.container(horizontal=True):
        boxes = st.toggle("Face box", value=True, key=Key.BOXES)
        zoom = st.toggle("Zoom in", value=True, key=Key.ZOOM, help="Cut every frame to the surroundings of the face.")
    return Look(opacity / 100, boxes, zoom)


def show_frames(analysis: Analysis, attribution: Attribution, contrast: Contrast, area: str, look: Look) -> None:
    """Every frame with its heat, in parts if there are many; legend and notes.

    Args:
        area: key of the container of what is struck through if it fails its checks.
    """
    with st.container(key=area):
        _show(analysis, attribution, contrast, look)
    show_legend(contrast)
    show_method(attribution, "One scale for all frames: read regions, not points.")


def _show(analysis: Analysis, attribution: Attribution, contrast: Contrast, look: Look) -> None:
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
        page = st.slider("Frames", 1, pages, 1, format=f"part %d of {pages}", key=Key.FRAMES_PAGE)
        first = (page - 1) * _SHOWN
    shown = list(zip(pictures, captions, strict=True))[first : first + _SHOWN]
    for start in range(0, len(shown), _IN_A_ROW):
        columns = st.columns(_IN_A_ROW)
        for column, (picture, caption) in zip(columns, shown[start : start + _IN_A_ROW], strict=False):
            column.image(picture, caption=caption, width="stretch", output_format="JPEG", alt=f"Frame at {caption} with heat")

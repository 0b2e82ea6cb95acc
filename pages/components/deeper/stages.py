"""Every stage of this clip, one after another: for who wants to see how a file becomes eight probabilities."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from features import Modality
from pages.components.session.keys import Key

if TYPE_CHECKING:
    from streamlit.delta_generator import DeltaGenerator

    from xai.analysis import Analysis
    from xai.render.stages import Stage

_WIDE = 480  # pixels: wider pictures take the whole width


@st.fragment
def show_stages(analysis: Analysis) -> None:
    """From the waveform and the frame to the probabilities, each with its shape, its units and its place in the code.

    Voice and face stand side by side until they meet.
    """
    from xai.render.stages import stages

    st.markdown("### Every stage of this clip")
    found = stages(analysis.subject, _choose_frame(analysis))
    parts = [part for part in Modality if any(stage.part is part for stage in found)]
    for part, column in zip(parts, st.columns(len(parts)), strict=True):
        column.markdown(f"**The {part.noun}**")
        for stage in found:
            if stage.part is part:
                _show(column, stage)
    *together, logits, probabilities = [stage for stage in found if stage.part is None]
    for stage in together:
        _show(st.container(), stage)
    for stage, column in zip((logits, probabilities), st.columns(2), strict=True):
        _show(column, stage)


def _choose_frame(analysis: Analysis) -> int:
    """Position of a frame of the video; the first with a face at first."""
    video = analysis.features.video
    if video is None or len(video.times) < 2:
        return 0
    first = int(video.used.argmax()) + 1
    key = f"{Key.STAGE_FRAME}-{analysis.token}"
    help_ = "The stages of the face are those of this frame; what the classifier reads is of all."
    return st.slider("Frame of the face", 1, len(video.times), first, key=key, help=help_) - 1


def _show(place: DeltaGenerator, stage: Stage) -> None:
    box = place.container(border=True)
    box.markdown(f"**{stage.title}**: {stage.shape}")
    row = box.container(horizontal=True)
    for picture in stage.pictures:
        wide = picture.pixels.shape[1] > _WIDE
        (box if wide else row).image(
            picture.pixels,
            caption=picture.words,
            width="stretch" if wide else "content",
            output_format="PNG" if picture.pixels.shape[2] == 4 else "JPEG",
            alt=f"{stage.title}: {picture.words}",
        )
    if stage.rows:
        box.markdown(_table(stage))
    box.markdown(f":small[{stage.how}]  \n:small[`{stage.code}`]")  # a caption is too pale for code


def _table(stage: Stage) -> str:
    """The rows in Markdown, numbers to the right."""
    lines = [stage.heads, ("---", *("---:" for _ in stage.heads[1:])), *stage.rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)

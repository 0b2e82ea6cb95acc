"""Two models on the visitor's recording: where they differ, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from features.names import VOICE_PROPERTIES
from models.registry import MODELS
from pages.components.analyze.inputs import DEFAULT_SETTINGS, sample_recording
from pages.components.analyze.trust import Slot, check
from pages.components.charts.draw import draw
from pages.components.charts.models import two_models_chart
from pages.components.session.run import analysis_of
from pages.components.session.state import Key, Recording, escape

if TYPE_CHECKING:
    from xai.analysis import Analysis


def show_side_by_side(name: str) -> None:
    """Choose the other model; the recording is the one on the page Analyze, or the sample."""
    others = [other for other in MODELS if other != name]
    other = st.selectbox("Compare with", others, key=Key.OTHER_MODEL, format_func=lambda key: MODELS[key].title)
    recording: Recording = st.session_state.get(Key.RECORDING) or sample_recording()
    st.caption(f"On {escape(recording.name)}. Choose a recording on the page Analyze to compare them on it.")
    pair = [analysis_of(recording, DEFAULT_SETTINGS, model) for model in (name, other)]
    if pair[0] is None or pair[1] is None:
        return
    _compare(pair[0], pair[1])


def _compare(first: Analysis, second: Analysis) -> None:
    from xai.render.comparison import differences

    titles = MODELS[first.model.name].title, MODELS[second.model.name].title
    for line in differences(first, second, titles):
        st.markdown(f"- {line}")
    chart = two_models_chart(first.probabilities, second.probabilities, titles)
    draw(chart, "chart-two", "Probabilities of both models")
    checked: list[tuple[Analysis, dict[str, Slot]]] = []
    for column, analysis, title in zip(st.columns(2), (first, second), titles, strict=True):
        with column:
            st.markdown(f"**{title}: {analysis.label}**")
            found = {"gradcam": _saw(analysis), "lime": _heard(analysis), "shap": _weighed(analysis)}
            checked.append((analysis, {name: slot for name, slot in found.items() if slot is not None}))
    st.caption(
        "Seen: where the heat of Grad-CAM is strongest. Heard: the sound whose absence costs most (LIME). Weighed: how much each part of "
        "the recording speaks for what that model recognises (SHAP, in log-odds; below zero, against it). Models "
        "differ in scale: compare signs and order, not sizes."
    )
    for analysis, slots in checked:
        check(analysis, analysis.predicted, None, slots)


def _saw(analysis: Analysis) -> Slot | None:
    """The frame with the strongest heat of the predicted emotion, and room for what its checks say."""
    from xai.render.overlay import overlay_frames, zoom_to_faces

    video = analysis.features.video
    if analysis.cam is None or video is None:
        st.caption("There is no face to see." if analysis.model.sees else "It does not look at the face.")
        return None
    slot = _place("What it saw", "pair-saw", analysis)
    heat = analysis.cam.heat(analysis.predicted)
    frame = int(heat.max(axis=(1, 2)).argmax())
    picture = zoom_to_faces(video, overlay_frames(video, heat, 0.6, True))[frame]
    caption = f"At {video.times[frame]:.1f} s, where the heat is strongest"
    with st.container(key=slot.area, width="content"):  # as wide as the picture: so is a line through it
        st.image(picture, caption=caption, width=320, output_format="JPEG", alt=f"{caption}: heat for {analysis.label}")
    return slot


def _heard(analysis: Analysis) -> Slot | None:
    """The strongest sound for the predicted emotion in words, and room for what its checks say."""
    from xai.render.comparison import strongest_sound

    if analysis.lime is None:
        st.caption("There is no voice to hear." if analysis.model.hears else "It does not listen to the voice.")
        return None
    slot = _place("What it heard", "pair-heard", analysis)
    with st.container(key=slot.area, width="content"):
        st.markdown(strongest_sound(analysis.lime, analysis.predicted))
    return slot


def _weighed(analysis: Analysis) -> Slot:
    """What the parts of the recording add, and room for what their checks say."""
    slot = _place("What it weighed", "pair-weighed", analysis)
    values = analysis.shap.signed(analysis.predicted)
    sums = [(label, float(np.sum(values[members]))) for label, members in [*VOICE_PROPERTIES, ("face", slice(40, None))]]
    with st.container(key=slot.area):
        st.dataframe([{"part": label, f"for {analysis.label}": f"{total:+z.2f}"} for label, total in sums if total], hide_index=True)
    return slot


def _place(title: str, area: str, analysis: Analysis) -> Slot:
    return Slot.place(title, f"{area}-{analysis.model.name}", (analysis.token, analysis.model.digest))

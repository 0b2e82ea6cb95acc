"""Two models on the visitor's recording: where they differ, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from features.names import VOICE_PROPERTIES
from models.labels import LABELS
from models.registry import MODELS
from pages.components.draw import draw
from pages.components.inputs import DEFAULT_SETTINGS, sample_recording
from pages.components.model_charts import two_models_chart
from pages.components.run import analysis_of
from pages.components.state import Key, Recording, escape

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
    from xai.compare import differences

    titles = MODELS[first.model.name].title, MODELS[second.model.name].title
    for line in differences(first, second, titles):
        st.markdown(f"- {line}")
    chart = two_models_chart(first.probabilities, second.probabilities, titles)
    draw(chart, "chart-two", "Probabilities of both models")
    for column, analysis, title in zip(st.columns(2), (first, second), titles, strict=True):
        with column:
            st.markdown(f"**{title}: {analysis.label}**")
            _pictures(analysis)
    st.dataframe(_weights(first, second, titles), hide_index=True)
    st.caption(
        "What each part of the recording adds to the logit of what that model recognises (SHAP). Logits of different models are on "
        "different scales: compare signs and order, not sizes."
    )


def _pictures(analysis: Analysis) -> None:
    """The frame with the strongest heat of the predicted emotion."""
    from xai.overlay import overlay_frames, zoom_to_faces

    video = analysis.features.video
    if analysis.cam is None or video is None:
        st.caption("It does not look at the face.")
        return
    heat = analysis.cam.heat(analysis.predicted)
    frame = int(heat.max(axis=(1, 2)).argmax())
    picture = zoom_to_faces(video, overlay_frames(video, heat, 0.6, True))[frame]
    caption = f"What it saw at {video.times[frame]:.1f} s"
    st.image(picture, caption=caption, width=320, output_format="JPEG", alt=f"{caption}: heat for {analysis.label}")


def _weights(first: Analysis, second: Analysis, titles: tuple[str, str]) -> list[dict[str, str]]:
    rows = []
    columns = [analysis.shap.signed(analysis.predicted) for analysis in (first, second)]
    parts = [*VOICE_PROPERTIES, ("face", slice(40, None))]
    for label, members in parts:
        sums = [float(np.sum(values[members])) for values in columns]
        if any(sums):
            heads = [f"{title} → {LABELS[a.predicted]}" for title, a in zip(titles, (first, second), strict=True)]
            rows.append({"part": label, **{head: f"{value:+z.2f}" for head, value in zip(heads, sums, strict=True)}})
    return rows

"""Two models on the visitor's recording: where they differ, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from features import Modality
from models.registry import MODELS
from pages.components.analyze.inputs import DEFAULT_SETTINGS, sample_recording
from pages.components.analyze.trust import Slot, check, title_of
from pages.components.charts.draw import draw
from pages.components.charts.models import two_models_chart
from pages.components.session.keys import Key
from pages.components.session.run import analysis_of
from pages.components.session.state import Recording, drawer_of, escape

if TYPE_CHECKING:
    from xai.analysis import Analysis
    from xai.explanation import Attribution, Contrast

# By panel: what it shows; what is said where that is missing, and where the model does not judge it.
_ABSENT = {
    "saw": (Modality.VIDEO, "There is no face to see.", "It does not look at the face."),
    "heard": (Modality.AUDIO, "There is no voice to hear.", "It does not listen to the voice."),
}


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
    from xai.explanation import Contrast
    from xai.render.comparison import differences

    titles = MODELS[first.model.name].title, MODELS[second.model.name].title
    for line in differences(first, second, titles):
        st.markdown(f"- {line}")
    chart = two_models_chart(first.probabilities, second.probabilities, titles)
    draw(chart, "chart-two", "Probabilities of both models")
    checked: list[tuple[Analysis, Contrast, dict[str, Slot]]] = []
    for column, analysis, title in zip(st.columns(2), (first, second), titles, strict=True):
        with column:
            st.markdown(f"**{title}: {analysis.label}**")
            contrast = Contrast(analysis.predicted)
            checked.append((analysis, contrast, _evidence(analysis, contrast)))
    st.caption(
        "Seen: where the heat is strongest. Heard: the sound whose absence costs most. Weighed: how much each part of "
        "the recording speaks for what that model recognises (in log-odds; below zero, against it). Models "
        "differ in scale: compare signs and order, not sizes."
    )
    for analysis, contrast, slots in checked:
        check(drawer_of(analysis), contrast, slots)


def _evidence(analysis: Analysis, contrast: Contrast) -> dict[str, Slot]:
    """Of each panel what is there at once, in short; and, by method, room for what its checks say."""
    from xai.explanation import Panel

    slots = {}
    for panel in Panel:
        attribution = analysis.attribution(panel)
        if attribution is not None:
            slots[attribution.method] = _short(analysis, panel, attribution, contrast)
        elif panel in _ABSENT:
            modality, missing, not_judged = _ABSENT[panel]
            st.caption(missing if analysis.model.judges(modality) else not_judged)
    return slots


def _short(analysis: Analysis, panel: str, attribution: Attribution, contrast: Contrast) -> Slot:
    from xai.explanation import FrameCells, SoundPatches

    slot = Slot.place(title_of(panel), f"pair-{panel}-{analysis.model.name}", (analysis.token, analysis.model.digest))
    sized = isinstance(attribution.parts, FrameCells | SoundPatches)
    with st.container(key=slot.area, width="content" if sized else "stretch"):  # as wide as the picture: so is a line through it
        if isinstance(attribution.parts, FrameCells):
            _strongest_frame(analysis, attribution, contrast)
        elif isinstance(attribution.parts, SoundPatches):
            _strongest_sound(attribution, contrast)
        else:
            _sums(attribution, contrast)
    return slot


def _strongest_frame(analysis: Analysis, attribution: Attribution, contrast: Contrast) -> None:
    from xai.render.overlay import overlay_frames, zoom_to_faces
    from xai.render.text import strongest_frame

    video, heat = analysis.features.video, attribution.heat(contrast)
    assert video is not None
    frame, _ = strongest_frame(heat) or (0, "")
    picture = zoom_to_faces(video, overlay_frames(video, heat, 0.6, True))[frame]
    caption = f"At {video.times[frame]:.1f} s, where the heat is strongest"
    st.image(picture, caption=caption, width=320, output_format="JPEG", alt=f"{caption}: heat for {analysis.label}")


def _strongest_sound(attribution: Attribution, contrast: Contrast) -> None:
    from xai.render.comparison import strongest_sound

    st.markdown(strongest_sound(attribution, contrast))


def _sums(attribution: Attribution, contrast: Contrast) -> None:
    """What the parts of the recording add."""
    from xai.column_sums import by_part

    rows = [{"part": part, f"for {contrast.words}": f"{total:+z.2f}"} for part, total in by_part(attribution, contrast)]
    st.dataframe(rows, hide_index=True)

"""The second screen: what the model saw, heard and weighed, for any class."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from features import N_AUDIO
from features.audio import RATE
from models.labels import LABELS
from pages.components.charts import CONFIG, spectrogram_chart, voice_shap_chart
from pages.components.export import show_export
from pages.components.state import Key

if TYPE_CHECKING:
    from features.video import VideoFeatures
    from xai.analysis import Analysis
    from xai.gradcam import CamExplanation

_ANY = "anything else"
_FRAMES_SHOWN, _FRAMES_A_ROW = 12, 4


@st.fragment
def show_evidence(analysis: Analysis) -> None:
    """Choosing a class redraws this part alone, from what was computed once for all classes."""
    target, against = _choose_class(analysis)
    _in_words(analysis, target, against)
    _saw(analysis, target, against)
    _heard(analysis, target, against)
    _weighed(analysis, target, against)
    show_export(analysis, target, against)


def _choose_class(analysis: Analysis) -> tuple[int, int | None]:
    st.subheader("Why")
    left, right = st.columns(2)
    # A new recording starts with its own prediction: the widgets are named after it.
    suffix = f"-{analysis.token}"
    target = left.selectbox("Why this emotion?", LABELS, index=analysis.predicted, key=Key.TARGET + suffix)
    others = [_ANY, *[label for label in LABELS if label != target]]
    against = right.selectbox("Rather than", others, key=Key.AGAINST + suffix)
    return LABELS.index(target), None if against == _ANY else LABELS.index(against)


def _in_words(analysis: Analysis, target: int, against: int | None) -> None:
    from xai.words import in_words

    st.info("  \n".join(in_words(analysis, target, against)), icon=":material/chat:")


def _saw(analysis: Analysis, target: int, against: int | None) -> None:
    video = analysis.features.video
    if video is None or analysis.cam is None:
        return
    st.markdown("##### What it saw")
    controls = st.columns([3, 3, 3], vertical_alignment="bottom")
    opacity = controls[0].slider("Heat", 0, 100, 60, 5, format="%d %%", key=Key.OPACITY, help="How strongly the heat covers the picture.")
    with controls[1].container(horizontal=True):
        boxes = st.toggle("Face box", value=True, key=Key.BOXES)
        zoom = st.toggle("Zoom in", value=True, key=Key.ZOOM, help="Cut every frame to the surroundings of the face.")
    cam = _choose_cam(analysis, analysis.cam, controls[2])
    _frames(video, cam.heat(target, against), opacity / 100, boxes, zoom)
    _legend(target, against)
    notes = {"Grad-CAM": "Grad-CAM of the fused prediction", "EigenCAM": "EigenCAM shows where the network looks, whatever the emotion"}
    note = notes.get(cam.method, f"{cam.method} of the fused prediction; between two emotions, the difference of their maps")
    st.caption(f"{note}. One scale for all frames; 7 × 7 cells a face, so read regions, not points.")


def _legend(target: int, against: int | None) -> None:
    """What warm and cool stand for, in the words of this comparison."""
    other = f"for {LABELS[against]}" if against is not None else f"against {LABELS[target]}"
    st.caption(f":red[■ warm] speaks for {LABELS[target]} · :blue[■ cool] speaks {other}")


def _choose_cam(analysis: Analysis, plain: CamExplanation, column) -> CamExplanation:
    """Grad-CAM, which is there already, or another method of the library, computed when it is first asked for."""
    from models.checkpoint import EmotionModel
    from xai.cam_library import METHODS, explain_cam_with

    model = analysis.model
    if not isinstance(model, EmotionModel):
        return plain  # the library's other methods want one vector, not a sequence
    names = ["Grad-CAM", *METHODS[1:]]
    name = column.selectbox(
        "Method",
        names,
        key=Key.CAM,
        help="Grad-CAM is exact and instant. The others run the network again: up to a minute on a slow server.",
    )
    if name == names[0]:
        return plain
    kept = st.session_state.setdefault(Key.CAMS, {})
    if kept.get("of") != analysis.token:
        kept.clear()
        kept["of"] = analysis.token
    if name not in kept:
        with st.spinner(f"Computing {name}…"):
            kept[name] = explain_cam_with(analysis.features, model, analysis.backbone, name)
    return kept[name]


def _frames(video: VideoFeatures, heat: np.ndarray, opacity: float, boxes: bool, zoom: bool) -> None:
    from xai.overlay import overlay_frames, zoom_to_faces

    pictures = overlay_frames(video, heat, opacity, boxes)
    if zoom:
        pictures = zoom_to_faces(video, pictures)
    captions = [f"{t:.1f} s" + ("" if face else " · no face") for t, face in zip(video.times, video.faces, strict=True)]
    first = 0
    if len(pictures) > _FRAMES_SHOWN:
        pages = -(-len(pictures) // _FRAMES_SHOWN)
        page = st.slider("Frames", 1, pages, 1, format=f"part %d of {pages}", key=Key.CAM_PAGE)
        first = (page - 1) * _FRAMES_SHOWN
    shown = list(zip(pictures, captions, strict=True))[first : first + _FRAMES_SHOWN]
    for start in range(0, len(shown), _FRAMES_A_ROW):
        columns = st.columns(_FRAMES_A_ROW)
        for column, (picture, caption) in zip(columns, shown[start : start + _FRAMES_A_ROW], strict=False):
            column.image(picture, caption=caption, width="stretch", output_format="JPEG", alt=f"Frame at {caption} with heat")


def _heard(analysis: Analysis, target: int, against: int | None) -> None:
    audio, lime = analysis.features.audio, analysis.lime
    if audio is None or lime is None:
        return
    st.markdown("##### What it heard")
    figure = spectrogram_chart(audio, lime, target, against)
    st.plotly_chart(
        figure, config=CONFIG, key="chart-spectrogram", alt="Spectrogram with the patches that speak for and against the emotion"
    )
    _legend(target, against)
    st.caption(
        f"LIME: each patch was faded to the background together with others, {lime.samples:,} times (seed {lime.seed}). "
        f"The simple model behind the colours explains {lime.fit(target, against):.0%} of what happened (R²)."
    )
    if not lime.reliable(target, against):
        st.warning("A weak explanation: the colours miss more than they explain. Do not read single patches.", icon=":material/warning:")
    st.audio(audio.samples, sample_rate=RATE, alt="The voice as the model hears it")


def _weighed(analysis: Analysis, target: int, against: int | None) -> None:
    st.markdown("##### What it weighed")
    shap = analysis.shap
    values = shap.signed(target, against)
    totals = shap.by_modality(target, against)
    left, right = st.columns([3, 2])
    if analysis.features.audio is not None:
        with left:
            st.markdown(f"**Voice {totals['audio']:+.2f}**")
            every = st.toggle("Every number by name", key=Key.MFCC)
            st.plotly_chart(voice_shap_chart(values[:N_AUDIO], every), config=CONFIG, key="chart-shap", alt="SHAP values of the voice")
    if analysis.features.video is not None:
        with right:
            _face_as_picture(analysis.features.video, values[N_AUDIO:], totals["video"])
    residual = shap.left_over(target, against)
    st.caption(
        "SHAP values add up to the model's logit for this clip minus its average over "
        f"{len(analysis.model.reference)} pairs made of training voices and faces; "
        f"here {residual:.1%} is left over. Compared with other clips, not with nothing, so the shares may differ from those at the top."
    )


def _face_as_picture(video: VideoFeatures, values: np.ndarray, total: float) -> None:
    from xai.overlay import face_evidence_picture

    st.markdown(f"**Face {total:+.2f}**")
    st.image(
        face_evidence_picture(video, values),
        caption="The 512 face features as one picture: warm speaks for, cool against",
        width=300,
        output_format="JPEG",
        alt="Face with the evidence of all face features",
    )

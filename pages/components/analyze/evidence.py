"""The second screen: what the model saw, heard and weighed, for any class."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from features import N_AUDIO
from models.labels import LABELS
from pages.components.analyze.export import show_export
from pages.components.analyze.hear import show_hear
from pages.components.analyze.trust import Slot, check, kept_trust
from pages.components.analyze.what_if import show_what_if
from pages.components.charts.analysis import spectrogram_chart, voice_shap_chart
from pages.components.charts.draw import draw
from pages.components.player.player import show_player
from pages.components.session.queue import the_queue
from pages.components.session.state import Key, Recording

if TYPE_CHECKING:
    from features.video import VideoFeatures
    from xai.analysis import Analysis
    from xai.methods.gradcam import CamExplanation
    from xai.score import Trust

_ANY = "anything else"
_FRAMES_SHOWN, _FRAMES_A_ROW = 12, 4
_PARTS = {"audio": "voice", "video": "face"}
_NOTES = {
    "Grad-CAM": "Grad-CAM of the fused prediction",
    "EigenCAM": "EigenCAM shows where the network looks, whatever the emotion",
    "Occlusion": "Occlusion: how much the logit falls when that cell is blurred",
}
_TELLING = 0.03  # of probability: smaller shares have no direction worth a word


@st.fragment
def show_evidence(analysis: Analysis, recording: Recording) -> None:
    """Choosing a class redraws this part alone, from what was computed once for all classes; then it is checked."""
    target, against = _choose_class(analysis)
    words, player = st.empty(), st.container()
    st.caption("The badges below judge the explanations, not the answer: a wrong answer can be explained well.")
    saw, cam = _saw(analysis, target, against)
    shown = replace(analysis, cam=cam)  # what is read out, played and checked is the heat that is seen
    known = kept_trust(shown, target, against)
    _say(words, shown, target, against, known)
    with player:
        show_player(shown, recording, target, against, known)
    slots = {"gradcam": saw, "lime": _heard(analysis, target, against), "shap": _weighed(analysis, target, against)}
    show_what_if(analysis)
    show_export(analysis, target, against, lambda: kept_trust(analysis, target, against))
    trust = check(shown, target, against, {name: slot for name, slot in slots.items() if slot})
    _say(words, shown, target, against, trust)


def _choose_class(analysis: Analysis) -> tuple[int, int | None]:
    st.subheader("Why")
    left, right = st.columns(2)
    # A new recording starts with its own prediction: the widgets are named after it.
    suffix = f"-{analysis.token}"
    target = left.selectbox("Why this emotion?", LABELS, index=analysis.predicted, key=Key.TARGET + suffix)
    others = [_ANY, *[label for label in LABELS if label != target]]
    against = right.selectbox("Rather than", others, key=Key.AGAINST + suffix)
    return LABELS.index(target), None if against == _ANY else LABELS.index(against)


def _say(place: DeltaGenerator, analysis: Analysis, target: int, against: int | None, trust: dict[str, Trust]) -> None:
    from xai.render.text import in_words

    place.info("  \n".join(in_words(analysis, target, against, trust)), icon=":material/chat:")


def _saw(analysis: Analysis, target: int, against: int | None) -> tuple[Slot | None, CamExplanation | None]:
    video = analysis.features.video
    if video is None or analysis.cam is None:
        return None, None
    slot = Slot.place(
        "What it saw",
        "evidence-saw",
        (analysis.token, target, against, st.session_state.get(Key.CAM)),
        "Under Method, Occlusion asks the model itself: it may do better.",
    )
    controls = st.columns([3, 3, 3], vertical_alignment="bottom")
    opacity = controls[0].slider("Heat", 0, 100, 60, 5, format="%d %%", key=Key.OPACITY, help="How strongly the heat covers the picture.")
    with controls[1].container(horizontal=True):
        boxes = st.toggle("Face box", value=True, key=Key.BOXES)
        zoom = st.toggle("Zoom in", value=True, key=Key.ZOOM, help="Cut every frame to the surroundings of the face.")
    cam = _choose_cam(analysis, analysis.cam, controls[2])
    with st.container(key=slot.area):
        _frames(video, cam.heat(target, against), opacity / 100, boxes, zoom)
    _legend(target, against)
    note = _NOTES.get(cam.method, f"{cam.method} of the fused prediction; between two emotions, the difference of their maps")
    st.caption(f"{note}. One scale for all frames; 7 × 7 cells a face, so read regions, not points.")
    return slot, cam


def _legend(target: int, against: int | None) -> None:
    """What warm and cool stand for, in the words of this comparison."""
    other = f"for {LABELS[against]}" if against is not None else f"against {LABELS[target]}"
    st.caption(f":red[■ warm] speaks for {LABELS[target]} · :blue[■ cool] speaks {other}")


def _choose_cam(analysis: Analysis, plain: CamExplanation, column) -> CamExplanation:
    """Grad-CAM, which is there already, or another method of the library, computed when it is first asked for."""
    from models.checkpoint import EmotionModel
    from xai.methods.occlusion import METHOD
    from xai.methods.pytorch_grad_cam import METHODS

    # The library's methods want one vector, not a sequence.
    names = ["Grad-CAM", METHOD, *(METHODS[1:] if isinstance(analysis.model, EmotionModel) else ())]
    name = column.selectbox(
        "Method",
        names,
        key=Key.CAM,
        help="Grad-CAM is there at once. The others run the network again, up to a minute on a slow server. Occlusion blurs every cell in "
        "turn: try it where Grad-CAM fails its checks.",
    )
    if name == names[0]:
        return plain
    kept = st.session_state.setdefault(Key.CAMS, {})
    if kept.get("of") != analysis.token:
        kept.clear()
        kept["of"] = analysis.token
    if name not in kept:
        kept[name] = _compute_cam(analysis, name)
    return kept[name]


def _compute_cam(analysis: Analysis, name: str) -> CamExplanation:
    from models.checkpoint import EmotionModel
    from xai.methods.occlusion import METHOD, explain_occlusion
    from xai.methods.pytorch_grad_cam import explain_cam_with

    features, model, backbone = analysis.features, analysis.model, analysis.backbone
    with st.spinner(f"Computing {name}…"), the_queue().turn():
        if name == METHOD:
            place = st.empty()
            cam = explain_occlusion(features, model, backbone.maps, lambda done, total: _progress(place, done, total))
            place.empty()
            return cam
        assert isinstance(model, EmotionModel)
        library = explain_cam_with(features, model, backbone, name)
    assert library is not None
    return library


def _progress(place: DeltaGenerator, done: int, total: int) -> None:
    place.progress(done / total, f"Frame {done + 1} of {total}")


def _frames(video: VideoFeatures, heat: np.ndarray, opacity: float, boxes: bool, zoom: bool) -> None:
    from xai.render.overlay import overlay_frames, zoom_to_faces

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


def _heard(analysis: Analysis, target: int, against: int | None) -> Slot | None:
    audio, lime = analysis.features.audio, analysis.lime
    if audio is None or lime is None:
        return None
    slot = Slot.place("What it heard", "evidence-heard", (analysis.token, target, against))
    figure = spectrogram_chart(audio, lime, target, against)
    alt = "Spectrogram with the patches that speak for and against the emotion"
    with st.container(key=slot.area):
        draw(figure, "chart-spectrogram", alt)
    _legend(target, against)
    st.caption(
        f"LIME: each patch was faded to the background together with others, {lime.samples:,} times (seed {lime.seed}). "
        f"The simple model behind the colours explains {lime.fit(target, against):.0%} of what happened (R²)."
    )
    show_hear(analysis, target, against)
    return slot


def _weighed(analysis: Analysis, target: int, against: int | None) -> Slot:
    slot = Slot.place("What it weighed", "evidence-weighed", (analysis.token, target, against))
    shap = analysis.shap
    values = shap.signed(target, against)
    totals = shap.by_modality(target, against)
    left, right = st.container(key=slot.area).columns([3, 2])
    if analysis.features.audio is not None:
        with left:
            st.markdown(f"**Voice {totals['audio']:+z.2f}**")
            every = st.toggle("Every number by name", key=Key.MFCC)
            draw(voice_shap_chart(values[:N_AUDIO], every), "chart-shap", "SHAP values of the voice")
    if analysis.features.video is not None:
        with right:
            _face_as_picture(analysis.features.video, values[N_AUDIO:], totals["video"])
    _contradiction(analysis, totals, target, against)
    residual = shap.left_over(target, against)
    st.caption(
        "SHAP values add up to the model's logit for this clip minus its average over "
        f"{len(analysis.model.reference)} pairs made of training voices and faces; "
        f"here {residual:.1%} is left over. Compared with other clips, not with nothing, so the shares may differ from those at the top."
    )
    return slot


def _contradiction(analysis: Analysis, totals: dict[str, float], target: int, against: int | None) -> None:
    """Said where these sums and the shares at the top point in opposite directions."""
    split = analysis.modalities
    if against is not None or not (split.has_audio and split.has_video):
        return
    at_top = {"audio": split.audio[target], "video": split.video[target]}
    turned = [_PARTS[name] for name in _PARTS if at_top[name] * totals[name] < 0 and abs(at_top[name]) > _TELLING]
    if turned:
        st.caption(
            f":material/swap_vert: About the {' and the '.join(turned)} this and the top of the page disagree: there it is compared with "
            "nothing heard and nothing seen, here with other people's clips. Do not read its direction."
        )


def _face_as_picture(video: VideoFeatures, values: np.ndarray, total: float) -> None:
    from xai.render.overlay import face_evidence_picture

    st.markdown(f"**Face {total:+z.2f}**")
    st.image(
        face_evidence_picture(video, values),
        caption="The 512 face features as one picture: warm speaks for, cool against. The sums are checked, the drawing is not.",
        width=300,
        output_format="JPEG",
        alt="Face with the evidence of all face features",
    )

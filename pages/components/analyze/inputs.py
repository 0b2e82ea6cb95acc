"""What to analyse: a voice, a face, or the sample; and with which settings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import streamlit as st

from pages.components.session.keys import Key
from pages.components.session.state import Recording, escape

# What the widgets of the settings say unless they are touched.
DEFAULT_SETTINGS: dict[str, Any] = {"stride": 30, "samples": 2000, "seed": 0, "estimator": "quadrature"}
SAMPLE = Path(__file__).parents[2] / "sample"
SOUNDS = ["wav", "flac", "mp3", "ogg", "m4a", "aac", "aiff"]
_STEPS = (
    (
        ":material/upload: Give it a recording",
        "A voice (WAV), a face (MP4), or both. A video alone is enough: its sound is used. Or try the sample.",
    ),
    (":material/bar_chart: See what it recognises", "Eight emotions, how probable each is, and how much came from voice and from face."),
    (":material/search_insights: See why", "Heat on the face, evidence in the sound, and the weight of every feature, for any emotion."),
)
VIDEOS = ["mp4", "mov", "webm", "mkv", "avi", "flv", "m4v"]


def choose_recording() -> tuple[Recording | None, dict[str, Any]]:
    """The uploaders, the sample button and the settings; no recording until one is chosen."""
    voice_column, face_column, last_column = st.columns([5, 5, 3], vertical_alignment="bottom")
    voice_column.file_uploader(
        "Voice (WAV)", SOUNDS, key=Key.VOICE, help="Leave empty to use the sound of the video.", on_change=_files_changed
    )
    face_column.file_uploader("Face (MP4)", VIDEOS, key=Key.FACE, help="Leave empty to judge the voice alone.", on_change=_files_changed)
    recording: Recording | None = st.session_state.get(Key.RECORDING)
    with last_column:
        st.button(
            "Try the sample",
            key=Key.TRY_SAMPLE,
            on_click=_choose_sample,
            width="stretch",
            icon=":material/play_circle:",
            type="secondary" if recording else "primary",
            help="Synthetic: a public-domain portrait moved by a script, and a computer's voice.",
        )
        with st.popover("Settings", icon=":material/tune:", width="stretch"):
            options = _choose_settings()
    st.caption(
        ":material/lock: Recordings stay in this server's memory while your page is open: "
        "never written to disk, never shared, never used for training."
    )
    return recording, options


def _files_changed() -> None:
    """A file was added or removed: what is in the uploaders is the recording now."""
    voice, face = st.session_state.get(Key.VOICE), st.session_state.get(Key.FACE)
    recording = None
    if voice or face:
        name = " with ".join(file.name for file in (voice, face) if file)
        recording = Recording(name, voice.getvalue() if voice else None, face.getvalue() if face else None)
    st.session_state[Key.RECORDING] = recording


def sample_recording() -> Recording:
    """The synthetic clip in the repository."""
    sound, video = ((SAMPLE / name).read_bytes() for name in ("sample.wav", "sample.mp4"))
    return Recording("the synthetic sample (a computer's voice, a moved portrait)", sound, video)


def _choose_sample() -> None:
    st.session_state[Key.RECORDING] = sample_recording()


def show_name(recording: Recording) -> None:
    """What the result is about, and a way to put it away: the uploaders are empty after a visit to another page."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(f"Showing {escape(recording.name)}")
        if not (st.session_state.get(Key.VOICE) or st.session_state.get(Key.FACE)):
            st.button("Put it away", key=Key.CLEAR, on_click=_clear, type="tertiary", icon=":material/close:")


def _clear() -> None:
    st.session_state[Key.RECORDING] = None


def _choose_settings() -> dict[str, Any]:
    """Settings that nobody needs for a first result; the keys are those of ``xai.analysis.Settings``."""
    stride = st.number_input(
        "Look at every n-th frame", 1, 300, 30, key=Key.STRIDE, help="30 is about one frame a second. Smaller is slower."
    )
    samples = st.number_input(
        "Perturbed copies for LIME", 200, 10_000, 2000, 200, key=Key.SAMPLES, help="More give steadier patches and take longer."
    )
    seed = st.number_input(
        "Seed", 0, 2**31 - 1, 0, key=Key.SEED, help="The same seed gives the same explanation. Try another to see how much changes."
    )
    estimator = st.selectbox(
        "SHAP estimator",
        ["quadrature", "shap"],
        key=Key.ESTIMATOR,
        help="quadrature: exact integration of expected gradients. shap: the sampling of shap.GradientExplainer, noisier.",
    )
    return {"stride": int(stride), "samples": int(samples), "seed": int(seed), "estimator": estimator}


def show_introduction() -> None:
    """What will happen, for somebody who has not chosen anything yet."""
    for column, (title, text) in zip(st.columns(3, border=True), _STEPS, strict=True):
        column.markdown(f"##### {title}\n{text}")
    st.caption(
        "The model learned from actors. It recognises what is portrayed; it does not know what a person feels, and it is no diagnosis."
    )

"""What to analyse: a voice, a face, or the sample; and with which settings."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from pages.components.state import Key, Recording

SAMPLE = Path(__file__).parents[1] / "sample"
SOUNDS = ["wav", "flac", "mp3", "ogg", "m4a", "aac", "aiff"]
VIDEOS = ["mp4", "mov", "webm", "mkv", "avi", "flv", "m4v"]


def choose_recording() -> Recording | None:
    """The uploaders and the sample button; None until something is chosen."""
    voice_column, face_column, sample_column = st.columns([4, 4, 2], vertical_alignment="bottom")
    voice = voice_column.file_uploader("Voice (WAV)", SOUNDS, key=Key.VOICE, help="Leave empty to use the sound of the video.")
    face = face_column.file_uploader("Face (MP4)", VIDEOS, key=Key.FACE, help="Leave empty to judge the voice alone.")
    sample_column.button(
        "Try the sample",
        key=Key.TRY_SAMPLE,
        on_click=_choose_sample,
        width="stretch",
        icon=":material/play_circle:",
        type="primary" if not (voice or face) else "secondary",
        help="A synthetic clip: a portrait of NASA's public domain, moved by a script, and a computer's voice.",
    )
    st.caption(
        ":material/lock: Recordings stay in this server's memory while your page is open. "
        "They are never written to disk, shared or used for training."
    )
    if voice or face:
        st.session_state[Key.SAMPLE] = False
        name = " + ".join(file.name for file in (voice, face) if file)
        return Recording(name, voice.getvalue() if voice else None, face.getvalue() if face else None)
    if st.session_state.get(Key.SAMPLE):
        return Recording("the sample", (SAMPLE / "sample.wav").read_bytes(), (SAMPLE / "sample.mp4").read_bytes())
    return None


def _choose_sample() -> None:
    st.session_state[Key.SAMPLE] = True


def choose_settings() -> dict[str, int | str]:
    """Settings that nobody needs for a first result; the keys are those of ``xai.analysis.Settings``."""
    with st.expander("Settings", icon=":material/tune:"):
        left, middle, right, last = st.columns(4)
        stride = left.number_input("Look at every n-th frame", 1, 300, 30, key=Key.STRIDE, help="30 is about one frame a second. Smaller is slower.")
        samples = middle.number_input(
            "Altered recordings for LIME", 200, 10_000, 2000, 200, key=Key.SAMPLES, help="More give steadier patches and take longer."
        )
        seed = right.number_input("Seed", 0, 2**31 - 1, 0, key=Key.SEED, help="The same seed gives the same explanation. Try another to see how much changes.")
        estimator = last.selectbox(
            "SHAP estimator",
            ["quadrature", "shap"],
            key=Key.ESTIMATOR,
            help="quadrature: exact integration of expected gradients. shap: the sampling of shap.GradientExplainer, noisier.",
        )
    return {"stride": int(stride), "samples": int(samples), "seed": int(seed), "estimator": estimator}

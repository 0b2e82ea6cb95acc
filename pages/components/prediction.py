"""The first screen: what was recognised, how sure, and from face or voice."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from models.labels import LABELS
from pages.components.charts import CONFIG, modality_chart, probability_chart

if TYPE_CHECKING:
    from xai.analysis import Analysis


def show_prediction(analysis: Analysis) -> None:
    """Prediction and probabilities on the left, where they come from on the right."""
    left, right = st.columns([6, 5], border=True)
    with left:
        _verdict(analysis)
    with right:
        _sources(analysis)


def _verdict(analysis: Analysis) -> None:
    from xai.words import odds

    probability = analysis.probabilities[analysis.predicted]
    st.markdown(f"##### The model recognises :primary[{analysis.label.upper()}], {odds(probability)}")
    names = ", ".join(f"{LABELS[i]} {analysis.probabilities[i]:.0%}" for i in range(len(LABELS)))
    st.plotly_chart(probability_chart(analysis.probabilities), config=CONFIG, key="chart-probabilities", alt=f"Probabilities: {names}")
    st.caption("Acted speech is what it learned from: it names the emotion that is portrayed, not what a person feels.")


def _sources(analysis: Analysis) -> None:
    split = analysis.modalities
    if split.has_audio and split.has_video:
        shares = split.shares(analysis.predicted)
        st.markdown(f"##### From the face {shares['video']:.0%}, from the voice {shares['audio']:.0%}")
        values = f"voice {split.audio[analysis.predicted]:+.2f}, face {split.video[analysis.predicted]:+.2f}"
        st.plotly_chart(modality_chart(split, analysis.predicted), config=CONFIG, key="chart-modalities", alt=f"Contributions: {values}")
        st.caption(
            f"Points of a hundred that each adds to {analysis.label}, starting from "
            f"{100 * split.neither[analysis.predicted]:.0f} with neither: an exact Shapley split."
        )
        st.markdown(f"Face alone: **{split.verdict('video')}** · voice alone: **{split.verdict('audio')}**")
        if split.disagree:
            st.warning("Voice and face disagree: look at both below before you rely on either.", icon=":material/call_split:")
    else:
        which = "voice" if split.has_audio else "face"
        st.markdown(f"##### From the {which} only")
        st.markdown(f"There was nothing else to judge. Starting point without it: {100 * split.neither[analysis.predicted]:.0f} in 100.")
    _face_note(analysis)
    for warning in analysis.warnings:
        st.warning(warning, icon=":material/warning:")


def _face_note(analysis: Analysis) -> None:
    video = analysis.features.video
    if video is not None and not video.fallback:
        found = sum(face is not None for face in video.faces)
        st.markdown(f"Face found in {found} of {len(video.faces)} frames {':material/check:' if found == len(video.faces) else ''}")

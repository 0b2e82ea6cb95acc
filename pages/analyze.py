"""The main job: a recording in, a prediction and its explanations out."""

import streamlit as st

from pages.components.evidence import show_evidence
from pages.components.export import show_export
from pages.components.inputs import choose_recording, choose_settings
from pages.components.prediction import show_prediction
from pages.components.run import analysis_of

st.title("EmoLens")
st.markdown("Which emotion does a model recognise in a voice and a face, and **what made it say so?**")
recording = choose_recording()
options = choose_settings()
if recording is not None and (analysis := analysis_of(recording, options)) is not None:
    show_prediction(analysis)
    show_evidence(analysis)
    show_export(analysis)

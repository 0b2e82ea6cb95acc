"""The main job: a recording in, a prediction and its explanations out."""

import streamlit as st

from pages.components.analyze.evidence import show_evidence
from pages.components.analyze.inputs import choose_recording, show_introduction, show_name
from pages.components.analyze.prediction import show_prediction
from pages.components.analyze.quality import may_be_shown
from pages.components.models.picker import chosen_model, require_app
from pages.components.session.run import analysis_of

require_app()
st.title("What does the model recognise, and why?")
recording, options = choose_recording()
if recording is not None and (analysis := analysis_of(recording, options, chosen_model())) is not None:
    show_name(recording)
    if may_be_shown(analysis):
        show_prediction(analysis)
        show_evidence(analysis, recording)
elif recording is None:
    show_introduction()

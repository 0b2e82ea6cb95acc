"""What the model was trained on, and how often it is right about people it has never met."""

import streamlit as st

from pages.components.model_card import show_model_card

st.title("Models")
show_model_card()

"""A page with every drawing of the board, for a browser: ``streamlit run`` it from the root."""

import time

import numpy as np
import streamlit as st

from models.labels import LABELS
from pages.components.board.bars import emotion_bars
from pages.components.board.shares import shares_html
from pages.components.board.spectrogram import spectrogram_html
from pages.components.board.strip import strip_html
from pages.components.board.weights import weights_html

st.title("Board")
if "why" not in st.session_state:
    st.session_state.update(why="happy", told=[], chances=[0.02, 0.31, 0.004, 0.05, 0.55, 0.01, 0.05, 0.006])


def turn_round() -> None:
    st.session_state.chances.reverse()


st.button("Choose sad", on_click=lambda: st.session_state.update(why="sad"))
st.button("Another recording", on_click=turn_round)
slow = st.checkbox("Slow")
stubborn = st.checkbox("Stubborn")
chances = np.array(st.session_state.chances)
returned = emotion_bars(
    chances,
    LABELS.index(st.session_state.why),
    int(chances.argmax()),
    "bars",
    lambda label: st.session_state.update(why="sad" if stubborn else label, told=[*st.session_state.told, label]),
)
if slow:
    time.sleep(2)
st.text(f"Why {st.session_state.why}; returned {returned}; told {','.join(st.session_state.told)}")
st.html(shares_html(["voice", "face"], [-4.0, 44.2], 12.0, 52.2))
st.html(weights_html([("loudness", 0.5), ("fine texture", -0.2)], "logit"))
grey = np.full((200, 200, 3), 127, np.uint8)
st.html(strip_html([grey] * 5, [f"{k}.0 s" for k in range(5)], [f"Frame at {k}.0 s" for k in range(5)], 170, struck=True))


@st.cache_data
def spectrogram() -> str:
    from features.audio import RATE, mfcc_features
    from features.patches import patch_grid, segments
    from xai.explanation import SoundPatches

    audio = mfcc_features(np.random.default_rng(0).normal(0, 0.1, 3 * RATE).astype(np.float32))
    cells = patch_grid(audio.mel_db).cells
    heat = np.linspace(-1, 1, len(cells))
    return spectrogram_html(audio, SoundPatches(cells, segments(cells, audio.seconds)), heat, "Spectrogram")


st.html(spectrogram())

"""How a recording becomes a prediction, and what each explanation can and cannot say."""

import streamlit as st

from pages.components.analyze.trust import measures_table
from pages.components.deeper.notes import methods_table
from pages.components.session.bar import top_bar
from pages.components.session.entry import require_app

require_app(__file__)
top_bar()
st.title("How it works")
st.markdown(
    """
A recording takes one way through EmoLens. The same code serves this page, the command line and training. Below is the default
model; the bar at the top offers others, and the page **Models** says how good each is.
"""
)
voice, face, fused = st.columns(3, border=True)
voice.markdown(
    """## 1 · Voice
The sound is turned into one channel at 22,050 Hz and into a **mel spectrogram**: time from left to right, pitch from low to
high, loudness as brightness. **40 MFCCs** describe the shape of each column; their mean over time is the voice."""
)
face.markdown(
    """## 2 · Face
Every 30th frame is searched for a face. It is followed, cut out, turned grey and shown to a **ResNet-18** that learned
expressions from FER+ photographs. **512 numbers** per frame, averaged over the frames, are the face."""
)
fused.markdown(
    """## 3 · Both
The **552 numbers** go through a small **Transformer** into eight probabilities. It has learned to do without voice or
without face, so either can be left out."""
)
st.subheader("What each explanation says")
st.markdown(methods_table())
st.markdown(
    """
**Why this, rather than that?** Choose a second emotion, and all pictures show the difference of the two: warm speaks for the
first, cool for the second.

**Everything is about the model**, not about the person: an explanation shows what the prediction rests on. If it rests on the
wrong thing, that is what you are meant to find out.
"""
)
st.subheader("How far to trust it")
st.markdown(
    """
A picture persuades whether or not it is true. So every explanation is checked on the recording and the emotion at hand, after it is
on the screen: parts are really taken away, the work is really repeated, networks are really scrambled. The badge is that of the
worst check; what fails is struck through and not read out as evidence. A pass means that the picture describes *the model* well,
not that the model is right.
"""
)
st.markdown(measures_table())
st.markdown(
    """
**Hear it**: the sound inside the patches that speak for the emotion, cut out of the recording's own spectrum, and everything else.
**What if**: mute the voice, cover the mouth, add noise, take another voice; the model judges the changed recording anew.
**The smallest flip**: the fewest patches, pictures or parts of the face without which it says something else.
**Is this clip like what the model knows?** Length, level, noise, light and size are measured, and how far the clip lies from the
reference clips, compared with how far people lie from each other ([k nearest neighbours](https://arxiv.org/abs/2204.06507)). Where
everything is too far off, the page says that the model should not be asked before it shows a probability.
**Do voice and video belong together?** The sound file is held against the video's own sound ([generalised
cross-correlation](https://doi.org/10.1109/TASSP.1976.1162830)); another take, or a late start, is named.
"""
)
st.subheader("The same on the command line")
st.code("python -m xai voice.wav face.mp4 --out result --seed 0", language=None, wrap_lines=True)
st.caption("writes result.json with every number and trust score, and a PNG of each explanation.")

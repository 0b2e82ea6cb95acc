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
st.header("From a recording to a prediction")
voice, face, fused = st.columns(3, border=True)
voice.markdown(
    """### 1 · Voice
The sound is turned into one channel at 22,050 Hz and into a **mel spectrogram**: time from left to right, pitch from low to
high, loudness as brightness. **40 MFCCs** describe the shape of each column; their mean over time is the voice."""
)
face.markdown(
    """### 2 · Face
About one picture a second (every 30th frame of a usual film) is searched for a face. It is followed, cut out, turned grey
and shown to a **ResNet-18** that learned expressions from FER+ photographs. **512 numbers** per frame, averaged over the
frames, are the face. Where several people are seen, it is the face that is seen longest."""
)
fused.markdown(
    """### 3 · Both
The **552 numbers** go through a small **Transformer** into eight probabilities. It has learned to do without voice or
without face, so either can be left out."""
)
st.markdown(
    """**Pretrained ear**, another model in the list, hears otherwise: an encoder that learned from 680,000 hours of speech, Whisper's, makes
a token of each half second, and the Transformer reads these tokens and the frames of the face in time. What it weighs are moments."""
)
st.markdown("With **Technical** on, the tab **Every stage** of a result shows all of this for your own recording, step by step.")
st.header("What each explanation says")
st.markdown(methods_table())
st.markdown(
    """
**On request** means: not part of the first answer; choose it in the list beside the picture (for the sound and the weights, with
**Technical** on). Two of these are computed for every face anyway, beside the page. **LayerCAM (layer 3)** looks one layer deeper, where a
cell still sees a part of the face and not nearly all of it. It stands in for Grad-CAM where that fails its checks; where it fails, too,
**Occlusion** does, which asks the model itself what each part of the face is worth. Grad-CAM stays in the list, struck through. **SHAP on the face** draws the numbers of the face back onto
it, and has a badge of its own: numbers can be right where their picture is not. **Integrated Grad-CAM** averages the gradient on the
way from an average face to this one; it is truer to the model on average than Grad-CAM, but not enough to stand in.

**Why this, rather than that?** Choose a second emotion, and all pictures show the difference of the two: warm speaks for the
first, cool for the second.

**Everything is about the model**, not about the person: an explanation shows what the prediction rests on. If it rests on the
wrong thing, that is what you are meant to find out.
"""
)
st.header("How far to trust it")
st.markdown(
    """
A picture persuades whether or not it is true. So every explanation is checked on the recording and the emotion at hand, after it is
on the screen: parts are really taken away, the work is really repeated, networks are really scrambled. This happens beside the page,
the heat first, and stops when you ask for something else. Until then a picture is faint and not read out as evidence. The badge is that of
the worst check; what fails is struck through. A pass means that the picture describes *the model* well, not that the model is right.
"""
)
st.markdown(measures_table())
st.markdown(
    """
**Hear it**: the sound inside the patches that speak for the emotion, cut out of the recording's own spectrum, and everything else.
**What if**: mute the voice, cover the mouth, add noise, take another voice, or leave less of either by a slider; the model judges the
changed recording anew.
**The smallest flip**: the fewest patches, pictures or parts of the face without which it says something else.
**Is this clip like what the model knows?** Length, level, noise, light and size are measured, and how far the clip lies from the
reference clips, compared with how far people lie from each other ([k nearest neighbours](https://arxiv.org/abs/2204.06507)). Where
everything is too far off, the page says that the model should not be asked before it shows a probability. A clip that the model has learned
from is known again, as a sound or as a film, and is a warning: the answer proves nothing.
**Do voice and video belong together?** The sound file is held against the video's own sound ([generalised
cross-correlation](https://doi.org/10.1109/TASSP.1976.1162830)); another take, or a late start, is named.
"""
)
st.header("The same on the command line")
st.code("python -m xai voice.wav face.mp4 --out result --seed 0", language=None, wrap_lines=True)
st.caption(
    "writes result.json with every number and trust score, and a PNG of each explanation; "
    "here, too, another method stands in for heat that fails. "
    "With Technical on, the tab Take it home has the command for what is on your screen."
)

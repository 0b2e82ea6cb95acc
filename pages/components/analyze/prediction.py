"""The first screen: what was recognised, how sure, and from face or voice."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import streamlit as st

from models.labels import LABELS
from models.registry import read_result
from pages.components.analyze.quality import show_checks
from pages.components.charts.analysis import modality_chart, probability_chart
from pages.components.charts.draw import draw

if TYPE_CHECKING:
    from xai.analysis import Analysis

_UNDECIDED = 0.1  # of probability between the first two: too close to name one
_OFTEN = 0.15  # of what it names so: a mistake worth a word
_ANYWAY = 0.5  # of probability with neither voice nor face


def show_prediction(analysis: Analysis) -> None:
    """Prediction and probabilities on the left, where they come from on the right."""
    left, right = st.columns([6, 5], border=True)
    with left:
        _verdict(analysis)
    with right:
        _sources(analysis)


def _verdict(analysis: Analysis) -> None:
    from xai.render.text import odds

    first, second = np.argsort(-analysis.probabilities)[:2]
    p = analysis.probabilities
    if not analysis.should_be_asked:
        st.markdown(f"##### Not to be asked; it would say :primary[{analysis.label.upper()}]")
    elif p[first] - p[second] < _UNDECIDED:
        st.markdown(f"##### The model is undecided: :primary[{LABELS[first].upper()}] or {LABELS[second].upper()}")
    else:
        st.markdown(f"##### The model recognises :primary[{analysis.label.upper()}], {odds(p[first])}")
    names = ", ".join(f"{LABELS[i]} {p[i]:.0%}" for i in range(len(LABELS)))
    draw(probability_chart(p), "chart-probabilities", f"Probabilities: {names}")
    st.caption(
        f"{p[first]:.0%} is how sure the model is, not how often it is right. {_track_record(analysis)} "
        "It names the emotion that is portrayed, not what a person feels."
    )


def _track_record(analysis: Analysis) -> str:
    """How often the model is right, for the modalities that this recording has."""
    result = read_result("actor-5fold", analysis.model.name)
    split = analysis.modalities
    state = "both" if split.has_audio and split.has_video else "voice" if split.has_audio else "face"
    if result is None or state not in result["states"]:
        return "How often this model is right was not measured."
    scores = result["states"][state]
    accuracy, actors = scores["accuracy"], scores["actors"]
    low, high = round(10 * accuracy["low"]), round(10 * accuracy["high"])
    times = f"{low}" if low == high else f"{low} to {high}"
    basis = {"both": "voice and face", "voice": "a voice alone", "face": "a face alone"}[state]
    return f"On {actors} actors it had never met it was right {times} times in 10 with {basis}.{_known_mistake(scores, analysis.predicted)}"


def _known_mistake(scores: dict[str, Any], predicted: int) -> str:
    """What was really portrayed, if it is often something else than what the model says here."""
    named = np.array(scores["confusion"])[:, predicted]
    other = int(np.where(np.arange(len(named)) == predicted, -1, named).argmax())
    share = named[other] / max(named.sum(), 1)
    if share < _OFTEN:
        return ""
    return f" When it said {LABELS[predicted]} there, {share:.0%} of the clips were portrayed as {LABELS[other]}."


def _sources(analysis: Analysis) -> None:
    from xai.render.text import judged_alone

    split, target = analysis.modalities, analysis.predicted
    if split.has_audio and split.has_video:
        st.markdown(f"##### {_headline(analysis)}")
        values = f"voice {split.audio[target]:+z.2f}, face {split.video[target]:+z.2f}"
        draw(modality_chart(split, target), "chart-modalities", f"Contributions: {values}")
        st.caption(
            f"Points of a hundred that each adds to {analysis.label}: with neither it would have {100 * split.neither[target]:.0f}, "
            f"with both it has {100 * split.both[target]:.0f}."
        )
        st.markdown(f"Face alone: **{split.verdict('video')}** · voice alone: **{split.verdict('audio')}**")
        if split.neither[target] >= _ANYWAY:
            st.warning(
                f"With nothing to see or hear this model would say {analysis.label} too ({100 * split.neither[target]:.0f} of 100), so "
                "these shares say little: go by what face and voice are alone.",
                icon=":material/warning:",
            )
        if split.disagree:
            st.warning(
                f"Voice and face disagree; the model {split.followed()}. Look at both before you rely on either.",
                icon=":material/call_split:",
            )
    else:
        st.markdown(f"##### From the {judged_alone(analysis)} only")
        st.markdown("There is nothing else to judge.")
    _face_note(analysis)
    for warning in analysis.warnings:
        st.warning(warning, icon=":material/warning:")
    show_checks(analysis)


def _headline(analysis: Analysis) -> str:
    split, target = analysis.modalities, analysis.predicted
    if split.audio[target] >= 0 and split.video[target] >= 0:
        shares = split.shares(target)
        return f"From the face {shares['video']:.0%}, from the voice {shares['audio']:.0%}"
    role = {True: "for", False: "against"}
    return f"The face speaks {role[bool(split.video[target] >= 0)]} it, the voice {role[bool(split.audio[target] >= 0)]} it"


def _face_note(analysis: Analysis) -> None:
    video = analysis.features.video
    if video is not None and not video.fallback:
        found = sum(face is not None for face in video.faces)
        st.markdown(f"Face found in {found} of {len(video.faces)} frames {':material/check:' if found == len(video.faces) else ''}")

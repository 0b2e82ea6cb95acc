"""The first screen: what was recognised, how sure, and from face or voice."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from models.evaluation import track_record
from models.labels import LABELS
from pages.components.analyze.quality import show_checks
from pages.components.charts.analysis import modality_chart, probability_chart
from pages.components.charts.draw import draw

if TYPE_CHECKING:
    from xai.analysis import Analysis

_UNDECIDED = 0.1  # of probability between the first two: too close to name one
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
    record = track_record.in_words(analysis.model.name, analysis.modalities.state, analysis.predicted)
    st.caption(
        f"{p[first]:.0%} is how sure the model is, not how often it is right. {record} "
        "It names the emotion that is portrayed, not what a person feels."
    )


def _sources(analysis: Analysis) -> None:
    from xai.render.text import judged_alone

    split = analysis.modalities
    if split.several:
        _shares(analysis)
    else:
        st.markdown(f"##### From the {judged_alone(analysis)} only")
        st.markdown("There is nothing else to judge.")
    _face_note(analysis)
    for warning in analysis.warnings:
        st.warning(warning, icon=":material/warning:")
    show_checks(analysis)


def _shares(analysis: Analysis) -> None:
    """What each modality adds, what it would name alone, and where that is to be read with care."""
    split, target = analysis.modalities, analysis.predicted
    st.markdown(f"##### {_headline(analysis)}")
    values = ", ".join(f"{m.noun} {split.contribution(m)[target]:+z.2f}" for m in split.modalities)
    draw(modality_chart(split, target), "chart-modalities", f"Contributions: {values}")
    nothing, everything = (100 * p[target] for p in (split.none, split.everything))
    st.caption(
        f"Points of a hundred that each adds to {analysis.label}: with neither it would have {nothing:.0f}, "
        f"with both it has {everything:.0f}."
    )
    alone = " · ".join(f"{m.noun} alone: **{split.verdict(m)}**" for m in reversed(split.modalities))
    st.markdown(alone[0].upper() + alone[1:])
    if split.none[target] >= _ANYWAY:
        st.warning(
            f"With nothing to see or hear this model would say {analysis.label} too ({nothing:.0f} of 100), so "
            "these shares say little: go by what face and voice are alone.",
            icon=":material/warning:",
        )
    if split.disagree:
        st.warning(
            f"Voice and face disagree; the model {split.followed()}. Look at both before you rely on either.",
            icon=":material/call_split:",
        )


def _headline(analysis: Analysis) -> str:
    split, target = analysis.modalities, analysis.predicted
    signed = {m: float(split.contribution(m)[target]) for m in reversed(split.modalities)}
    if min(signed.values()) >= 0:
        shares = split.shares(target)
        words = ", ".join(f"from the {m.noun} {shares[m]:.0%}" for m in signed)
        return words[0].upper() + words[1:]
    role = {True: "for", False: "against"}
    first, *others = [(m.noun, role[value >= 0]) for m, value in signed.items()]
    return ", ".join([f"The {first[0]} speaks {first[1]} it", *(f"the {noun} {word} it" for noun, word in others)])


def _face_note(analysis: Analysis) -> None:
    video = analysis.features.video
    if video is not None and not video.fallback:
        found = sum(face is not None for face in video.faces)
        st.markdown(f"Face found in {found} of {len(video.faces)} frames {':material/check:' if found == len(video.faces) else ''}")

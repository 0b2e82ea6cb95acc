"""What was recognised, how sure the model is, from face or voice, a second opinion, and the one thing to beware of."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from models.labels import LABELS
from pages.components.analyze.quality import show_checks
from pages.components.analyze.second import show_second
from pages.components.analyze.view import choose_emotion
from pages.components.board.bars import emotion_bars
from pages.components.board.shares import shares_html
from pages.components.session.keys import Key
from xai.render.colours import EMOTION_COLOURS

if TYPE_CHECKING:
    from pages.components.session.state import Drawer, Recording
    from xai.analysis import Analysis

_UNDECIDED = 0.1  # of probability between the first two: too close to name one


def show_verdict(kept: Drawer, target: int, recording: Recording) -> None:
    """The verdict, eight bars to choose from, and shares for the chosen emotion.

    Args:
        target: position of the emotion that is explained.
    """
    analysis = kept.analysis
    st.html(f"<style>.st-key-verdict {{ --em-emotion: {EMOTION_COLOURS[analysis.label]} }}</style>")
    st.title(_verdict(analysis), anchor=False)
    _when_this_sure(analysis)
    # Before the next run: what is drawn above and below is of the new one then.
    emotion_bars(
        analysis.probabilities,
        target,
        analysis.predicted,
        f"{Key.BARS}-{analysis.token}",
        lambda label: choose_emotion(None if label == analysis.label else label),
    )
    _sources(analysis, target)
    show_second(kept, recording)
    _beware(analysis)
    _in_general(analysis)


def _verdict(analysis: Analysis) -> str:
    from models.evaluation.familiarity import WORTH_NAMING
    from xai.render.text import odds

    p = analysis.probabilities
    first, second = np.argsort(-p)[:2]
    if p[first] < WORTH_NAMING:
        return (
            "The model is undecided: no emotion stands out"
            if analysis.should_be_asked
            else "Not to be asked: the model knows nothing like this"
        )
    if not analysis.should_be_asked:
        return f"Not to be asked; it would say :primary[{analysis.label.upper()}]"
    if p[first] - p[second] < _UNDECIDED:
        return f"The model is undecided: :primary[{LABELS[first].upper()}] or {LABELS[second].upper()}"
    return f"The model recognises :primary[{analysis.label.upper()}], {odds(p[first])}"


def _sources(analysis: Analysis, target: int) -> None:
    from xai.render.text import judged_alone

    split = analysis.modalities
    if not split.several:
        st.markdown(f"**From the {judged_alone(analysis)} only**")
        return
    st.markdown(f"**{split.headline(target)}**")
    points = [100 * float(split.contribution(m)[target]) for m in split.modalities]
    nothing, everything = (100 * float(p[target]) for p in (split.none, split.everything))
    st.html(shares_html([m.noun for m in split.modalities], points, nothing, everything))
    alone = " · ".join(f"{m.noun} alone: **{split.verdict(m)}**" for m in reversed(split.modalities))
    st.caption(f"{alone[0].upper()}{alone[1:]}")


def _beware(analysis: Analysis) -> None:
    """The most important warning, besides that of the second opinion above; the others and every check one click away."""
    from xai.render.text import cautions

    found = cautions(analysis)
    if found:
        with st.container(key=Key.BEWARE):
            st.markdown(f":material/warning: {found[0]}")
    passed = f"recording: {sum(check.level == 'green' for check in analysis.checks)} of {len(analysis.checks)} checks passed"
    more = f"{len(found) - 1} more warning{'s' * (len(found) > 2)} · {passed}" if len(found) > 1 else passed.capitalize()
    with st.popover(more, type="tertiary", key=Key.MORE_NOTES):
        for words in found[1:]:
            st.warning(words, icon=":material/warning:")
        show_checks(analysis)


def _when_this_sure(analysis: Analysis) -> None:
    """How often it is right when it is this sure, and what it confuses this emotion with: beside the verdict, as it may say less."""
    from models.evaluation import track_record

    name, state, p = analysis.model.name, analysis.modalities.state, float(analysis.probabilities.max())
    found = track_record.how_often_when_sure(name, state, p), track_record.usual_mistakes(name, state, analysis.predicted)
    with st.container(key=Key.HOW_OFTEN):
        st.markdown(" ".join(filter(None, found)))


def _in_general(analysis: Analysis) -> None:
    """How often it is right, whatever it says."""
    from models.evaluation import track_record

    often = track_record.how_often(analysis.model.name, analysis.modalities.state)
    with st.container(key=Key.IN_GENERAL):
        st.markdown(" ".join([often, *analysis.model.notes, "It names what is portrayed, not what a person feels."]))

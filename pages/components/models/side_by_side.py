"""Two models on the visitor's recording: where they differ, and why."""

from __future__ import annotations

from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING

import streamlit as st

from features import Modality
from pages.components.analyze.evidence import draw_in_short
from pages.components.analyze.inputs import DEFAULT_SETTINGS
from pages.components.analyze.jobs import ask, asked_key, check_jobs
from pages.components.analyze.samples import SAMPLES
from pages.components.analyze.second import BOTH_TAB
from pages.components.analyze.trust import show_badge, title_of
from pages.components.analyze.watch import watch
from pages.components.charts.draw import draw
from pages.components.charts.models import two_models_chart
from pages.components.models.own import offered
from pages.components.session.keys import Key
from pages.components.session.run import analysis_key, analysis_of
from pages.components.session.state import Drawer, Recording, drawer_of, drawers_of, escape, remember
from pages.components.session.work import Job

if TYPE_CHECKING:
    from xai.explanation import Attribution, Contrast, Panel, Say

_OTHER = "evidence of the other model"
_WAIT = ":material/hourglass_top: The other model is being asked…"
# By panel: what it shows; the sentence where that is missing, and where the model does not judge it.
_ABSENT = {
    "saw": (Modality.VIDEO, "There is no face to see.", "It does not look at the face."),
    "heard": (Modality.AUDIO, "There is no voice to hear.", "It does not listen to the voice."),
}


def show_side_by_side(name: str) -> None:
    """Choose the other model; the recording is the one on the page Analyze, or a sample."""
    models = offered()
    others = [other for other in models if other != name]
    other = st.selectbox(
        "Compare with", others, key=Key.OTHER_MODEL, format_func=lambda key: models[key].title, bind="query-params", persist_state="session"
    )
    recording: Recording = st.session_state.get(Key.RECORDING) or SAMPLES["synthetic"].recording()
    st.caption(f"On {escape(recording.name)}. Choose a recording on the page Analyze to compare them on it.")
    pair = [analysis_of(recording, DEFAULT_SETTINGS, model) for model in (name, other)]
    if pair[0] is None or pair[1] is None:
        return
    drawers = [drawer_of(pair[0]), drawer_of(pair[1])]
    work = drawers[0].work  # of the visitor: the same for both
    drawn = work.version
    _compare(*drawers)
    work.want([job for kept in drawers for job in _jobs(kept)])
    watch(drawers[0], drawn)


def show_both(kept: Drawer, recording: Recording) -> None:
    """The chosen model and the one that gave the second opinion on this recording, with the evidence of both."""
    if kept.opinion is None:
        st.caption(kept.second if isinstance(kept.second, str) else _WAIT)
    elif (other := _other(kept, recording)) is not None:
        _compare(kept, other)
    elif kept.work.failed(asked_key(kept, _OTHER)):
        st.error(f"The evidence of {kept.opinion.title} could not be computed.", icon=":material/error:")
    else:
        if _OTHER not in kept.asked:
            ask(kept, _OTHER, partial(_analyse_other, kept, recording))
        st.caption(f":material/hourglass_top: The evidence of *{kept.opinion.title}* is being computed…")


def jobs_of_both(kept: Drawer, recording: Recording) -> list[Job]:
    """Checks of the other model's evidence while both are shown."""
    other = _other(kept, recording) if st.session_state.get(Key.TAB) == BOTH_TAB else None
    return _jobs(other) if other else []


def _other(kept: Drawer, recording: Recording) -> Drawer | None:
    """That of the model that gave the second opinion, on the same recording with the same settings; what was just made is remembered."""
    if kept.opinion is None:
        return None
    if kept.other is not None:
        remember(analysis_key(recording, asdict(kept.other.settings), kept.other.model), kept.other)
        kept.other = None
    same = (drawer for drawer in drawers_of(recording, kept).values() if drawer.analysis.settings == kept.analysis.settings)
    return next((drawer for drawer in same if drawer.analysis.model.name == kept.opinion.model), None)


def _analyse_other(kept: Drawer, recording: Recording, say: Say) -> None:
    from models.checkpoint import load_model
    from xai.analysis import analyse

    assert kept.opinion is not None
    model = load_model(kept.opinion.model)
    kept.other = analyse(recording.audio, recording.video, model=model, settings=kept.analysis.settings, on_stage=say)


def _compare(one: Drawer, two: Drawer) -> None:
    """Where they differ in words, their probabilities, and the evidence of both in columns."""
    from xai.explanation import Contrast
    from xai.render.comparison import differences

    first, second = one.analysis, two.analysis
    titles = first.model.spec.title, second.model.spec.title
    for line in differences(first, second, titles):
        st.markdown(f"- {line}")
    chart = two_models_chart(first.probabilities, second.probabilities, titles)
    draw(chart, "chart-two", "Probabilities of both models")
    for column, kept, title in zip(st.columns(2), (one, two), titles, strict=True):
        with column:
            st.markdown(f"## {title}: {kept.analysis.label}")
            _show_evidence(kept, Contrast(kept.analysis.predicted))
    st.caption(
        "Seen and heard: warm speaks for what that model recognises, cool against it. Weighed: how much each part of "
        "the recording speaks for it (in log-odds; below zero, against it). Models "
        "differ in scale: compare signs and order, not sizes."
    )


def _show_evidence(kept: Drawer, contrast: Contrast) -> None:
    """What is there at once in each panel, in short, with its badge."""
    from xai.explanation import Panel

    for panel in Panel:
        attribution = kept.analysis.attribution(panel)
        if attribution is not None:
            _show_panel(kept, panel, attribution, contrast)
        elif panel in _ABSENT:
            modality, missing, not_judged = _ABSENT[panel]
            st.caption(missing if kept.analysis.model.judges(modality) else not_judged)


def _show_panel(kept: Drawer, panel: Panel, attribution: Attribution, contrast: Contrast) -> None:
    from xai.explanation import SoundPatches
    from xai.render.comparison import strongest_sound

    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"### {title_of(panel)}", width="content")
        trust = show_badge(kept, attribution.method, contrast, f"pair-{panel}-{kept.analysis.model.name}")
    draw_in_short(kept.analysis, attribution, contrast, trust)
    if isinstance(attribution.parts, SoundPatches) and trust is not None and trust.level != "red":
        st.markdown(strongest_sound(attribution, contrast))


def _jobs(kept: Drawer) -> list[Job]:
    """Checks of what is there at once."""
    from xai.explanation import Contrast
    from xai.methods import METHODS

    methods = [key for key in kept.analysis.attributions if METHODS[key].comes_at_once(kept.analysis.subject)]
    return list(check_jobs(kept, Contrast(kept.analysis.predicted), methods))

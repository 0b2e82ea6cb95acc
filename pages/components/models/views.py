"""Inside a model: a map of clips as it sees them, and what it weighs on the whole."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from features import Modality
from models.labels import LABELS, ravdess_label
from models.registry import MODELS
from pages.components.analyze.inputs import DEFAULT_SETTINGS
from pages.components.charts.draw import draw
from pages.components.charts.models import beeswarm_chart, map_chart
from pages.components.models.words import STATE_WORDS, choose_state
from pages.components.session.keys import Key
from pages.components.session.run import analysis_of
from pages.components.session.state import Recording, escape, recent_analyses

if TYPE_CHECKING:
    from xai.analysis import Analysis

_SENTENCES = {1: "Kids are talking by the door", 2: "Dogs are sitting by the door"}
_ROWS = 10


def own_analysis(recording: Recording | None, name: str) -> Analysis | None:
    """That model's analysis of the visitor's recording, if one was chosen: as it was made before, or made now."""
    if recording is None:
        return None
    known = ((key, a) for key, a in reversed(recent_analyses().items()) if a.model.name == name)
    found = next((a for key, a in known if key[0] == recording.digest()), None)
    return found or analysis_of(recording, DEFAULT_SETTINGS, name)


def show_map(name: str) -> None:
    """t-SNE of the learned embedding, the visitor's own clip among the others, and its neighbours."""
    from models.checkpoint import load_model
    from models.data.clips import embed
    from models.reference import load_reference
    from xai.model_level.embedding import neighbours

    recording: Recording | None = st.session_state.get(Key.RECORDING)
    model, own = load_model(name), own_analysis(recording, name)
    state = own.modalities.state if own else choose_state(MODELS[name].states, Key.MAP_SHOWN)
    clips = load_reference(state, model.encoders.get(Modality.AUDIO))
    embeddings, names = embed(model, clips), [_describe(key) for key in clips.keys]
    place = None if own is None else model.embed(own.subject.inputs)[0]
    every = embeddings if place is None else np.concatenate([embeddings, place[None]])
    points = _layout(every, "" if own is None else own.token, state, model.digest)
    mark = None if place is None else points[-1]
    figure = map_chart(
        points[: len(names)],
        clips.label,
        names,
        mark,
        f"{len(names)} training clips as the model sees them ({STATE_WORDS[state].lower()}, t-SNE)",
    )
    draw(figure, "chart-map", "Map of training clips by the model's embedding")
    st.caption(
        "Each dot is a clip, placed by what the model's last layers see of it: near dots are alike to the model. "
        "Distances between far groups mean nothing, and t-SNE shows clusters even in noise. It has learned from these clips."
    )
    if recording is None or place is None:
        st.info(
            "Choose a recording on the page Analyze, and it appears here among the others, with its neighbours.",
            icon=":material/person_pin_circle:",
        )
        return
    st.markdown(f"**Most like your clip**, {escape(recording.name)}")
    near = neighbours(embeddings, place)
    st.dataframe([{"portrays": LABELS[clips.label[k]], "clip": names[k], "likeness": f"{c:.2f}"} for k, c in near], hide_index=True)
    st.caption("Likeness: the cosine between what the last layers see of both; 1 is the same.")


@st.cache_resource(scope="session", max_entries=4, show_spinner="Drawing the map…")
def _layout(_embeddings: np.ndarray, token: str, state: str, digest: str) -> np.ndarray:
    """The map (n, 2), in the session: another visitor's holds another clip."""
    from xai.model_level.embedding import layout

    return layout(_embeddings)


def _describe(key: tuple) -> str:
    actor, emotion, intensity, statement, _ = key
    strength = ", strong" if intensity == 2 else ""
    return f"actor {actor:02d} portrays {ravdess_label(emotion)}{strength}: “{_SENTENCES[statement]}”"


def show_summary(name: str) -> None:
    """Beeswarms of the strongest features of each modality."""
    from xai.model_level.summary import load_summary

    summary = load_summary(name)
    if summary is None:
        st.info(f"Not computed for this model. The command is: python -m xai.summary --model {name}")
        return
    target = LABELS.index(st.selectbox("Emotion", LABELS, key=Key.SUMMARY_TARGET, bind="query-params"))
    for column, modality in zip(st.columns(len(summary.modalities)), summary.modalities, strict=True):
        words, features = f"the {modality.noun}", summary.strongest(target, _ROWS, modality)
        figure = beeswarm_chart(summary, target, features, f"What {words} adds to {LABELS[target]} ({len(summary.values)} training clips)")
        draw(figure, f"chart-swarm-{words}", f"SHAP values of {words}", column)
        column.caption(f"Together, {words} moves the evidence (log-odds) by {summary.effect(target, modality):z.2f} on average.")
    st.caption(
        "A dot is a clip; right of the line the feature speaks for the emotion, left against it. "
        ":red[■] the feature is high in that clip, :blue[■] low. MFCC 0 is loudness, the first few are the broad shape of the sound. "
        "Face features have no names: the page Analyze draws them back onto the face."
    )

"""How often a model is right about recordings that it has not learned from, and where it is not."""

from __future__ import annotations

from typing import Any

import streamlit as st

from models.evaluation.protocols import PROTOCOLS
from models.evaluation.track_record import speaker_independent_scores
from models.registry import MODELS, never_augmented, read_result
from pages.components.charts.draw import draw
from pages.components.charts.models import actor_chart, calibration_chart, confusion_chart, per_class_chart
from pages.components.models.recordings import show_clips
from pages.components.models.words import STATE_WORDS, choose_state
from pages.components.session.keys import Key

_METRICS = {
    "accuracy": ("Right", "Share of clips whose portrayed emotion it names. Guessing would be right one time in eight, 12.5 %."),
    "uar": (
        "UAR",
        "Unweighted average recall: the share it recognises of each emotion, averaged, so that rare ones count as much.",
    ),
    "macro_f1": ("Macro-F1", "F1 is high only if it finds an emotion often and names it seldom by mistake; averaged over the emotions."),
}
_MEASURES = {
    "recall": ("Recall", "Of the clips that portray an emotion, the share that it recognises."),
    "precision": ("Precision", "Of the clips that it gives an emotion's name, the share that do portray it."),
    "f1": ("F1", "The harmonic mean of the two: low if either is."),
}


def show_scores(name: str) -> None:
    """Choose a protocol and what is shown to the model, then figures and charts."""
    left, right = st.columns(2, vertical_alignment="bottom")
    protocol = left.selectbox(
        "Protocol",
        list(PROTOCOLS),
        key=Key.PROTOCOL,
        format_func=lambda key: PROTOCOLS[key].title,
        help="What was left out of training and then tested on.",
        bind="query-params",
    )
    st.markdown(f"*{PROTOCOLS[protocol].question}* (`{protocol}`)")
    result = read_result(protocol, name)
    if result is None:
        st.info(f"Not measured for this model. The command is: {_command(protocol, name)}")
        return
    states = list(result["states"])
    with right:
        state = choose_state(states, Key.SHOWN)
        if len(states) == 1:
            st.caption(f"Shown to it: {STATE_WORDS[state].lower()}, as it reads nothing else.")
    scores = result["states"][state]
    _figures(scores, result)
    _beside_unseen_speakers(protocol, name, state, scores)
    _charts(scores, f"{STATE_WORDS[state]}, {protocol}")
    _stability(result, state)
    show_clips(result, state)
    st.caption(
        f"{MODELS[name].title}, {result['seeds']} training{'s' if result['seeds'] > 1 else ''} of each part, measured {result['created']}. "
        f"Again: `{_command(protocol, name)}`"
    )


def _command(protocol: str, name: str) -> str:
    return f"python -m models.evaluate --data RAVDESS --protocol {protocol} --model {name} --out models/results"


def _figures(scores: dict[str, Any], result: dict[str, Any]) -> None:
    columns = st.columns(4)
    for column, (key, (label, words)) in zip(columns, _METRICS.items(), strict=False):
        column.metric(label, f"{scores[key]['value']:.0%}", help=words, border=True)
        column.caption(_interval(scores[key]))
    c = scores["calibration"]
    columns[3].metric(
        "Calibration error",
        f"{c['after']['value']:.2f}",
        border=True,
        help="How far, on average, its confidence is from how often it is right; 0 is perfect. On few clips even a perfect model scores "
        "some by chance: the number after *by chance* on average, and more than the one after *at most* in only one of 20 tests. "
        "Its interval lies somewhat high: resampled clips scatter more than those that were measured.",
    )
    chance = f"by chance {c['by_chance']:.2f}, at most {c['by_chance_at_most']:.2f}"
    columns[3].caption(f"{_interval(c['after'], '.2f')}; before scaling {c['before']['value']:.2f}; {chance}")
    over = "clips, as two people are no sample of people" if scores["actors"] < 5 else "actors"
    st.caption(f"{scores['clips']:,} clips of {scores['actors']} actors. In small print: 95 % bootstrap intervals over {over}.")
    if result["not_measured"]:
        st.warning(result["not_measured"] + " Video of all 24 is needed for more.", icon=":material/videocam_off:")


def _beside_unseen_speakers(protocol: str, name: str, state: str, scores: dict[str, Any]) -> None:
    """A protocol whose people were in the training is never shown alone."""
    unseen = speaker_independent_scores(name, state)
    if PROTOCOLS[protocol].speaker_independent or unseen is None:
        return
    here, there = scores["accuracy"]["value"], unseen["accuracy"]["value"]
    st.warning(
        f"It has learned from the same people here: {here:.0%} right. On people not in training: {there:.0%}. "
        f"The difference of {100 * (here - there):+.0f} points says how much such a test flatters.",
        icon=":material/balance:",
    )


def _charts(scores: dict[str, Any], where: str) -> None:
    left, right = st.columns(2)
    with left:
        measure = st.segmented_control(
            "By emotion",
            list(_MEASURES),
            default="recall",
            key=Key.MEASURE,
            format_func=lambda key: _MEASURES[key][0],
            help=" ".join(f"**{label}**: {words}" for label, words in _MEASURES.values()),
            required=True,
            bind="query-params",
        )
        figure = per_class_chart(scores, measure, f"{_MEASURES[measure][0]} by emotion ({where})")
        draw(figure, "chart-classes", f"{_MEASURES[measure][0]} of each emotion")
        figure = calibration_chart(scores, f"Sure and right ({where})")
        draw(figure, "chart-calibration", "Confidence against the share of right answers")
        st.caption("Dots below the line: surer than it should be. Larger dots hold more clips.")
    with right:
        figure = confusion_chart(scores, f"Named for portrayed, % ({where})")
        draw(figure, "chart-confusion", "Confusion matrix: portrayed emotions against named ones")
        figure = actor_chart(scores, f"Person by person ({where})")
        draw(figure, "chart-actors", "Accuracy for each actor")
        sexes = [f"{sex} {_share(row['accuracy'])}" for sex, row in scores["per_sex"].items() if row]
        means = f" On average: {', '.join(sexes)}." if len(sexes) > 1 else ""
        st.caption(f"A dot is an actor, its line a 95 % interval (Wilson's, over clips).{means} Dotted: guessing.")


def _stability(result: dict[str, Any], state: str) -> None:
    shares = result["stability"].get(state)
    if not shares:
        return
    plain = read_result(result["protocol"], result["model"], plain=True)
    if never_augmented(result["model"]):
        plain = result
    before = plain["stability"].get(state, {}) if plain else {}
    with st.expander("Does another microphone, camera or cut change its mind?", icon=":material/mic:"):
        columns = {"same verdict": shares, "untrained for changes": before}
        st.dataframe(
            [{"change": change} | {title: _share(found.get(change)) for title, found in columns.items()} for change in shares],
            hide_index=True,
        )
        note = MODELS[result["model"]].note
        untrained = "learned from clean recordings only" + (f", and without {note}" if note else "")
        if plain is result:
            untrained += ", as this model does anyway: both columns are the same"
        st.caption(
            "Share of held-out clips that it gives the same name after the change, right or wrong, with 95 % intervals. "
            f"*Untrained for changes*: {untrained}."
        )


def _share(triple: dict[str, float] | None) -> str:
    return f"{triple['value']:.0%} ({_interval(triple)})" if triple else "–"


def _interval(triple: dict[str, float], form: str = ".0%") -> str:
    return f"{format(triple['low'], form)} – {format(triple['high'], form)}"

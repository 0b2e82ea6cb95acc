"""Plotly figures of the page Models. They take numbers and return figures; titles of scores name their protocol."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import plotly.graph_objects as go

from features.names import voice_feature_label
from models.evaluation.intervals import bounds_of
from models.evaluation.protocols import PROTOCOLS
from models.labels import LABELS
from models.registry import MODELS
from pages.components.charts.analysis import tidy
from xai.model_level.swarm import ranks, spread
from xai.render.colours import AGAINST_COLOUR, EMOTION_COLOURS, FOR_COLOUR

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

    from xai.model_level.summary import Summary

_GREY = "#888"
_FIRST_COLOUR, _SECOND_COLOUR = "#9A9A9A", "#6A4C93"  # of two answers: red and blue stand for evidence
_SEX_COLOURS = {"female": "#CC79A7", "male": "#0072B2"}
_SYMBOLS = ("circle", "square", "diamond", "cross", "triangle-up", "star", "x", "hexagon")
_DARK_CELL = 83  # percent
_UNSEEN_MARKS = (("circle", "#0072B2"), ("diamond", "#D55E00"), ("triangle-up", "#009E73"))
_KNOWN_MARKS = ("square-open", "triangle-down-open", "pentagon-open")  # hollow and grey: they do not compare


def per_class_chart(scores: dict[str, Any], measure: str, title: str) -> go.Figure:
    """Precision, recall or F1 of each emotion with its interval."""
    rows = [scores["per_class"][label][measure] for label in LABELS]
    values = np.array([np.nan if row["value"] is None else 100 * row["value"] for row in rows])
    bounds = 100 * np.array([bounds_of(row, count) for row, count in zip(rows, _counted(scores, measure), strict=True)])
    bars = go.Bar(
        x=list(LABELS),
        y=values,
        marker={"color": [EMOTION_COLOURS[label] for label in LABELS], "line": {"color": "#555", "width": 0.6}},
        error_y={"type": "data", "array": bounds[:, 1] - values, "arrayminus": values - bounds[:, 0], "color": _GREY, "thickness": 1.2},
        customdata=_per_class_words(scores, measure),
        hovertemplate="%{x}: %{y:.0f} %, %{customdata}<extra></extra>",
    )
    figure = go.Figure(bars)
    if measure == "recall":  # what guessing gets; of the two others it depends on how often each is met
        figure.add_hline(12.5, line={"color": _GREY, "width": 1, "dash": "dot"})
    figure.update_yaxes(range=[0, 100], ticksuffix=" %")
    return tidy(figure, 300, title)


def _counted(scores: dict[str, Any], measure: str) -> np.ndarray:
    """How many clips each bar is a share of; of F1, which is none, those that portray the emotion."""
    return np.array(scores["confusion"]).sum(axis=0 if measure == "precision" else 1)


def _per_class_words(scores: dict[str, Any], measure: str) -> list[str]:
    """What each bar counts, in words."""
    counts = np.array(scores["confusion"])
    right, shown, named = counts.diagonal(), counts.sum(axis=1), counts.sum(axis=0)
    return [
        {
            "recall": f"{right[k]} of the {shown[k]} clips that portray {label} are recognised",
            "precision": f"{right[k]} of the {named[k]} clips that are called {label} portray it",
            "f1": f"from {right[k]} that are right, of {shown[k]} that portray {label} and {named[k]} that are called so",
        }[measure]
        for k, label in enumerate(LABELS)
    ]


def confusion_chart(scores: dict[str, Any], title: str) -> go.Figure:
    """Of each portrayed emotion (rows), how often each was named (columns), in percent of the row."""
    counts = np.array(scores["confusion"], float)
    share = 100 * counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    heat = go.Heatmap(
        z=share,
        x=list(LABELS),
        y=list(LABELS),
        customdata=counts,
        colorscale=[[0, "#EAF3F9"], [1, "#0072B2"]],
        zmin=0,
        zmax=100,
        showscale=False,
        hovertemplate="portrayed %{y}, named %{x}: %{z:.0f} % (%{customdata:.0f} clips)<extra></extra>",
    )
    figure = go.Figure(heat)
    # The cells are the same in a light and a dark theme, so that the contrast of the numbers is, too: at least 3.8 to 1.
    for chosen, colour in ((share <= _DARK_CELL, "#1F2328"), (share > _DARK_CELL, "white")):
        rows, columns = np.nonzero(chosen)
        text = [f"{value:.0f}" for value in share[chosen]]
        names = np.array(LABELS)
        figure.add_trace(go.Scatter(x=names[columns], y=names[rows], text=text, mode="text", textfont={"color": colour}, hoverinfo="skip"))
    figure.update_layout(showlegend=False)
    figure.update_xaxes(title="named", showgrid=False)
    figure.update_yaxes(title="portrayed", autorange="reversed", showgrid=False)
    return tidy(figure, 420, title)


def calibration_chart(scores: dict[str, Any], title: str) -> go.Figure:
    """Confidence against the share of right answers; on the diagonal the two agree. Larger dots hold more clips."""
    curve = scores["calibration"]["curve"]
    sizes = np.sqrt([row["clips"] for row in curve])
    figure = go.Figure(go.Scatter(x=[0, 100], y=[0, 100], mode="lines", line={"color": _GREY, "dash": "dot", "width": 1}, hoverinfo="skip"))
    figure.add_trace(
        go.Scatter(
            x=[100 * row["confidence"] for row in curve],
            y=[100 * row["accuracy"] for row in curve],
            mode="lines+markers",
            cliponaxis=False,
            marker={"size": 6 + 16 * sizes / sizes.max(), "color": AGAINST_COLOUR},
            line={"color": AGAINST_COLOUR},
            customdata=[row["clips"] for row in curve],
            hovertemplate="said %{x:.0f} %, was right %{y:.0f} % (%{customdata} clips)<extra></extra>",
        )
    )
    figure.update_xaxes(title="how sure it was", range=[0, 102], ticksuffix=" %")
    figure.update_yaxes(title="how often it was right", range=[0, 102], ticksuffix=" %")
    return tidy(figure, 340, title)


def actor_chart(scores: dict[str, Any], title: str) -> go.Figure:
    """One dot for each person with its interval, from the least to the best recognised."""
    rows = sorted(((name, row) for name, row in scores["per_actor"].items() if row), key=lambda item: item[1]["accuracy"]["value"])
    figure = go.Figure()
    for sex, odd in (("female", 0), ("male", 1)):
        mine = [(k, name, row) for k, (name, row) in enumerate(rows) if int(name) % 2 == odd]
        figure.add_trace(
            go.Scatter(
                x=[k for k, _, _ in mine],
                y=[100 * row["accuracy"]["value"] for _, _, row in mine],
                mode="markers",
                error_y={
                    "type": "data",
                    "array": [100 * (row["accuracy"]["high"] - row["accuracy"]["value"]) for _, _, row in mine],
                    "arrayminus": [100 * (row["accuracy"]["value"] - row["accuracy"]["low"]) for _, _, row in mine],
                    "color": _GREY,
                    "thickness": 1.2,
                    "width": 0,
                },
                text=[name for _, name, _ in mine],
                name=sex,
                marker={"size": 11, "color": _SEX_COLOURS[sex], "symbol": "circle" if odd else "diamond"},
                customdata=[f"{row['clips']} clips, {100 * row['confidence']:.0f} % sure on average" for _, _, row in mine],
                hovertemplate=f"actor %{{text}} ({sex}): right about %{{y:.0f}} % of %{{customdata}}<extra></extra>",
            )
        )
    figure.add_hline(12.5, line={"color": _GREY, "width": 1, "dash": "dot"})
    figure.update_xaxes(
        title="actor", tickvals=list(range(len(rows))), ticktext=[name for name, _ in rows], range=[-0.8, len(rows) - 0.2], showgrid=False
    )
    figure.update_yaxes(range=[0, 100], ticksuffix=" %")
    figure = tidy(figure, 340, title)
    figure.update_layout(showlegend=True, legend={"orientation": "h", "y": -0.3})
    return figure


def map_chart(points: np.ndarray, labels: np.ndarray, names: list[str], own: np.ndarray | None, title: str) -> go.Figure:
    """Clips as dots by emotion, symbol and colour; the visitor's own as a large ring."""
    figure = go.Figure()
    for c, label in enumerate(LABELS):
        mine = np.flatnonzero(labels == c)
        figure.add_trace(
            go.Scatter(
                x=points[mine, 0],
                y=points[mine, 1],
                mode="markers",
                name=label,
                marker={"color": EMOTION_COLOURS[label], "symbol": _SYMBOLS[c], "size": 8, "line": {"color": "#555", "width": 0.5}},
                text=[names[k] for k in mine],
                hovertemplate="%{text}<extra></extra>",
            )
        )
    if own is not None:
        marker = {"symbol": "circle-open", "size": 22, "color": "#D00", "line": {"width": 3, "color": "#D00"}}
        figure.add_trace(
            go.Scatter(x=[own[0]], y=[own[1]], mode="markers", name="your clip", marker=marker, hovertemplate="your clip<extra></extra>")
        )
    figure.update_xaxes(visible=False)
    figure.update_yaxes(visible=False, scaleanchor="x")
    figure = tidy(figure, 480, title)
    figure.update_layout(showlegend=True, legend={"orientation": "h", "y": -0.02})
    return figure


def beeswarm_chart(summary: Summary, target: int, features: np.ndarray, title: str) -> go.Figure:
    """SHAP values (Lundberg & Lee 2017) of many clips: a dot a clip, a row a feature, coloured by the feature's own value."""
    figure = go.Figure()
    for row, k in enumerate(features[::-1]):
        values, raw = summary.values[:, target, k], summary.raw[:, k]
        figure.add_trace(
            go.Scatter(
                x=values,
                y=row + spread(values),
                mode="markers",
                marker={
                    "size": 5,
                    "color": ranks(raw),
                    "colorscale": [[0, AGAINST_COLOUR], [1, FOR_COLOUR]],
                    "cmin": 0,
                    "cmax": 1,
                    "opacity": 0.8,
                },
                customdata=raw,
                hovertemplate=f"{summary.names[k]} = %{{customdata:.2f}}: %{{x:+.2f}}<extra></extra>",
            )
        )
    figure.add_vline(0, line={"color": _GREY, "width": 1})
    labels = [voice_feature_label(k) if k < summary.voices else summary.names[k] for k in features[::-1]]
    figure.update_yaxes(tickvals=list(range(len(labels))), ticktext=labels, automargin=True, showgrid=False)
    figure.update_xaxes(title="← against · evidence (SHAP, log-odds) · for →")
    return tidy(figure, 120 + 30 * len(features), title)


def two_models_chart(first: np.ndarray, second: np.ndarray, names: tuple[str, str]) -> go.Figure:
    """The probabilities of two models, emotion by emotion."""
    figure = go.Figure()
    for values, name, colour in ((first, names[0], _FIRST_COLOUR), (second, names[1], _SECOND_COLOUR)):
        figure.add_trace(
            go.Bar(
                x=list(LABELS), y=100 * values, name=name, marker={"color": colour}, hovertemplate=f"{name}: %{{y:.0f}} %<extra></extra>"
            )
        )
    figure.update_yaxes(range=[0, 100], ticksuffix=" %")
    figure = tidy(figure, 300)
    figure.update_layout(barmode="group", showlegend=True, legend={"orientation": "h", "y": 1.12})
    return figure


def leaderboard_chart(board: pd.DataFrame, chosen: str, states: Mapping[str, str]) -> go.Figure:
    """Share of right answers, a row a model, under a heading for each state; protocols in which people were known hollow and grey.

    Args:
        board: rows of :func:`models.evaluation.leaderboard.leaderboard`, which stand in its order.
        chosen: a model whose name is set in bold.
        states: words for each state.
    """
    rows, places = _leaderboard_rows(board, states)
    shown = [protocol for protocol in PROTOCOLS if (board.protocol == protocol).any()]
    figure = go.Figure()
    for k, protocol in enumerate(shown):
        figure.add_trace(_interval_dots(board[board.protocol == protocol], protocol, places, (k - (len(shown) - 1) / 2) * 0.2))
    figure.add_vline(12.5, line={"color": _GREY, "width": 1, "dash": "dot"})
    names = [f"<b>{text}</b>" if key in (None, chosen) else text for key, text in rows]
    figure.update_yaxes(
        tickvals=list(range(len(rows))), ticktext=names, range=[len(rows) - 0.4, -0.6], automargin=True, showgrid=False, zeroline=False
    )
    figure.update_xaxes(range=[0, 100], ticksuffix=" %", side="top")
    figure = tidy(figure, 110 + 34 * len(rows))
    figure.update_layout(showlegend=True, legend={"orientation": "h", "y": -0.01, "yanchor": "top", "x": 0})
    return figure


def _leaderboard_rows(board: pd.DataFrame, states: Mapping[str, str]) -> tuple[list[tuple[str | None, str]], dict[tuple[str, str], int]]:
    """Rows from the top, as model (None for a heading) and text; and which row is whose: state and model."""
    rows: list[tuple[str | None, str]] = []
    places: dict[tuple[str, str], int] = {}
    for state, words in states.items():
        mine = board[board.shown == state]
        if mine.empty:
            continue
        rows.append((None, f"{words}, {mine.actors.iloc[0]} actors"))
        for model in mine.model.unique():
            places[state, model] = len(rows)
            rows.append((model, MODELS[model].title))
    return rows, places


def _interval_dots(part: pd.DataFrame, protocol: str, places: Mapping[tuple[str, str], int], shift: float) -> go.Scatter:
    """One protocol: a dot and its interval in each row, a little above or below the row's middle."""
    alike = [key for key, other in PROTOCOLS.items() if other.speaker_independent == PROTOCOLS[protocol].speaker_independent]
    number, title = alike.index(protocol), PROTOCOLS[protocol].title
    if PROTOCOLS[protocol].speaker_independent:
        symbol, colour = _UNSEEN_MARKS[number % len(_UNSEEN_MARKS)]
    else:
        symbol, colour, title = _KNOWN_MARKS[number % len(_KNOWN_MARKS)], _GREY, f"{title} (⚠ people it knows)"
    right, low, high = (100 * part[column].to_numpy() for column in ("right", "right_low", "right_high"))
    return go.Scatter(
        x=right,
        y=[places[row.shown, row.model] + shift for row in part.itertuples()],
        mode="markers",
        name=title,
        marker={"symbol": symbol, "size": 9, "color": colour},
        error_x={"type": "data", "array": high - right, "arrayminus": right - low, "color": colour, "thickness": 1.4, "width": 0},
        customdata=[f"{MODELS[row.model].title}, {row.clips:,} clips of {row.actors} actors" for row in part.itertuples()],
        hovertemplate="%{customdata}: %{x:.0f} % right<extra></extra>",
    )

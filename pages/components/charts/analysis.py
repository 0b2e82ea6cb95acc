"""Plotly figures of the page Analyze. They take numbers and return figures; colours come from :mod:`xai.render.colours`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from features.audio import N_MELS
from features.names import VOICE_PROPERTIES, voice_feature_label
from models.labels import LABELS
from xai.render.colours import AGAINST_COLOUR, EMOTION_COLOURS, FOR_COLOUR, evidence_rgba
from xai.render.spectrogram import bands_at, waveform_envelope

if TYPE_CHECKING:
    from features.audio import AudioFeatures
    from xai.explanation import SoundPatches
    from xai.metrics.agreement import Agreement
    from xai.modality_split import ModalitySplit
    from xai.score import Score

_TICKS_HZ = (0, 500, 1000, 2000, 4000, 8000)
_TRANSPARENT = "rgba(0,0,0,0)"
_AGREEMENT = [[0, "#F4B183"], [0.5, "#F5F3EF"], [1, "#8FC1E3"]]


def probability_chart(probabilities: np.ndarray) -> go.Figure:
    """All eight probabilities, largest on top."""
    order = np.argsort(probabilities)
    names = [LABELS[i] for i in order]
    bars = go.Bar(
        x=probabilities[order] * 100,
        y=names,
        orientation="h",
        marker={"color": [EMOTION_COLOURS[n] for n in names], "line": {"color": "#555", "width": 0.6}},
        text=[_percent(p) for p in probabilities[order]],
        textposition="outside",
        cliponaxis=False,
        hovertemplate="%{y}: %{x:.1f} %<extra></extra>",
    )
    figure = go.Figure(bars)
    figure.update_xaxes(visible=False, range=[0, 116])
    figure.update_yaxes(ticksuffix="  ", showgrid=False)
    return tidy(figure, 230)


def modality_chart(split: ModalitySplit, target: int) -> go.Figure:
    """What each modality adds to the probability of a class, in points of a hundred."""
    values = [100 * split.contribution(modality)[target] for modality in split.modalities]
    bars = go.Bar(
        x=values,
        y=[modality.noun for modality in split.modalities],
        orientation="h",
        marker={"color": [FOR_COLOUR if v >= 0 else AGAINST_COLOUR for v in values]},
        text=[f"{v:+.0f}" for v in values],
        textposition="outside",
        cliponaxis=False,
        hovertemplate="%{y}: %{x:+.1f} points<extra></extra>",
    )
    reach = max(*np.abs(values), 5) * 1.25
    figure = go.Figure(bars)
    figure.update_xaxes(visible=False, range=[min(0, *values) * 1.25 - 2, reach], zeroline=True)
    figure.add_vline(0, line={"color": "#888", "width": 1})
    figure.update_yaxes(ticksuffix="  ", showgrid=False)
    return tidy(figure, 84)


def spectrogram_chart(audio: AudioFeatures, parts: SoundPatches, evidence: np.ndarray) -> go.Figure:
    """Waveform above the mel spectrogram, with the evidence (p,) of each patch at its seconds and hertz."""
    figure = make_subplots(rows=2, shared_xaxes=True, row_heights=[0.2, 0.8], vertical_spacing=0.03)
    times, low, high = waveform_envelope(audio.samples)
    outline = {"x": np.concatenate([times, times[::-1]]), "y": np.concatenate([high, low[::-1]])}
    figure.add_trace(go.Scatter(**outline, fill="toself", line={"width": 0}, fillcolor="#888", hoverinfo="skip"), 1, 1)
    frames = audio.mel_db.shape[1]
    bands = np.arange(N_MELS + 1)
    figure.add_trace(
        go.Heatmap(
            z=np.round(audio.mel_db, 1),
            x=np.linspace(0, audio.seconds, frames + 1),
            y=bands,
            colorscale="Greys_r",
            showscale=False,
            hoverinfo="skip",
        ),
        2,
        1,
    )
    figure.add_trace(_patches(parts, evidence), 2, 1)
    figure.update_yaxes(visible=False, row=1)
    figure.update_yaxes(
        title="kHz", tickvals=bands_at(_TICKS_HZ), ticktext=[f"{hz / 1000:g}" for hz in _TICKS_HZ], range=[0, bands[-1]], row=2
    )
    figure.update_xaxes(title="seconds", range=[0, audio.seconds], row=2)
    figure.update_xaxes(range=[0, audio.seconds], row=1, showgrid=False)
    return tidy(figure, 340)


def _patches(parts: SoundPatches, evidence: np.ndarray) -> go.Heatmap:
    times = np.unique(parts.segments[:, :2])
    rows = np.unique(parts.cells[:, 2:])
    grid = evidence.reshape(len(times) - 1, len(rows) - 1).T
    words = [f"{t0:.1f}–{t1:.1f} s, {hz0:.0f}–{hz1:.0f} Hz" for t0, t1, hz0, hz1 in parts.segments]
    peak = float(np.abs(evidence).max()) or 1.0
    return go.Heatmap(
        z=grid,
        x=times,
        y=rows,
        customdata=np.array(words, dtype=object).reshape(grid.T.shape).T,
        colorscale=_evidence_scale(),
        zmin=-peak,
        zmax=peak,
        xgap=1,
        ygap=1,
        showscale=False,
        hovertemplate="%{customdata}<br>%{z:+.3f} (logit)<extra></extra>",
    )


def voice_weights_chart(values: np.ndarray, name: str, every: bool = False, top: int = 12) -> go.Figure:
    """Weights of the voice: five plain properties, or the strongest single MFCCs and the sum of the others.

    Args:
        values: (40,) in logits.
        name: of the method.
    """
    if every:
        order = np.argsort(-np.abs(values))
        shown, rest = order[:top], order[top:]
        rows = [(voice_feature_label(k), values[k]) for k in shown] + [(f"{len(rest)} other MFCCs", values[rest].sum())]
    else:
        rows = [(label, values[members].sum()) for label, members in VOICE_PROPERTIES]
    names, numbers = zip(*reversed(rows), strict=True)
    bars = go.Bar(
        x=numbers,
        y=names,
        orientation="h",
        marker={"color": [FOR_COLOUR if v > 0 else AGAINST_COLOUR for v in numbers]},
        hovertemplate="%{y}: %{x:+.3f}<extra></extra>",
    )
    figure = go.Figure(bars)
    figure.add_vline(0, line={"color": "#888", "width": 1})
    figure.update_xaxes(title=f"{name} value (logit)")
    figure.update_yaxes(automargin=True, showgrid=False)
    return tidy(figure, 360 if every else 240)


def curves_chart(score: Score) -> go.Figure:
    """Deletion (falling) and insertion (rising) of an explanation, each above the mean of random orders."""
    figure = go.Figure()
    lines = (("insertion", FOR_COLOUR, "put back"), ("deletion", AGAINST_COLOUR, "taken away"))
    for name, colour, words in lines:
        for prefix, dash, what in (("", "solid", "as ranked"), ("random_", "dot", "at random")):
            heights = score.details[prefix + name]
            shares = np.linspace(0, 100, len(heights))
            label = f"{words} {what}"
            hover = f"{label}: %{{x:.0f}} % of the parts, logit %{{y:.2f}}<extra></extra>"
            line = {"color": colour, "dash": dash, "width": 2}
            figure.add_trace(go.Scatter(x=shares, y=heights, mode="lines", line=line, name=label, hovertemplate=hover))
    figure.update_xaxes(title="% of the parts taken away or put back")
    figure.update_yaxes(title="logit")
    tidy(figure, 300)
    # Grows upwards where a narrow screen breaks it into several rows.
    legend = {"orientation": "h", "yanchor": "bottom", "y": 1.02, "font": {"size": 11}}
    return figure.update_layout(showlegend=True, legend=legend, margin={"t": 48})


def loss_chart(history: list[dict[str, float]], loss: str) -> go.Figure:
    """Training loss by epoch; ``loss`` says what it is."""
    epochs = [row["epoch"] for row in history]
    figure = go.Figure(
        go.Scatter(x=epochs, y=[row["loss"] for row in history], mode="lines", line={"color": AGAINST_COLOUR}, name="training loss")
    )
    figure.update_xaxes(title="epoch")
    figure.update_yaxes(title=loss, rangemode="tozero")
    return tidy(figure, 260)


def agreement_chart(found: Agreement) -> go.Figure:
    """How alike the explanations of one panel are, pair by pair, with the number in each cell."""
    names = list(found.methods)
    heat = go.Heatmap(
        z=found.matrix,
        x=names,
        y=names,
        text=[[f"{value:z.1f}" for value in row] for row in np.asarray(found.matrix)],
        texttemplate="%{text}",
        textfont={"color": "#1F2328"},  # the cells are pale in either theme
        colorscale=_AGREEMENT,
        zmin=-1,
        zmax=1,
        showscale=False,
        hovertemplate="%{y} and %{x}: %{z:.2f}<extra></extra>",
    )
    figure = go.Figure(heat)
    figure.update_xaxes(showgrid=False, automargin=True)
    figure.update_yaxes(showgrid=False, automargin=True, autorange="reversed")
    return tidy(figure, 70 + 34 * len(names))


def _evidence_scale() -> list[list]:
    steps = np.linspace(-1, 1, 21)
    colours = evidence_rgba(steps, 0.75)
    return [[float((s + 1) / 2), f"rgba({r},{g},{b},{a / 255:.3f})"] for s, (r, g, b, a) in zip(steps, colours, strict=True)]


def _percent(p: float) -> str:
    return "<1 %" if p < 0.005 else f"{100 * p:.0f} %"


def tidy(figure: go.Figure, height: int, title: str = "") -> go.Figure:
    """The same look for all: no frame, no tools, room for a title if there is one."""
    if title:
        figure.update_layout(title={"text": title, "font": {"size": 14}, "x": 0, "xanchor": "left"})
    figure.update_layout(
        height=height,
        margin={"l": 8, "r": 8, "t": 48 if title else 8, "b": 8},
        paper_bgcolor=_TRANSPARENT,
        plot_bgcolor=_TRANSPARENT,
        showlegend=False,
        dragmode=False,
    )
    return figure

"""Plotly figures of the page Analyze. They take numbers and return figures; colours come from :mod:`xai.render.colours`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import plotly.graph_objects as go

from xai.render.colours import AGAINST_COLOUR, FOR_COLOUR

if TYPE_CHECKING:
    from xai.metrics.agreement import Agreement
    from xai.score import Score

_TICKS_HZ = (0, 500, 1000, 2000, 4000, 8000)
_TRANSPARENT = "rgba(0,0,0,0)"
_AGREEMENT = [[0, "#F4B183"], [0.5, "#F5F3EF"], [1, "#8FC1E3"]]


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

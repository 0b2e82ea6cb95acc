"""Weights of moments: for the voice and for the face a row of bars along time, up for and down against."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pages.components.board.style import escaped, opacity, signed, state, strike
from xai.render.colours import AGAINST_COLOUR, FOR_COLOUR
from xai.render.spectrogram import seconds_ticks

_MOST = 120  # bars of a row; of more, neighbours are added up
_STYLE = """<style>
.em-moments{margin:0;display:grid;grid-template-columns:auto minmax(0,1fr) auto;gap:.3rem .6rem;font-size:.875rem;line-height:1.15}
.em-moments .em-name{align-self:center}
.em-moments .em-number{align-self:center;text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
.em-moments .em-track{position:relative;height:var(--em-row);opacity:var(--em-faint)}
.em-moments .em-zero{position:absolute;inset-inline:0;height:1px;background:currentColor;opacity:.45}
.em-moments .em-bar{position:absolute;border-radius:1px;min-width:1px;print-color-adjust:exact}
.em-moments .em-seconds{position:relative;height:1rem;font-size:.75rem;grid-column:2}
.em-moments .em-seconds span{position:absolute;transform:translateX(-50%);opacity:.85;white-space:nowrap}
</style>"""


@dataclass(frozen=True)
class Row:
    """One modality: its ``name``, float (k, 2) ``segments`` in seconds, and (k,) ``values``."""

    name: str
    segments: np.ndarray
    values: np.ndarray


def moments_html(rows: Sequence[Row], seconds: float, unit: str = "", height: int = 44, struck: bool = False, faint: bool = False) -> str:
    """Rows of bars on one clock and one scale, with the sum of each.

    Args:
        seconds: length of the recording.
        unit: what the numbers are, below.
        height: of a row in pixels.
        struck: it failed its check: a line through it; faint: it is not checked yet.
    """
    rows = [merged(row) for row in rows]
    up = max([0.0, *(float(row.values.max(initial=0.0)) for row in rows)])
    down = max([0.0, *(float(-row.values.min(initial=0.0)) for row in rows)])
    reach = up + down or 1.0
    cells = "".join(_row(row, seconds, up / reach, reach) for row in rows)
    style = f"--em-row:{height}px;--em-faint:{opacity(struck, faint)}"
    drawn = f'<div class="em-moments" role="list" style="{style}">{cells}{_seconds(seconds)}</div>'
    words = "up: for, down: against" + (f" · {unit}" if unit else "") + state(struck, faint)
    return f'{_STYLE}<div style="position:relative">{drawn}{strike(struck)}</div><div class="em-foot">{escaped(words)}</div>'


def merged(row: Row, most: int = _MOST) -> Row:
    """At most so many stretches: neighbours added up."""
    if len(row.values) <= most:
        return row
    starts = np.linspace(0, len(row.values), most, endpoint=False).astype(int)
    ends = np.append(starts[1:], len(row.values)) - 1
    return Row(row.name, np.stack([row.segments[starts, 0], row.segments[ends, 1]], axis=1), np.add.reduceat(row.values, starts))


def _row(row: Row, seconds: float, zero: float, reach: float) -> str:
    bars = "".join(_bar(segment, value, seconds, zero, reach) for segment, value in zip(row.segments, row.values.tolist(), strict=True))
    track = f'<span class="em-track" aria-hidden="true"><span class="em-zero" style="top:{100 * zero:.1f}%"></span>{bars}</span>'
    said = f'<span class="em-hidden">{escaped(_strongest(row))}</span>'
    name = f'<span class="em-name">{escaped(row.name)}{said}</span>'
    total = f'<span class="em-number">{signed(float(row.values.sum()), 2)}</span>'
    return f'<span role="listitem" style="display:contents">{name}{track}{total}</span>'


def _bar(segment: np.ndarray, value: float, seconds: float, zero: float, reach: float) -> str:
    start, end = np.clip(segment / seconds, 0.0, 1.0) * 100
    size = 100 * abs(value) / reach
    top, colour, side = (100 * zero - size, FOR_COLOUR, "for") if value >= 0 else (100 * zero, AGAINST_COLOUR, "against")
    place = f"left:{start:.2f}%;width:calc({end - start:.2f}% - 1px);top:{top:.1f}%;height:{size:.1f}%;background:{colour}"
    title = f"{segment[0]:.1f} to {segment[1]:.1f} s: {signed(value, 2)}, {side} it"
    return f'<span class="em-bar em-{side}" style="{place}" title="{escaped(title)}"></span>'


def _strongest(row: Row) -> str:
    """For those who do not see the bars."""
    if not len(row.values):
        return ""
    best = int(np.abs(row.values).argmax())
    return f": the strongest moment lies at {row.segments[best, 0]:.1f} s, {signed(float(row.values[best]), 2)}"


def _seconds(length: float) -> str:
    ticks = seconds_ticks(length)
    texts = [f"{tick:g}" for tick in ticks]
    texts[-1] += " s"
    marks = "".join(f'<span style="left:{100 * tick / length:.2f}%">{text}</span>' for tick, text in zip(ticks, texts, strict=True))
    return f'<div class="em-seconds" aria-hidden="true">{marks}</div>'

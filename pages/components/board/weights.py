"""Weights for and against, as bars on both sides of a line."""

from __future__ import annotations

from collections.abc import Sequence

from pages.components.board.style import escaped, signed
from xai.render.colours import AGAINST_COLOUR, FOR_COLOUR

_STYLE = """<style>
.em-rows{display:grid;grid-template-columns:fit-content(50%) minmax(0,1fr) auto;column-gap:.6rem;font-size:.875rem;line-height:1.15}
.em-rows>[role=listitem]{display:contents}
.em-rows .em-name{display:flex;align-items:center;min-height:var(--em-row);overflow-wrap:anywhere}
.em-rows .em-number{align-self:center;text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
.em-rows .em-axis{position:relative}
.em-rows .em-zero{position:absolute;inset-block:0;width:1px;margin-left:-.5px;background:currentColor;opacity:.45}
.em-rows .em-bar{position:absolute;inset-block:4px;print-color-adjust:exact;forced-color-adjust:none}
.em-rows .em-for{border-radius:0 2px 2px 0}
.em-rows .em-against{border-radius:2px 0 0 2px}
.em-foot{font-size:.78rem;line-height:18px;opacity:.8;text-align:right}
</style>"""


def weights_html(rows: Sequence[tuple[str, float]], unit: str, digits: int = 2, show_numbers: bool = True) -> str:
    """Named weights in the order given, warm to the right of the line for, cool to its left against, all on one scale.

    Args:
        unit: of the weights, below them; nothing if it is empty.
        show_numbers: False: the sign alone stands beside a bar.
    """
    numbers = [signed(value, digits) for _, value in rows]
    texts = numbers if show_numbers else [text[0] if text[0] in "+−" else "0" for text in numbers]
    foot = "+ for, − against" + (f" · {unit}" if unit else "")
    return diverging_rows([name for name, _ in rows], [value for _, value in rows], texts, foot)


def diverging_rows(
    names: Sequence[str], values: Sequence[float], texts: Sequence[str], foot: str, least: float = 0.0, row: int = 22
) -> str:
    """One row for each value: its name, a bar from the common zero, and its text.

    Args:
        foot: words below all rows.
        least: values that small fill no more than their share of it.
        row: height of a row in pixels.
    """
    down, up = -min([0.0, *values]), max([0.0, *values])
    reach = max(down + up, least) or 1.0
    zero = 100 * down / reach
    cells = "".join(_row(*each, zero, reach) for each in zip(names, values, texts, strict=True))
    return f'{_STYLE}<div class="em-rows" role="list" style="--em-row:{row}px">{cells}</div><div class="em-foot">{escaped(foot)}</div>'


def _row(name: str, value: float, text: str, zero: float, reach: float) -> str:
    width = 100 * abs(value) / reach
    side, colour = ("for", FOR_COLOUR) if value >= 0 else ("against", AGAINST_COLOUR)
    left = zero if value >= 0 else zero - width
    bar = f'<span class="em-bar em-{side}" style="left:{left:.2f}%;width:{width:.2f}%;background:{colour}"></span>'
    axis = f'<span class="em-axis" aria-hidden="true">{bar}<span class="em-zero" style="left:{zero:.2f}%"></span></span>'
    return f'<div role="listitem"><span class="em-name">{escaped(name)}</span>{axis}<span class="em-number">{escaped(text)}</span></div>'

"""All models, protocols and states in one table, and the same as dots with their intervals."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from models.evaluation.leaderboard import interval, leaderboard
from models.evaluation.protocols import PROTOCOLS
from models.registry import MODELS, STATES
from pages.components.charts.draw import draw
from pages.components.models.words import STATE_WORDS
from pages.components.session.keys import Key

if TYPE_CHECKING:
    import pandas as pd
    from pandas.io.formats.style import Styler

_UNSEEN, _KNOWN = "not in training", "⚠ in training"
_CHOSEN, _GREY = "background-color: rgba(240, 136, 62, 0.22); font-weight: 600", "color: #7F7F7F"
_ROWS = 460  # pixels: what fits on the first screen with the filters


def show_leaderboard(name: str) -> None:
    """The filters, the table, and a chart of what is left."""
    board = leaderboard()
    board = board[_filtered(board)]
    if board.empty:
        st.info("Nothing was measured for this choice: take one of the filters back.", icon=":material/filter_alt_off:")
        return
    known = int((~board.unseen).sum())
    st.dataframe(_styled(board, name), hide_index=True, height=min(_ROWS, 36 * (len(board) + 1)), placeholder="–", column_config=_columns())
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(_caption(known), width="stretch")
        st.download_button(
            "All figures (CSV)",
            lambda: board.to_csv(index=False),
            "emolens-leaderboard.csv",
            "text/csv",
            key=Key.DOWNLOAD_BOARD,
            on_click="ignore",
            icon=":material/download:",
        )
    _chart(board, name)


def _filtered(board: pd.DataFrame) -> pd.Series:
    """bool, row by row: what the filters leave; a filter in which nothing is chosen leaves everything."""
    filters = (
        ("protocol", "Protocol", Key.BOARD_PROTOCOLS, {key: protocol.title for key, protocol in PROTOCOLS.items()}),
        ("shown", "Shown to it", Key.BOARD_SHOWN, {state: STATE_WORDS[state] for state in STATES}),
        ("model", "Model", Key.BOARD_MODELS, {key: spec.title for key, spec in MODELS.items()}),
    )
    left = board.unseen.notna()
    with st.container(horizontal=True):
        for column, label, key, words in filters:
            chosen = st.pills(
                label, list(words), selection_mode="multi", key=key, format_func=words.__getitem__, wrap=False, bind="query-params"
            )
            if chosen:
                left &= board[column].isin(chosen)
    return left


def _styled(board: pd.DataFrame, name: str) -> Styler:
    """The table with the rows of the chosen model marked, and what is not comparable in grey."""
    table = _table(board, name).reset_index(drop=True)
    chosen, known = (board.model == name).tolist(), (~board.unseen).tolist()

    def style(row: pd.Series) -> list[str]:
        marks = [_CHOSEN] * chosen[row.name] + [_GREY] * known[row.name]
        return ["; ".join(marks)] * len(row)

    return table.style.apply(style, axis=1)


def _table(board: pd.DataFrame, name: str) -> pd.DataFrame:
    """What is shown, in words and percent. What people who were in training gave has a column of its own."""
    import pandas as pd

    bounds = [interval(low, high) for low, high in zip(board.right_low, board.right_high, strict=True)]
    words = pd.Series(bounds, board.index)
    return pd.DataFrame(
        {
            "model": [MODELS[key].title + " (chosen)" * (key == name) for key in board.model],
            "right": (100 * board.right).where(board.unseen),
            "interval": words.where(board.unseen),
            "shown": board.shown.map(STATE_WORDS),
            "people": board.unseen.map({True: _UNSEEN, False: _KNOWN}),
            "protocol": board.protocol.map({key: protocol.title for key, protocol in PROTOCOLS.items()}),
            "clips": board.clips,
            "actors": board.actors,
            "uar": (100 * board.uar).where(board.unseen),
            "macro_f1": (100 * board.macro_f1).where(board.unseen),
            "calibration": board.calibration.where(board.unseen),
            "known": (board.right.map("{:.0%} ".format) + words.map("({})".format)).where(~board.unseen),
        }
    )


def _columns() -> dict:
    c = st.column_config
    return {
        "model": c.TextColumn("Model", pinned=True, width=128),
        "right": c.ProgressColumn(
            "Right",
            help="Share of clips whose portrayed emotion it names, of people who were not in its training. Guessing: 12.5 %.",
            format="%.0f %%",
            min_value=0,
            max_value=100,
            width=100,
        ),
        "interval": c.TextColumn(
            "95 %", help="Bootstrap interval of the share that is right: over actors, or over clips where there are only two.", width=76
        ),
        "shown": c.TextColumn("Shown to it", width=108),
        "people": c.TextColumn("People", help="Whether the people it was tested on were in its training.", width=104),
        "protocol": c.TextColumn("Protocol", help="What was left out of training and then tested on.", width=196),
        "clips": c.NumberColumn("Clips", format="%,d", width=56),
        "actors": c.NumberColumn("Actors", width=58),
        "uar": c.NumberColumn("UAR", help="Unweighted average recall: each emotion counts as much.", format="%.0f %%", width=56),
        "macro_f1": c.NumberColumn("Macro-F1", help="F1 averaged over the emotions.", format="%.0f %%", width=76),
        "calibration": c.NumberColumn(
            "Calibration",
            help="Calibration error: how far its confidence is from how often it is right; 0 is perfect. Few clips give some by chance.",
            format="%.2f",
            width=92,
        ),
        "known": c.TextColumn(
            "On known people", help="Right about people whom it has learned from: not to be compared with the others.", width=120
        ),
    }


def _caption(known: int) -> str:
    apart = (
        f"{_KNOWN}: it has learned from the same people there, which flatters it; such figures stand apart, "
        "under *on known people*, and do not compare. "
    )
    return (
        "Compare rows with the same *shown to it* and the same protocol: faces of two actors only were at hand, voices of 24. "
        + apart * bool(known)
        + "Settings were chosen with nine of the actors, among them the two on film. A click on a heading sorts."
    )


def _chart(board: pd.DataFrame, name: str) -> None:
    from pages.components.charts.models import leaderboard_chart

    best = board[board.unseen].head(1)
    alt = "Share of right answers with 95 % intervals, model by model" + "".join(
        f"; best on people not in training: {MODELS[row.model].title}, {STATE_WORDS[row.shown].lower()}, {row.right:.0%}"
        for row in best.itertuples()
    )
    draw(leaderboard_chart(board, name, STATE_WORDS), "chart-leaderboard", alt)
    st.caption("A line is a 95 % interval; where two of them overlap widely, either may be the better model. Dotted: guessing.")

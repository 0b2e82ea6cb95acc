"""The eight probabilities, each a button that asks why: a component of Streamlit's second kind, in ``web``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st

from models.labels import LABELS
from pages.components.board.style import percent
from xai.render.colours import EMOTION_COLOURS

_WEB = Path(__file__).parent / "web"
_HTML, _CSS, _JS = ((_WEB / f"bars.{kind}").read_text(encoding="utf-8") for kind in ("html", "css", "js"))

_bars = st.components.v2.component("emolens_bars", html=_HTML, css=_CSS, js=_JS)


def emotion_bars(
    probabilities: np.ndarray, chosen: int, predicted: int, key: str, on_choose: Callable[[str], None] | None = None
) -> str | None:
    """Bars, largest on top; a click on one asks why it and not the others.

    The page decides what is chosen: the bars show a click at once, and then what they are given.

    Args:
        probabilities: (8,), which sum to 1.
        chosen: position of the emotion that is explained; predicted: of the one that is recognised.
        on_choose: called before the next run, where keys of other widgets may still be set.

    Returns:
        The label that was clicked just now; None in all other runs.
    """

    def tell() -> None:
        if (label := _clicked(st.session_state[key])) and on_choose:
            on_choose(label)

    return _clicked(_bars(key=key, data=bars_data(probabilities, chosen, predicted), on_chosen_change=tell))


def bars_data(probabilities: np.ndarray, chosen: int, predicted: int) -> dict[str, Any]:
    """What the browser is given: rows in order of their probability, in percent, and the names of two of them."""
    rows = [
        {"name": LABELS[k], "colour": EMOTION_COLOURS[LABELS[k]], "width": round(100 * float(probabilities[k]), 2), "text": percent(p)}
        for k, p in ((k, float(probabilities[k])) for k in np.argsort(-probabilities, kind="stable"))
    ]
    return {"rows": rows, "chosen": LABELS[chosen], "predicted": LABELS[predicted]}


def _clicked(result: Any) -> str | None:
    """The label in an answer of the browser, which may say anything."""
    label = result.get("chosen")
    return label if label in LABELS else None

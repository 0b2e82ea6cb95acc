"""What face and voice add to a probability."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pages.components.board.style import percent, signed
from pages.components.board.weights import diverging_rows

_LEAST, _ROW = 5.0, 20  # points that fill the width at least, so that tiny ones look tiny; pixels


def shares_html(nouns: Sequence[str], points: Sequence[float], nothing: float, everything: float) -> str:
    """Contributions as bars for and against, and from which probability to which they lead; 58 pixels high for two.

    Args:
        points: of each noun, in points of a hundred; they add up to ``everything`` − ``nothing``, and so do the whole numbers shown.
        nothing: the probability with none of them, in points of a hundred; everything: with all.
    """
    texts = [signed(value, 0) for value in whole_points(points, nothing, everything)]
    words = {1: ("knowing nothing", "knowing it"), 2: ("knowing neither", "knowing both")}
    without, together = words.get(len(nouns), ("knowing none", "knowing all"))
    foot = f"points: from {percent(nothing / 100)} {without} to {percent(everything / 100)} {together}"
    return diverging_rows(nouns, points, texts, foot, _LEAST, _ROW)


def whole_points(points: Sequence[float], nothing: float, everything: float) -> list[int]:
    """Whole numbers nearest to ``points`` among those that add up, as ``nothing`` and ``everything`` are rounded: largest remainders.

    >>> whole_points([30.4, 19.4], 12.6, 62.4)
    [30, 19]
    >>> whole_points([30.5, 19.5], 12.4, 62.4)
    [31, 19]
    """
    exact = np.asarray(points, float)
    whole = np.floor(exact).astype(int)
    missing = round(everything) - round(nothing) - int(whole.sum())
    order = np.argsort(-(exact - whole), kind="stable")
    whole[order[:missing] if missing >= 0 else order[missing:]] += np.sign(missing)
    return whole.tolist()

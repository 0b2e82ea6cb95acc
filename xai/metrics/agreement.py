"""Do the explanations agree? Rank correlation between all methods that speak of the same parts.

Krishna et al. 2022, The disagreement problem in explainable machine learning (arXiv:2202.01602).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from xai.analysis import Analysis
from xai.explanation import Attribution, Columns, Contrast, FrameCells, Moments, Panel
from xai.masking import chosen_frames
from xai.methods import METHODS
from xai.metrics.stability import rank_correlation

_AGREE, _DISAGREE = 0.7, 0.3


@dataclass(frozen=True)
class Agreement:
    """How alike the explanations of one panel rank its parts.

    Attributes:
        methods: k titles.
        matrix: float64 (k, k), Spearman's ρ of each pair.
        sentence: what it comes to.
    """

    panel: Panel
    methods: tuple[str, ...]
    matrix: np.ndarray
    sentence: str


def agreement_of(analysis: Analysis, contrast: Contrast) -> list[Agreement]:
    """For each panel with two explanations or more: how far they agree about a contrast."""
    found = []
    for panel in Panel:
        own = {key: a for key, a in analysis.attributions.items() if a.parts.panel is panel}
        if len(own) > 1:
            values = [_ranked(analysis, a, contrast) for a in own.values()]
            matrix = np.array([[rank_correlation(a, b) for b in values] for a in values])
            titles = tuple(METHODS[key].title for key in own)
            found.append(Agreement(panel, titles, matrix, _sentence(titles, matrix)))
    return found


def _ranked(analysis: Analysis, attribution: Attribution, contrast: Contrast) -> np.ndarray:
    """The evidence of those parts that every method of its kind speaks of."""
    values = attribution.of(contrast)
    if isinstance(attribution.parts, FrameCells):
        return values[chosen_frames(analysis.subject)].ravel()
    return values[attribution.parts.present] if isinstance(attribution.parts, Columns | Moments) else values


def _sentence(titles: tuple[str, ...], matrix: np.ndarray) -> str:
    pairs = [(matrix[i, j], titles[i], titles[j]) for i in range(len(titles)) for j in range(i)]
    lowest, first, second = min(pairs)
    everyone = f"Both rank the parts alike ({lowest:.2f})" if len(titles) == 2 else f"All rank the parts alike (at least {lowest:.2f})"
    if lowest >= _AGREE:
        return f"{everyone}."
    how = "rank the parts differently" if lowest < _DISAGREE else "agree only in part"
    return f"{second} and {first} {how} ({lowest:.2f}): go by the one whose checks pass."

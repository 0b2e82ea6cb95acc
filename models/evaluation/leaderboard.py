"""All scores in the repository as one table: every model, protocol and state."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product
from typing import TYPE_CHECKING, Any

from models.evaluation.protocols import PROTOCOLS
from models.registry import MODELS, read_result

if TYPE_CHECKING:
    import pandas as pd

_WITH_INTERVALS = ("right", "uar", "macro_f1", "calibration")


def leaderboard() -> pd.DataFrame:
    """A row for each model under each protocol in each state, where it was measured.

    Returns:
        Columns ``model``, ``protocol`` and ``shown`` (keys of MODELS and PROTOCOLS, and one of STATES); ``unseen``, whether nobody who
        was tested on was in the training; ``clips`` and ``actors`` that were tested on; ``right``, ``uar`` and ``macro_f1`` in [0, 1];
        ``calibration``, the expected calibration error after scaling. Each of these four is followed by the bounds of its 95 %
        interval: ``…_low``, ``…_high``. People who were not in training come first, and of these what is right most often.

    >>> board = leaderboard()
    >>> bool(board.unseen.iloc[0]), bool(board.unseen.iloc[-1])
    (True, False)
    """
    import pandas as pd

    rows = [
        _row(model, protocol, state, scores)
        for protocol, model in product(PROTOCOLS, MODELS)
        for state, scores in (read_result(protocol, model) or {"states": {}})["states"].items()
    ]
    board = pd.DataFrame(rows, columns=_columns())
    return board.sort_values(["unseen", "right"], ascending=False, kind="stable", ignore_index=True)


def interval(low: float, high: float) -> str:
    """Bounds in whole percent; as texts they sort as the bounds do.

    >>> interval(0.6607, 0.8214), interval(0.04, 0.125)
    ('66–82 %', '04–12 %')
    """
    return f"{100 * low:02.0f}–{100 * high:02.0f} %"


def _columns() -> list[str]:
    figures = [f"{figure}{end}" for figure in _WITH_INTERVALS for end in ("", "_low", "_high")]
    return ["model", "protocol", "shown", "unseen", "clips", "actors", *figures]


def _row(model: str, protocol: str, state: str, scores: Mapping[str, Any]) -> dict[str, Any]:
    found = (scores["accuracy"], scores["uar"], scores["macro_f1"], scores["calibration"]["after"])
    figures = [triple[key] for triple in found for key in ("value", "low", "high")]
    unseen = PROTOCOLS[protocol].speaker_independent
    return dict(zip(_columns(), [model, protocol, state, unseen, scores["clips"], scores["actors"], *figures], strict=True))

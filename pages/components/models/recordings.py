"""What a model said of each recording that it had not learned from."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st
from scipy.special import softmax

from models.data.ravdess import file_name
from models.evaluation.predictions import Prediction, read_predictions
from models.labels import LABELS
from models.registry import result_path
from pages.components.session.state import Key

_MODALITY = {"both": 1, "voice": 3, "face": 2}  # in the names of RAVDESS's files
_SURE = (
    "Scaled probability of the named emotion, by a model trained without this recording. The page Analyze has one that has learned "
    "from it, and will differ."
)
_SHOWN = {"both": "voice and face", "voice": "voice", "face": "face"}


def show_clips(result: dict[str, Any], state: str) -> None:
    """A table of the recordings, the surest mistakes first, and all that was said as a file."""
    path = result_path(result["protocol"], result["model"]).with_suffix(".npz")
    if not path.exists():
        return
    with st.expander("Recording by recording: where was it sure, and wrong?", icon=":material/table_rows:"):
        rows = pd.DataFrame(said_of_each(_read(path), state, result["states"][state]["temperatures"]))
        st.dataframe(
            surest_mistakes_first(rows),
            hide_index=True,
            column_config={
                "recording": st.column_config.TextColumn("Recording", help="Its name in RAVDESS; the last two digits are the actor."),
                "portrayed": "Portrayed",
                "named": "Named",
                "seed": st.column_config.NumberColumn("Training", help="The random seed of the training: each judged every recording."),
                "sure": st.column_config.ProgressColumn("Sure", format="percent", min_value=0, max_value=1, help=_SURE),
            },
        )
        st.caption("Its surest mistakes come first, what it was right about last. A click on a heading sorts otherwise.")
        st.download_button(
            "Every prediction (CSV)",
            lambda: as_csv(path, result),
            f"emolens-{result['protocol']}-{result['model']}.csv",
            "text/csv",
            key=Key.DOWNLOAD_PREDICTIONS,
            on_click="ignore",
            icon=":material/download:",
            help="All eight probabilities for every recording, with voice and face, and with either alone where that was measured.",
        )


def said_of_each(found: list[Prediction], state: str, temperatures: dict[str, float]) -> Iterator[dict[str, Any]]:
    """A row for each recording in one state, as it is: its published name, what it portrays, and the probabilities it was given.

    Args:
        temperatures: of each split.
    """
    for p in found:
        if p.change is None and p.state == state:
            for key, label, row in zip(p.keys, p.label, softmax(p.logits.astype(float) / temperatures[str(p.split)], axis=1), strict=True):
                what = {"recording": file_name(key, _MODALITY[state], ""), "shown": _SHOWN[state], "split": p.split + 1, "seed": p.seed}
                said = {"portrayed": LABELS[label], "named": LABELS[int(row.argmax())]}
                yield what | said | dict(zip(LABELS, row.round(4).tolist(), strict=True))


def as_csv(path: Path, result: dict[str, Any]) -> str:
    """:func:`said_of_each` in all states."""
    rows = [row for state, scores in result["states"].items() for row in said_of_each(_read(path), state, scores["temperatures"])]
    return pd.DataFrame(rows).to_csv(index=False)


def surest_mistakes_first(rows: pd.DataFrame) -> pd.DataFrame:
    """What each of the rows of :func:`said_of_each` portrays, what it was called, and how surely; of several trainings, by which."""
    trained = ["seed"] if rows["seed"].nunique() > 1 else []
    short = rows[["recording", "portrayed", "named", *trained]].assign(sure=rows[list(LABELS)].max(axis=1))
    right = short["portrayed"] == short["named"]
    ordered = short.assign(right=right).sort_values(["right", "sure"], ascending=[True, False], kind="stable")
    return ordered.drop(columns="right").round({"sure": 2})


@lru_cache(maxsize=4)
def _read(path: Path) -> list[Prediction]:
    return read_predictions(path)[0]

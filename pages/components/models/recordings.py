"""What a model predicted for each recording that was not in its training."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

import streamlit as st

from models.evaluation.predictions import Prediction, read_predictions
from models.evaluation.recordings import as_csv, rows_in, surest_mistakes_first
from models.registry import result_path
from pages.components.session.keys import Key

_SURE = (
    "Scaled probability of the named emotion, by a model trained without this recording. The page Analyze has one that has learned "
    "from it, and will differ."
)


def show_clips(result: dict[str, Any], state: str) -> None:
    """A table of the recordings, the surest mistakes first, and every prediction as a file."""
    path = result_path(result["protocol"], result["model"]).with_suffix(".npz")
    if not path.exists():
        return
    with st.expander("Recording by recording: where was it sure, and wrong?", icon=":material/table_rows:"):
        st.dataframe(
            surest_mistakes_first(rows_in(_read(path), state, result["states"][state]["temperatures"])),
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
            lambda: as_csv(_read(path), result),
            f"emolens-{result['protocol']}-{result['model']}.csv",
            "text/csv",
            key=Key.DOWNLOAD_PREDICTIONS,
            on_click="ignore",
            icon=":material/download:",
            help="All eight probabilities for every recording, with voice and face, and with either alone where that was measured.",
        )


@lru_cache(maxsize=4)
def _read(path: Path) -> list[Prediction]:
    return read_predictions(path)[0]

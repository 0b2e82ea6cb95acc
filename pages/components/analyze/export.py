"""Take the result home: the numbers as JSON, or everything as a ZIP."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import streamlit as st

from pages.components.session.state import Key

if TYPE_CHECKING:
    from xai.analysis import Analysis
    from xai.score import Trust


def show_export(analysis: Analysis, target: int, against: int | None, trust: Callable[[], Mapping[str, Trust]]) -> None:
    """Download buttons for the comparison in the foreground. Files are made only when a button is pressed.

    Args:
        trust: what has been measured by then.
    """
    from xai.render.export import to_dict, to_zip

    st.divider()
    st.markdown("##### Export")
    row = st.container(horizontal=True)
    row.download_button(
        "Numbers (JSON)",
        lambda: json.dumps(to_dict(analysis, target, against, trust()), indent=1),
        "emolens-result.json",
        "application/json",
        key=Key.DOWNLOAD_JSON,
        on_click="ignore",
        icon=":material/data_object:",
    )
    row.download_button(
        "Everything (ZIP)",
        lambda: to_zip(analysis, target, against, trust()),
        "emolens-result.zip",
        "application/zip",
        key=Key.DOWNLOAD_ZIP,
        on_click="ignore",
        icon=":material/folder_zip:",
        help="A summary, the numbers, and a picture of every explanation for all eight emotions.",
    )

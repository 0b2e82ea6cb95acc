"""Take the result home: the numbers as JSON, or everything as a ZIP."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

import streamlit as st

from pages.components.session.keys import Key
from pages.components.session.state import Drawer

if TYPE_CHECKING:
    from xai.explanation import Contrast


def show_export(kept: Drawer, contrast: Contrast, shown: Sequence[str]) -> None:
    """Download buttons for the contrast in the foreground. Files are made only when a button is pressed.

    They hold every explanation that was computed by then, and the trust that was measured.

    Args:
        shown: methods in the foreground, whose evidence is read out.
    """
    from xai.render.export import to_dict, to_zip

    st.divider()
    st.markdown("##### Export")
    row = st.container(horizontal=True)
    row.download_button(
        "Numbers (JSON)",
        lambda: json.dumps(to_dict(kept.analysis, contrast, kept.trust(contrast), shown), indent=1),
        "emolens-result.json",
        "application/json",
        key=Key.DOWNLOAD_JSON,
        on_click="ignore",
        icon=":material/data_object:",
    )
    row.download_button(
        "Everything (ZIP)",
        lambda: to_zip(kept.analysis, contrast, kept.trust(contrast), shown),
        "emolens-result.zip",
        "application/zip",
        key=Key.DOWNLOAD_ZIP,
        on_click="ignore",
        icon=":material/folder_zip:",
        help="A summary, the numbers, and a picture of every explanation for all eight emotions.",
    )

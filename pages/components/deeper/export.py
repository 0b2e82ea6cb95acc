"""Take the result home: the numbers as JSON, or everything as a ZIP."""

from __future__ import annotations

import json

import streamlit as st

from pages.components.analyze.samples import SAMPLES
from pages.components.analyze.view import View
from pages.components.deeper.reproduce import show_reproduce
from pages.components.session.keys import Key
from pages.components.session.state import Drawer, Recording
from pages.components.session.wording import technical


def show_export(kept: Drawer, view: View, recording: Recording) -> None:
    """Download buttons for what is in the foreground, and how to make it again. Files are made only when a button is pressed.

    They hold every explanation that was computed by then, and the trust that was measured.
    """
    from xai.render.export import to_dict, to_zip

    # The files are made outside this run, where the session cannot be asked: all that they need is bound here.
    contrast, shown, terms = view.contrast, list(view.shown.values()), technical()
    row = st.container(horizontal=True)
    row.download_button(
        "Numbers (JSON)",
        lambda: json.dumps(to_dict(kept.analysis, contrast, kept.trust(contrast), shown, terms, kept.opinion), indent=1),
        "emolens-result.json",
        "application/json",
        key=Key.DOWNLOAD_JSON,
        on_click="ignore",
        icon=":material/data_object:",
    )
    row.download_button(
        "Everything (ZIP)",
        lambda: to_zip(kept.analysis, contrast, kept.trust(contrast), shown, terms, kept.opinion),
        "emolens-result.zip",
        "application/zip",
        key=Key.DOWNLOAD_ZIP,
        on_click="ignore",
        icon=":material/folder_zip:",
        help="A summary, the numbers, and a picture of every explanation for all eight emotions.",
    )
    st.caption("Files are made when you ask for them, and say what this page says. To print the result, use the browser's own command.")
    if technical():
        sample = st.session_state.get(Key.SAMPLE_SHOWN)
        stem = f"pages/sample/{SAMPLES[sample].video.removesuffix('.mp4')}" if sample else None
        show_reproduce(kept.analysis, contrast, shown, stem, recording)

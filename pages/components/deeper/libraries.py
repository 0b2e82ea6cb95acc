"""The same clip through the stock libraries: how far do our own fast versions differ?"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import streamlit as st

from pages.components.analyze.jobs import ask, asked_key
from pages.components.session.keys import Key
from pages.components.session.state import Drawer

if TYPE_CHECKING:
    from xai.explanation import Say
    from xai.reference import Comparison


_NAME = "libraries"


def show_libraries(kept: Drawer) -> None:
    """A button that says what it takes, then a table, kept for this visitor."""
    st.markdown("### The same clip through the libraries")
    st.caption(
        "EmoLens computes with its own fast versions of what librosa, lime, shap and pytorch-grad-cam do. "
        "Here this clip goes through the libraries themselves."
    )
    if kept.comparisons is None and _NAME not in kept.asked:
        st.button(
            "Run the libraries on this clip (about 10 s and 200 MB)",
            key=Key.COMPARE_LIBRARIES,
            icon=":material/play_arrow:",
            on_click=ask,
            args=(kept, _NAME, partial(_compare, kept)),
        )
    elif kept.work.failed(asked_key(kept, _NAME)):
        st.error("The libraries could not be run on this clip.", icon=":material/error:")
    elif isinstance(kept.comparisons, str):
        st.info(kept.comparisons, icon=":material/download:")
    elif kept.comparisons is None:
        st.caption(":material/hourglass_top: The libraries are at work…")
    else:
        _show(kept.comparisons)


def _compare(kept: Drawer, say: Say) -> None:
    from xai.reference import compare_with_libraries

    say("Loading the libraries…")
    try:
        kept.comparisons = compare_with_libraries(kept.analysis, say)
    except ImportError as error:
        kept.comparisons = f"{error.name} is not installed on this server. The command is: pip install {error.name}"


def _show(comparisons: list[Comparison]) -> None:
    st.dataframe(
        [
            {
                "what": found.what,
                "library": found.library,
                "largest difference": f"{found.largest:.2g} of {found.scale:.3g} ({found.unit})",
                "rank correlation": f"{found.correlation:.4f}",
                "took": f"{found.seconds:.1f} s",
            }
            for found in comparisons
        ],
        hide_index=True,
    )
    st.markdown("\n".join(f"- **{found.what}**: {found.meaning}" for found in comparisons))

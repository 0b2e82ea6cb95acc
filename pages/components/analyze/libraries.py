"""The same clip through the stock libraries: how far do our own fast versions differ?"""

from __future__ import annotations

import streamlit as st

from pages.components.session.keys import Key
from pages.components.session.run import log_place, turn_with_words
from pages.components.session.state import Drawer


def show_libraries(kept: Drawer) -> None:
    """A button that says what it takes, then a table, kept for this visitor."""
    with st.expander("Check against the libraries", icon=":material/fact_check:"):
        st.caption(
            "EmoLens computes with its own fast versions of what librosa, lime, shap and pytorch-grad-cam do. "
            "Here this clip goes through the libraries themselves."
        )
        place = st.empty()
        if kept.comparisons is None and place.button(
            "Run the libraries on this clip (about 10 s and 200 MB)", key=Key.COMPARE_LIBRARIES, icon=":material/play_arrow:"
        ):
            with place.container():
                _compare(kept)
        _show(kept)


def _compare(kept: Drawer) -> None:
    from xai.reference import compare_with_libraries

    try:
        with turn_with_words(urgent=False) as say:
            say("Loading the libraries…")
            kept.comparisons = compare_with_libraries(kept.analysis, say)
    except ImportError as error:
        st.info(f"{error.name} is not installed on this server. The command is: pip install {error.name}", icon=":material/download:")
    except Exception as error:
        log_place("comparison with the libraries", error)
        st.error("The libraries could not be run on this clip.", icon=":material/error:")


def _show(kept: Drawer) -> None:
    if not kept.comparisons:
        return
    st.dataframe(
        [
            {
                "what": found.what,
                "library": found.library,
                "largest difference": f"{found.largest:.2g} of {found.scale:.3g} ({found.unit})",
                "rank correlation": f"{found.correlation:.4f}",
                "took": f"{found.seconds:.1f} s",
            }
            for found in kept.comparisons
        ],
        hide_index=True,
    )
    st.markdown("\n".join(f"- **{found.what}**: {found.meaning}" for found in kept.comparisons))

"""Do the explanations of one panel agree with each other?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from pages.components.analyze.trust import title_of
from pages.components.charts.analysis import agreement_chart
from pages.components.charts.draw import draw
from pages.components.session.keys import Key
from pages.components.session.run import log_place, turn_with_words
from pages.components.session.state import Drawer

if TYPE_CHECKING:
    from xai.explanation import Contrast


def show_agreement(kept: Drawer, contrast: Contrast) -> None:
    """A small matrix for each panel of which more than one method was computed, and a button for all the others."""
    from xai.methods import methods_of

    with st.expander("Do the explanations agree?", icon=":material/compare:"):
        missing = [key for key in methods_of(kept.analysis.subject) if key not in kept.analysis.attributions]
        place = st.empty()
        if missing and place.button(
            f"Compare all methods ({len(missing)} more, about {max(1, round(len(missing) / 4))} minutes)",
            key=Key.COMPARE_METHODS,
            icon=":material/play_arrow:",
            help=f"Computes the {len(missing)} that have not been asked for yet: up to a minute each on a slow server.",
        ):
            with place.container():
                _compute(kept, missing)
        _show(kept, contrast)


def _compute(kept: Drawer, missing: list[str]) -> None:
    """A turn of the queue for each, so that others can pass in between."""
    from xai.methods import METHODS

    for number, key in enumerate(missing, 1):
        title = METHODS[key].title
        try:
            with turn_with_words(urgent=False) as say:
                say(f"Computing {title} ({number} of {len(missing)})…")
                kept.analysis = kept.analysis.with_attribution(key, say)
        except Exception as error:
            log_place(title, error)
            st.caption(f":material/error: {title} could not be computed for this recording.")


def _show(kept: Drawer, contrast: Contrast) -> None:
    from xai.metrics.agreement import agreement_of

    found = agreement_of(kept.analysis, contrast)
    for agreement in found:
        st.markdown(f"**{title_of(agreement.panel)}**: {agreement.sentence}")
        draw(agreement_chart(agreement), f"chart-agreement-{agreement.panel}", f"Agreement of the methods: {agreement.sentence}")
    if not found:
        st.caption("One method was asked for in each panel so far: there is nothing to compare it with.")

"""Do the explanations of one panel agree with each other?"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import streamlit as st

from pages.components.analyze.jobs import ask, asked_key, compute
from pages.components.analyze.trust import title_of
from pages.components.charts.draw import draw
from pages.components.session.keys import Key
from pages.components.session.state import Drawer

if TYPE_CHECKING:
    from xai.explanation import Contrast


def show_agreement(kept: Drawer, contrast: Contrast) -> None:
    """A small matrix for each panel of which more than one method was computed, and a button for all the others."""
    from xai.methods import METHODS, methods_of

    missing = [key for key in methods_of(kept.analysis.subject) if key not in kept.analysis.attributions]
    asked = [key for key in missing if key in kept.asked and not kept.work.failed(asked_key(kept, key))]
    if asked:
        st.caption(f":material/hourglass_top: {len(asked)} to go, {METHODS[asked[0]].title} next. What is ready appears here.")
    elif missing:
        st.button(
            f"Compare all methods ({len(missing)} more, about {max(1, round(len(missing) / 4))} minutes)",
            key=Key.COMPARE_METHODS,
            icon=":material/play_arrow:",
            on_click=_ask_all,
            args=(kept, missing),
            help=f"Computes the {len(missing)} that have not been asked for yet: up to a minute each on a slow server.",
        )
    _show(kept, contrast)


def _ask_all(kept: Drawer, missing: list[str]) -> None:
    for method in missing:
        ask(kept, method, partial(compute, kept, method))


def _show(kept: Drawer, contrast: Contrast) -> None:
    from pages.components.charts.analysis import agreement_chart
    from xai.metrics.agreement import agreement_of

    found = agreement_of(kept.analysis, contrast)
    for agreement in found:
        st.markdown(f"**{title_of(agreement.panel)}**: {agreement.sentence}")
        draw(agreement_chart(agreement), f"chart-agreement-{agreement.panel}", f"Agreement of the methods: {agreement.sentence}")
    if not found:
        st.caption("One method was asked for in each panel so far: there is nothing to compare it with.")

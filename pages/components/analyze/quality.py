"""Is this clip like what the model knows? Said before a probability is, where too much is wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from pages.components.session.keys import Key

if TYPE_CHECKING:
    from xai.analysis import Analysis

_ICONS = {"green": ":green[:material/check_circle:]", "amber": ":orange[:material/warning:]", "red": ":red[:material/block:]"}


def may_be_shown(analysis: Analysis) -> bool:
    """Whether the prediction is shown: at once, or after the visitor was told that the model should not be asked and insists."""
    if analysis.should_be_asked:
        return True
    failed = [f"{check.modality}: {check.words}" for check in analysis.checks if check.level == "red"]
    reasons = "\n".join(f"- {reason}" for reason in [*failed, *analysis.warnings])
    st.error(f"**The model should not be asked this.** It knows nothing like this recording:\n{reasons}", icon=":material/block:")
    return st.toggle("Show what it says nevertheless", key=f"{Key.INSIST}-{analysis.token}")


def show_checks(analysis: Analysis) -> None:
    """Every check of the recording, passed or not."""
    st.markdown("  \n".join(f"{_ICONS[check.level]} {check.modality}: {check.words}" for check in analysis.checks))
    st.caption("They say whether the model can be asked, not whether its answer is right.")

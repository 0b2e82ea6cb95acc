"""The weight of every feature."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from features import Modality
from pages.components.analyze.evidence import draw_in_short
from pages.components.analyze.trust import show_badge
from pages.components.analyze.view import View
from pages.components.board.style import signed
from pages.components.board.weights import weights_html
from pages.components.deeper.notes import show_method
from pages.components.session.keys import Key
from pages.components.session.wording import technical

if TYPE_CHECKING:
    from pages.components.session.state import Drawer
    from xai.analysis import Analysis
    from xai.explanation import Attribution, Contrast


def show_numbers(kept: Drawer, view: View) -> None:
    """The features of each modality that is there, their sums, and notes."""
    from xai.column_sums import by_modality
    from xai.explanation import Moments, Panel
    from xai.methods import METHODS

    analysis, contrast = kept.analysis, view.contrast
    attribution = analysis.attributions[view.shown[Panel.WEIGHED]]
    totals, values = by_modality(attribution, contrast), attribution.shown(contrast)
    show_badge(kept, attribution.method, contrast, "numbers")
    picture = METHODS[attribution.method].picture
    if isinstance(attribution.parts, Moments):
        _show_moments(kept, view, attribution, picture)
    else:
        for place, modality in zip(st.columns([3, 2]), Modality, strict=True):
            if modality in analysis.features.parts:
                with place:
                    st.markdown(f"**{modality.noun.capitalize()} {signed(totals[modality], 2)}**")
                    _SHOWN[modality](kept, view, attribution.parts.part(values, modality), picture)  # type: ignore[attr-defined]
    _say_contradiction(analysis, attribution, contrast)
    show_method(attribution, _left_over(analysis, attribution, contrast))


def _left_over(analysis: Analysis, attribution: Attribution, contrast: Contrast) -> str:
    from xai.methods.shap import left_over

    if "residual" not in attribution.extras:
        return ""
    return (
        f"Its values add up to the model's logit for this clip minus that for what it is compared with; here "
        f"{left_over(attribution, contrast):.1%} is left over. Compared with {attribution.baseline}."
    )


def _voice(kept: Drawer, view: View, values: np.ndarray, picture: str) -> None:
    """Its plain properties, or in technical words the strongest single MFCCs and the sum of the others."""
    from xai.column_sums import strongest_mfccs, voice_properties

    every = technical() and st.toggle("Every number by name", key=Key.MFCC)
    rows = strongest_mfccs(values) if every else voice_properties(values, technical())
    st.html(weights_html(rows, "logit" if technical() else ""))


def _face(kept: Drawer, view: View, values: np.ndarray, picture: str) -> None:
    """The face's numbers drawn onto the face: an explanation of its own, with a badge of its own."""
    found = kept.analysis.attributions.get(picture)
    if found is not None:
        trust = show_badge(kept, picture, view.contrast, "face-picture")
        draw_in_short(kept.analysis, found, view.contrast, trust)
        st.caption("The numbers of the face, drawn where they come from; checked as heat is: by removal.")


def _show_moments(kept: Drawer, view: View, attribution: Attribution, picture: str) -> None:
    """Half seconds of the voice and frames of the face on one clock, and where on the face the latter's numbers come from."""
    trust = kept.trust(view.contrast, [attribution.method]).get(attribution.method)
    draw_in_short(kept.analysis, attribution, view.contrast, trust)
    st.caption("One bar for each half second of speech as the encoder hears it, and one for each frame of the face until the next.")
    if Modality.VIDEO in kept.analysis.features.parts:
        _face(kept, view, attribution.values, picture)


_SHOWN = {Modality.AUDIO: _voice, Modality.VIDEO: _face}


def _say_contradiction(analysis: Analysis, attribution: Attribution, contrast: Contrast) -> None:
    from xai.column_sums import contradicted

    turned = contradicted(analysis, attribution, contrast)
    if turned:
        from xai.methods.shapley_sampling import NOTHING

        nouns = " and the ".join(modality.noun for modality in turned)
        why = f"there it is compared with {NOTHING}, here with {attribution.baseline}"
        if attribution.baseline == NOTHING:
            why = "there it is counted in points of probability, here in logits"
        st.caption(f":material/swap_vert: About the {nouns} this and the top of the page disagree: {why}. Do not read its direction.")

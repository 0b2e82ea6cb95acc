"""The weight of every feature."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from features import SPACE, Modality
from pages.components.analyze.notes import show_method
from pages.components.charts.analysis import voice_weights_chart
from pages.components.charts.draw import draw
from pages.components.session.keys import Key

if TYPE_CHECKING:
    from xai.analysis import Analysis
    from xai.explanation import Attribution, Contrast


def show_columns(analysis: Analysis, attribution: Attribution, contrast: Contrast, area: str) -> None:
    """The features of each modality that is there, their sums, and notes.

    Args:
        area: key of the container of what is struck through if it fails its checks.
    """
    from xai.column_sums import by_modality
    from xai.methods import METHODS
    from xai.methods.shap import left_over

    totals, values = by_modality(attribution, contrast), attribution.shown(contrast)
    places = st.container(key=area).columns([3, 2])
    for place, modality in zip(places, SPACE.columns, strict=True):
        if modality in analysis.features.parts:
            with place:
                st.markdown(f"**{modality.noun.capitalize()} {totals[modality]:+z.2f}**")
                _SHOWN[modality](analysis, SPACE.part(values, modality), METHODS[attribution.method].title)
    _say_contradiction(analysis, attribution, contrast)
    more = ""
    if "residual" in attribution.extras:
        more = (
            "Its values add up to the model's logit for this clip minus its average over "
            f"{len(analysis.model.reference)} pairs made of training voices and faces; "
            f"here {left_over(attribution, contrast):.1%} is left over. "
            "Compared with other clips, not with nothing, so the shares may differ from those at the top."
        )
    show_method(attribution, more)


def _voice(analysis: Analysis, values: np.ndarray, method: str) -> None:
    every = st.toggle("Every number by name", key=Key.MFCC)
    draw(voice_weights_chart(values, method, every), "chart-weights", f"{method} values of the voice")


def _face(analysis: Analysis, values: np.ndarray, method: str) -> None:
    from xai.render.overlay import face_evidence_picture

    assert analysis.features.video is not None
    st.image(
        face_evidence_picture(analysis.features.video, values),
        caption="The 512 face features as one picture: warm speaks for, cool against. The sums are checked, the drawing is not.",
        width=300,
        output_format="JPEG",
        alt=f"Face with the {method} values of all face features",
    )


_SHOWN = {Modality.AUDIO: _voice, Modality.VIDEO: _face}


def _say_contradiction(analysis: Analysis, attribution: Attribution, contrast: Contrast) -> None:
    from xai.column_sums import contradicted

    turned = contradicted(analysis, attribution, contrast)
    if turned:
        nouns = " and the ".join(modality.noun for modality in turned)
        st.caption(
            f":material/swap_vert: About the {nouns} this and the top of the page disagree: there it is compared with "
            "nothing heard and nothing seen, here with other people's clips. Do not read its direction."
        )

"""The card of a checkpoint: what it learned from, what it is not for, how it learned, where it comes from."""

from __future__ import annotations

import streamlit as st

from features import Modality
from models.networks import ModelError
from models.registry import LICENCE, MODELS, ModelSpec
from pages.components.charts.analysis import loss_chart
from pages.components.charts.draw import draw
from pages.components.models.own import model_named, offered

LIMITS = (
    "Actors portraying emotions, not people feeling them: no clinical validity, **not for diagnosis**, not for decisions about anybody.",
    "Two sentences in North American English by 24 professional actors; other languages, children and conversations were not in it.",
)
_FEW_FACES = "Moving faces of two actors only, both men; figures about faces say little about anybody else."
_NOT_MEASURED = ("Brought along: no clinical validity is known, **not for diagnosis**, not for decisions about anybody.",)
_FLAT = (
    "It flattens because the steps become ever smaller, and tells nothing about unseen speakers. Losses of different kinds do not compare."
)


def show_model_card(name: str) -> None:
    """Everything a checkpoint says about itself."""
    try:
        model, spec = model_named(name), offered()[name]
    except ModelError as error:
        st.error(str(error), icon=":material/error:")
        return
    info, own = model.info, name in MODELS
    st.markdown(f"##### {spec.title}\n{spec.what} {spec.why}")
    left, right = st.columns(2)
    with left:
        st.markdown(f"**Learned from** {info.get('trained_on', 'nothing that is known')}.")
        st.markdown(f"**Licence** {info.get('licence', LICENCE if own else 'not known: ask whoever made it')}.")
        count = sum(p.numel() for p in model.classifier.parameters())
        size = f"{count:,} parameters" if own else f"{info['megabytes']} MB"
        st.markdown(f"**Size** {size}, on {spec.reads}.")
    with right:
        limits = (*LIMITS, *[_FEW_FACES] * (Modality.VIDEO in spec.modalities)) if own else (*_NOT_MEASURED, *model.notes)
        st.markdown("**Limits**")
        st.markdown("\n".join(f"- {line}" for line in limits))
    with st.expander("How it learned", icon=":material/trending_down:", expanded=True):
        if info.get("history") and isinstance(spec, ModelSpec):
            loss, meaning = spec.loss(info.get("recipe", {}))
            draw(loss_chart(info["history"], loss), "chart-loss", "Training loss by epoch")
            st.caption(f"{meaning} {_FLAT}")
        else:
            st.caption(spec.no_curve)
    with st.expander("Provenance and settings", icon=":material/fingerprint:"):
        settings = {key: value for key, value in info.items() if key != "history"}
        alone = {modality.noun: value for modality, value in (model.alone or {}).items()}
        st.json({"sha256": model.digest, "temperature": model.temperature, "temperatures alone": alone or None, **settings}, expanded=1)

"""The card of a checkpoint: what it learned from, what it is not for, how it learned, where it comes from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from features import N_AUDIO, N_VISUAL
from models.registry import LICENCE, MODELS
from pages.components.charts.analysis import loss_chart
from pages.components.charts.draw import draw

if TYPE_CHECKING:
    from models.checkpoint import Checkpoint

LIMITS = (
    "Actors portraying emotions, not people feeling them: no clinical validity, **not for diagnosis**, not for decisions about anybody.",
    "Two sentences in North American English by 24 professional actors; other languages, children and conversations were not in it.",
)
_FEW_FACES = "Moving faces of two actors only, both men; figures about faces say little about anybody else."
_LOSSES = {
    "fused": (
        "squared distance × 0.2",
        "Loss in training: the mean squared distance of its logits from what its teachers ask for and, of a voice or a face alone, a "
        "little from the label; and how far what it says of altered pairs is from what it says of the same ones unaltered.",
    ),
    "others": ("cross-entropy (nats)", "Loss in training: how little probability it gave to the wanted answers."),
}
_FLAT = "It flattens because the steps become ever smaller, and says nothing about strangers. Losses of different kinds do not compare."
_WITHOUT_CURVE = {
    "late-fusion": "It is made of *Voice only* and *Face only*, without more training: their cards have the curves.",
    "linear": "Its best weights are computed at once, so there is no curve.",
}


def show_model_card(name: str) -> None:
    """Everything a checkpoint says about itself."""
    from models.checkpoint import load_model

    model, words = load_model(name), MODELS[name]
    info = model.info
    st.markdown(f"##### {words.title}\n{words.what} {words.why}")
    left, right = st.columns(2)
    with left:
        st.markdown(f"**Learned from** {info.get('trained_on', 'nothing that is known')}.")
        st.markdown(f"**Licence** {LICENCE}.")
        count = sum(p.numel() for p in model.classifier.parameters())
        st.markdown(f"**Size** {count:,} parameters, on {_read_by(model)}.")
    with right:
        st.markdown("**Limits**")
        st.markdown("\n".join(f"- {line}" for line in (*LIMITS, *[_FEW_FACES] * model.sees)))
    with st.expander("How it learned", icon=":material/trending_down:", expanded=True):
        if info.get("history"):
            loss, meaning = _LOSSES["fused" if name == "fused" and info.get("recipe", {}).get("teachers") else "others"]
            draw(loss_chart(info["history"], loss), "chart-loss", "Training loss by epoch")
            st.caption(f"{meaning} {_FLAT}")
        else:
            st.caption(_WITHOUT_CURVE.get(name, "How its loss fell was not kept."))
    with st.expander("Provenance and settings", icon=":material/fingerprint:"):
        settings = {key: value for key, value in info.items() if key != "history"}
        st.json({"sha256": model.digest, "temperature": model.temperature, "temperatures alone": model.alone, **settings}, expanded=1)


def _read_by(model: Checkpoint) -> str:
    """The numbers that a classifier is given, in words."""
    if model.architecture == "av-tokens":
        return f"{N_AUDIO} MFCCs of every moment of the voice and {N_VISUAL} features of each face"
    return f"{N_AUDIO * model.hears + N_VISUAL * model.sees} features"

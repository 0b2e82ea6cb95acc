"""The card of a checkpoint: what it learned from, its scores with their protocol, its loss curve."""

from __future__ import annotations

import streamlit as st

from pages.components.charts import CONFIG, loss_chart


def show_model_card() -> None:
    """Everything a checkpoint says about itself."""
    from models.checkpoint import load_model

    model = load_model()
    info = model.info
    st.markdown(f"##### {model.name}: a Transformer on {len(model.mean)} numbers")
    st.markdown(info.get("trained_on", "Nothing is known about its training."))
    scores = info.get("held_out")
    if scores:
        _scores(scores)
    if info.get("history"):
        with st.expander("How it learned", icon=":material/trending_down:"):
            st.plotly_chart(loss_chart(info["history"]), config=CONFIG, key="chart-loss", alt="Training loss by epoch")
            st.caption("Loss: how far its answers were from the wanted ones. A curve that flattens has learned what it can.")
    with st.expander("Provenance and settings", icon=":material/fingerprint:"):
        st.json({"sha256": model.digest, "temperature": model.temperature, **{k: v for k, v in info.items() if k != "history"}}, expanded=1)


def _scores(scores: dict) -> None:
    st.markdown("##### How often it is right about an actor it has never seen or heard")
    st.caption(
        f"The actor's voice and face were left out of training altogether; {scores['seeds']} trainings each. "
        "Guessing would be right one time in eight."
    )
    rows = [
        {
            "actor left out": f"{int(actor):02d}",
            "clips": row["clips"],
            "voice and face": f"{row['accuracy']['both']:.0%}",
            "face alone": f"{row['accuracy']['face']:.0%}",
            "voice alone": f"{row['accuracy']['voice']:.0%}",
            "lowest and highest training": "{:.0%} – {:.0%}".format(*row["range"]),
        }
        for actor, row in scores["actors"].items()
    ]
    st.dataframe(rows, hide_index=True)
    st.caption("Faces of only two actors were available, both men: these figures say little about anybody else.")

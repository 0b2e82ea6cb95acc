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
        st.markdown("##### Loss while it learned")
        st.plotly_chart(loss_chart(info["history"]), config=CONFIG, key="chart-loss", alt="Training loss by epoch")
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
            "voice and face": row["accuracy"]["both"],
            "face alone": row["accuracy"]["face"],
            "voice alone": row["accuracy"]["voice"],
            "lowest and highest training": "{:.0%} – {:.0%}".format(*row["range"]),
        }
        for actor, row in scores["actors"].items()
    ]
    percent = st.column_config.NumberColumn(format="percent")
    st.dataframe(rows, hide_index=True, column_config=dict.fromkeys(("voice and face", "face alone", "voice alone"), percent))
    st.caption("Faces of only two actors were available, both men: these figures say little about anybody else.")

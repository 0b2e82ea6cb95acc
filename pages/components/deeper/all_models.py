"""Every model on the visitor's recording: what each recognises, why, and how often it is right elsewhere."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import streamlit as st

from features import Modality
from models.registry import MODELS
from pages.components.analyze.jobs import ask, asked_key
from pages.components.session.keys import Key
from pages.components.session.state import Drawer, Recording, drawers_of

if TYPE_CHECKING:
    import pandas as pd
    from pandas.io.formats.style import Styler

    from xai.explanation import Contrast, Say
    from xai.model_level.all_models import Answer

_NAME = "all models"
_CHOSEN = "background-color: rgba(240, 136, 62, 0.22); font-weight: 600"
_TRUST = {"green": "✓ true to the model", "amber": "⚠ read with care", "red": "✗ do not rely on it"}
_UNCHECKED, _NONE = "not checked", "–"


def show_all_models(recording: Recording, kept: Drawer, contrast: Contrast) -> None:
    """A button that says what it takes; then a table, kept for this visitor, whichever model is chosen next."""
    drawers = drawers_of(recording, kept)
    answers = next((drawer.answers for drawer in drawers.values() if drawer.answers), None)
    if answers is not None:
        _show(answers, drawers, kept, contrast)
    elif _NAME not in kept.asked:
        st.button(
            f"Ask all {len({*MODELS, kept.analysis.model.name})} models about this recording (a few seconds)",
            key=Key.ASK_ALL,
            icon=":material/groups:",
            on_click=ask,
            args=(kept, _NAME, partial(_ask_all, recording, kept)),
        )
    elif kept.work.failed(asked_key(kept, _NAME)):
        st.error("The other models could not be asked about this recording.", icon=":material/error:")
    else:
        st.caption(":material/hourglass_top: The models are being asked, one after another…")


def _ask_all(recording: Recording, kept: Drawer, say: Say) -> None:
    from xai.model_level.all_models import ask_all

    kept.answers = ask_all(recording.audio, recording.video, say=say, known=kept.analysis)


def _show(answers: list[Answer], drawers: dict[str, Drawer], kept: Drawer, contrast: Contrast) -> None:
    from xai.model_level.all_models import agreement

    st.markdown(agreement(answers))
    table = _table(answers, drawers, contrast)
    st.dataframe(
        _styled(table, [answer.name == kept.analysis.model.name for answer in answers]),
        hide_index=True,
        height="content",
        placeholder=_NONE,
        column_config=_columns(contrast),
        alt=f"What each of {len(answers)} models recognises. {agreement(answers)}",
    )
    for answer in answers:
        if answer.note:
            st.caption(f"*{answer.title}*: {answer.note}")
    st.caption(
        "They learned from the same clips, and most from the same numbers: that they agree is no proof. Shares are how much voice and "
        f"face move the probability of {contrast.label}, in either direction. A model whose explanations were not on screen yet is "
        f"*{_UNCHECKED}*: choose it, and they are."
    )


def _styled(table: pd.DataFrame, chosen: list[bool]) -> Styler:
    """The row of the chosen model marked."""
    return table.style.apply(lambda row: [_CHOSEN * chosen[row.name]] * len(row), axis=1)


def _table(answers: list[Answer], drawers: dict[str, Drawer], contrast: Contrast) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame([_row(answer, drawers.get(answer.name), contrast) for answer in answers])


def _row(answer: Answer, drawer: Drawer | None, contrast: Contrast) -> dict[str, str | float | None]:
    p = answer.probabilities
    return {
        "model": answer.title,
        "label": answer.label or "cannot judge it",
        "sure": None if p is None else 100 * float(p.max()),
        "target": None if p is None else 100 * float(p[contrast.target]),
        **{modality.noun: _share(answer, modality, contrast.target) for modality in Modality},
        "trust": _trust(drawer, contrast) if p is not None else _NONE,
        "record": _record(answer),
    }


def _share(answer: Answer, modality: Modality, target: int) -> str:
    if answer.split is None or modality not in answer.split.present:
        return _NONE
    if not answer.split.several:
        return "all of it"
    against = " against" * bool(answer.split.contribution(modality)[target] < 0)
    return f"{answer.shares(target)[modality]:.0%}{against}"


def _trust(drawer: Drawer | None, contrast: Contrast) -> str:
    """The worst of what was checked."""
    from xai.score import Trust

    scores = [score for trust in (drawer.trust(contrast) if drawer else {}).values() for score in trust.scores]
    return _TRUST[Trust(tuple(scores)).level] if scores else _UNCHECKED


def _record(answer: Answer) -> str:
    from models.evaluation.leaderboard import interval
    from models.evaluation.track_record import speaker_independent_scores

    scores = speaker_independent_scores(answer.name, answer.split.state) if answer.split else None
    return interval(scores["accuracy"]["low"], scores["accuracy"]["high"]) if scores else _NONE


def _columns(contrast: Contrast) -> dict:
    c = st.column_config
    return {
        "model": c.TextColumn("Model", pinned=True, width=132),
        "label": c.TextColumn("Recognises", width=112),
        "sure": c.ProgressColumn(
            "Sure", help="Probability of what it recognises.", format="%.0f %%", min_value=0, max_value=100, width=104
        ),
        "target": c.ProgressColumn(
            f"For {contrast.label}", help="Probability of the chosen emotion.", format="%.0f %%", min_value=0, max_value=100, width=110
        ),
        **{modality.noun: c.TextColumn(f"From the {modality.noun}", width=116) for modality in Modality},
        "trust": c.TextColumn("Explanations", help="The worst of what was checked of them for this emotion.", width=140),
        "record": c.TextColumn(
            "Right elsewhere",
            help="How often it is right on actors not in its training, 95 % interval, shown the same.",
            width=122,
        ),
    }

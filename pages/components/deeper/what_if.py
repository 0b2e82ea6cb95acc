"""What if: change the recording, and see at once what the model recognises then."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from features import MediaError, Modality
from models.labels import LABELS
from pages.components.analyze.jobs import ask, asked_key
from pages.components.session.keys import Key
from pages.components.session.queue import the_queue
from pages.components.session.state import Drawer, recent_analyses
from pages.components.session.wording import technical

if TYPE_CHECKING:
    from streamlit.delta_generator import DeltaGenerator

    from features import Features
    from features.audio import AudioFeatures
    from xai.analysis import Analysis
    from xai.counterfactuals.what_if import Points, WhatIf
    from xai.explanation import Say
    from xai.modality_split import ModalitySplit

_FLIPS = "flips"
_SAMPLE, _SAMPLE_VOICE = "the synthetic sample", Path(__file__).parents[2] / "sample" / "sample.wav"
_LEFT = {Modality.AUDIO: Key.IF_VOICE_LEFT, Modality.VIDEO: Key.IF_FACE_LEFT}
_LEFT_HELP = (
    "Less of it is closer to the average {noun} of all recordings that the model learned from; at 0 % there is none. It is no loudness "
    "and no brightness."
)
# Whether the page is light or dark, the colour of its text is the one that can be read.
_STYLE = """<style>
.if-table { width: 100%; border-collapse: collapse; font-size: 0.95rem; font-variant-numeric: tabular-nums; }
.if-table caption { text-align: left; font-weight: 600; padding-bottom: 0.3rem; }
.if-table th, .if-table td { padding: 0.25rem 0.75rem 0.25rem 0; border-bottom: 1px solid #8886; }
.if-table thead th { font-weight: 400; }
.if-table tbody th { font-weight: 400; text-align: left; }
.if-table .number { text-align: right; white-space: nowrap; width: 1%; }
.if-table .bars { width: 60%; }
.if-table .most, .if-table.sums tbody tr:last-child > * { font-weight: 600; }
.if-table.sums tbody tr:last-child > * { border-top: 2px solid currentColor; }
.if-bar { height: 0.5rem; margin: 2px 0; box-sizing: border-box; min-width: 2px; border: 1px solid currentColor; }
.if-bar.now { background: currentColor; }
</style>"""


@st.fragment
def show_what_if(kept: Drawer, target: int | None = None) -> None:
    """What is changed and how much of it is left; what comes of that, beside what was; below, the smallest change that flips it.

    Args:
        target: the class whose points are added up; the predicted one by default.
    """
    st.markdown("### What if…")
    analysis = kept.analysis
    change, other, name = _choose_change(analysis)
    left = _choose_left(analysis)
    _before_and_after(analysis, analysis.predicted if target is None else target, (change, other, name), left)
    _smallest_change(kept)


def _choose_change(analysis: Analysis) -> tuple[WhatIf, AudioFeatures | None, str]:
    """What is changed; the voice of another clip and its name where that is wanted."""
    from xai.counterfactuals.what_if import FACE_CHANGES, OTHER_VOICE, VOICE_CHANGES, WhatIf

    first, second = st.columns(2)
    present = analysis.modalities.present
    voices = VOICE_CHANGES if Modality.AUDIO in present else (VOICE_CHANGES[0], OTHER_VOICE)
    voice = first.selectbox("… the voice were", voices, key=Key.IF_VOICE, disabled=not analysis.model.judges(Modality.AUDIO))
    face = second.selectbox("… the face were", FACE_CHANGES, key=Key.IF_FACE, disabled=Modality.VIDEO not in present)
    cut, snr, other, name = 1000, 10, None, ""
    with first:
        if voice == "low notes only":
            cut = st.slider("Silent above", 200, 8000, 1000, 100, format="%d Hz", key=Key.IF_CUT)
        elif voice == "noisy":
            snr = st.slider("Voice above noise", -10, 40, 10, 1, format="%d dB", key=Key.IF_NOISE)
        elif voice == OTHER_VOICE:
            other, name = _choose_other(analysis)
    return WhatIf(voice, face, float(cut), float(snr)), other, name


def _choose_other(analysis: Analysis) -> tuple[AudioFeatures, str]:
    """A voice of this visitor's other recordings, or of the sample; and a name for it."""
    mine = [a for a in reversed(recent_analyses().values()) if a.token != analysis.token and a.features.audio is not None]
    voices = {f"{k + 1}: your clip in which the model recognised {a.label}": a for k, a in enumerate(mine)}
    found = voices.get(st.selectbox("Voice of", [*voices, _SAMPLE], key=Key.IF_OTHER))
    if found is not None and found.features.audio is not None:
        return found.features.audio, found.token
    from features.audio import extract_audio
    from features.media import read_sound

    return extract_audio(read_sound(_SAMPLE_VOICE.read_bytes())), _SAMPLE


def _choose_left(analysis: Analysis) -> dict[Modality, float]:
    """By modality, the share that is left of it."""
    columns = st.columns(2)
    return {
        modality: column.slider(
            f"How much of the {modality.noun} is left",
            0,
            100,
            100,
            5,
            format="%d %%",
            key=key,
            disabled=modality not in analysis.modalities.present,
            help=_LEFT_HELP.format(noun=modality.noun),
        )
        / 100
        for column, (modality, key) in zip(columns, _LEFT.items(), strict=True)
    }


def _before_and_after(
    analysis: Analysis, target: int, chosen: tuple[WhatIf, AudioFeatures | None, str], left: Mapping[Modality, float]
) -> None:
    from xai.counterfactuals.what_if import NO_CHANGE, covered_picture, judge

    change, before = chosen[0], analysis.modalities
    if (change.voice, change.face) == (NO_CHANGE, NO_CHANGE) and min(left.values()) == 1:
        st.caption("Choose a change: the probabilities before and after appear here.")
        _rows(target, before)
        return
    try:
        after = judge(_changed(analysis, *chosen), analysis.model, left)
    except MediaError as error:
        st.info(str(error))
        return
    st.markdown(_verdict(before.everything, after.everything))
    bars, rows = st.columns([6, 5])
    bars.html(bars_table(before.everything, after.everything))
    _rows(target, before, after, rows)
    video = analysis.features.video
    if video is not None and (picture := covered_picture(video, change.face)) is not None:
        rows.image(picture, caption="What it is shown", width=160, output_format="JPEG", alt=f"A face with {change.face}")


def _changed(analysis: Analysis, change: WhatIf, other: AudioFeatures | None, name: str) -> Features:
    """The changed recording. The last one is kept: a slider of what is left is answered without looking or listening again."""
    from xai.counterfactuals.what_if import as_read_by, changed_features

    key = (analysis.token, change, name)
    kept = st.session_state.get(Key.IF_CHANGED)
    if kept is None or kept[0] != key:
        with the_queue().turn():
            voice = None if other is None else as_read_by(analysis.model, other)
            kept = key, changed_features(analysis.features, analysis.backbone.maps, change, voice)
        st.session_state[Key.IF_CHANGED] = kept
    return kept[1]


def _verdict(before: np.ndarray, after: np.ndarray) -> str:
    was, then = int(before.argmax()), int(after.argmax())
    if then == was:
        return f"It would still say **{LABELS[then]}** ({before[was]:.0%} → {after[then]:.0%})."
    return f"It would say **{LABELS[then]}** ({after[then]:.0%}) instead of {LABELS[was]} (now {after[was]:.0%})."


def bars_table(before: np.ndarray, after: np.ndarray) -> str:
    """Two probabilities (8,) of each emotion as an HTML table: hollow bars as it is, full ones changed; likely ones first."""
    rows = [
        f'<tr><th scope="row">{LABELS[k]}</th><td class="bars" aria-hidden="true">{_bar(before[k])}{_bar(after[k], "now")}</td>'
        + "".join(f'<td class="number{_most(p, k)}">{_percent(p[k])}</td>' for p in (before, after))
        for k in np.argsort(-np.maximum(before, after)).tolist()
    ]
    heads = '<td></td><td aria-hidden="true"></td><th class="number">□ as it is</th><th class="number">■ changed</th>'
    return _table("", "Before and after", heads, rows)


def _bar(p: float, kind: str = "") -> str:
    return f'<div class="if-bar {kind}" style="width:{100 * p:.1f}%"></div>'


def _table(kind: str, caption: str, heads: str, rows: list[str]) -> str:
    head = f"<caption>{caption}</caption><thead><tr>{heads}</tr></thead>"
    return f'{_STYLE}<table class="if-table {kind}">{head}<tbody>{"".join(rows)}</tbody></table>'


def _most(probabilities: np.ndarray, k: int) -> str:
    return " most" if k == probabilities.argmax() else ""


def _percent(p: float) -> str:
    return "&lt;1 %" if p < 0.005 else f"{100 * p:.0f} %"


def _rows(target: int, before: ModalitySplit, after: ModalitySplit | None = None, place: DeltaGenerator | None = None) -> None:
    """What adds up to the probability of a class, before the change and after it."""
    from xai.counterfactuals.what_if import in_points

    place = place or st.container()
    splits = [before] if after is None else [before, after]
    place.html(sums_table(LABELS[target], [in_points(split, target) for split in splits]))
    if technical():
        exact = " → ".join(f"{split.everything[target]:.4f}" for split in splits)
        place.caption(
            "Rows: exact Shapley values of the probability, with voice and face as players (Shapley 1953), rounded by the largest "
            f"remainder. Probability of {LABELS[target]}: {exact}. What is left scales the standardised features; at 0 the modality is "
            "missing, as in modality dropout."
        )


def sums_table(label: str, points: list[Points]) -> str:
    """Rows that add up, as an HTML table: as it is and, where there is a second one, changed and by how much each row differs."""
    there = [modality for modality in Modality if any(modality in column.added for column in points)]
    words = " nor ".join(modality.noun for modality in there)
    rows = [(f"With neither {words}" if len(there) > 1 else f"Without the {words}", [f"{column.nothing}" for column in points])]
    for modality in there:
        rows.append((f"+ the {modality.noun}", [f"{column.added.get(modality, 0):+d}".replace("-", "−") for column in points]))
    rows.append((f"= {label}", [f"{column.total}" for column in points]))
    heads = "<td></td>" + "".join(f'<th class="number">{name}</th>' for name in ("as it is", "changed")[: len(points)])
    body = [
        f'<tr><th scope="row">{name}</th>' + "".join(f'<td class="number">{cell}</td>' for cell in cells) + "</tr>" for name, cells in rows
    ]
    return _table("sums", f"How {label} comes about, in points of a hundred", heads, body)


def _smallest_change(kept: Drawer) -> None:
    from xai.counterfactuals.flip import withstood

    if kept.work.failed(asked_key(kept, _FLIPS)):
        st.error("The smallest change could not be looked for.", icon=":material/error:")
    elif kept.flips is None and _FLIPS in kept.asked:
        st.caption(":material/hourglass_top: Looking for the smallest change…")
    elif kept.flips is None and st.button(
        "Find the smallest change that flips it",
        key=Key.FIND_FLIP,
        icon=":material/flip:",
        help="Takes away patches of sound, pictures or parts of the face, as few as it can, until the model says something else.",
    ):
        ask(kept, _FLIPS, partial(_find_flips, kept))
        st.rerun()  # the whole page, which starts what was asked for
    if kept.flips is None:
        return
    lines = [flip.words for flip in kept.flips] or ["Nothing that was tried flips it."]
    if rest := withstood(kept.analysis, kept.flips):
        lines.append(rest)
    st.markdown("\n".join(f"- {line}" for line in lines))
    st.caption("The smallest found by taking away, step by step, what counts most; a smaller one may exist unless few pictures were tried.")


def _find_flips(kept: Drawer, say: Say) -> None:
    from xai.counterfactuals.flip import smallest_flips

    kept.flips = smallest_flips(kept.analysis, say)

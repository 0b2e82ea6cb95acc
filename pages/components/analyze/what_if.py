"""What if: change the recording, and see at once what the model recognises then."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from features import MediaError, Modality
from models.labels import LABELS
from pages.components.analyze.inputs import sample_recording
from pages.components.charts.draw import draw
from pages.components.charts.models import two_models_chart
from pages.components.session.keys import Key
from pages.components.session.queue import the_queue
from pages.components.session.run import turn_with_words
from pages.components.session.state import Drawer, recent_analyses

if TYPE_CHECKING:
    from features.audio import AudioFeatures
    from xai.analysis import Analysis
    from xai.counterfactuals.what_if import WhatIf

_SAMPLE = "the synthetic sample"


@st.fragment
def show_what_if(kept: Drawer) -> None:
    """Two choices and what comes of them, beside what was; below, the smallest change that flips the prediction."""
    st.markdown("##### What if…")
    change, other = _choose_change(kept.analysis)
    _before_and_after(kept.analysis, change, other)
    _smallest_change(kept)


def _choose_change(analysis: Analysis) -> tuple[WhatIf, AudioFeatures | None]:
    from xai.counterfactuals.what_if import FACE_CHANGES, OTHER_VOICE, VOICE_CHANGES, WhatIf

    left, right = st.columns(2)
    present = analysis.modalities.present
    voices = VOICE_CHANGES if Modality.AUDIO in present else (VOICE_CHANGES[0], OTHER_VOICE)
    voice = left.selectbox("… the voice were", voices, key=Key.IF_VOICE, disabled=not analysis.model.judges(Modality.AUDIO))
    face = right.selectbox("… the face were", FACE_CHANGES, key=Key.IF_FACE, disabled=Modality.VIDEO not in present)
    cut, snr, other = 1000, 10, None
    with left:
        if voice == "low notes only":
            cut = st.slider("Silent above", 200, 8000, 1000, 100, format="%d Hz", key=Key.IF_CUT)
        elif voice == "noisy":
            snr = st.slider("Voice above noise", -10, 40, 10, 1, format="%d dB", key=Key.IF_NOISE)
        elif voice == OTHER_VOICE:
            other = _choose_other(analysis)
    return WhatIf(voice, face, float(cut), float(snr)), other


def _choose_other(analysis: Analysis) -> AudioFeatures:
    """A voice of this visitor's other recordings, or of the sample."""
    mine = [a for a in reversed(recent_analyses().values()) if a.token != analysis.token and a.features.audio is not None]
    voices = {f"{k + 1}: your clip in which the model recognised {a.label}": a.features.audio for k, a in enumerate(mine)}
    voice = voices.get(st.selectbox("Voice of", [*voices, _SAMPLE], key=Key.IF_OTHER))
    if voice is not None:
        return voice
    from features.audio import extract_audio
    from features.media import read_sound

    sound = sample_recording().audio
    assert sound is not None
    return extract_audio(read_sound(sound))


def _before_and_after(analysis: Analysis, change: WhatIf, other: AudioFeatures | None) -> None:
    from xai.counterfactuals.what_if import NO_CHANGE, covered_picture, what_if

    if (change.voice, change.face) == (NO_CHANGE, NO_CHANGE):
        st.caption("Choose a change: the probabilities before and after appear here.")
        return
    try:
        with the_queue().turn():
            after = what_if(analysis.features, analysis.model, analysis.backbone.maps, change, other)
    except MediaError as error:
        st.info(str(error))
        return
    before, then = analysis.predicted, int(after.argmax())
    if then == before:
        words = f"It would still say **{LABELS[then]}** ({analysis.probabilities[before]:.0%} → {after[then]:.0%})."
    else:
        words = f"It would say **{LABELS[then]}** ({after[then]:.0%}) instead of {LABELS[before]} (now {after[before]:.0%})."
    video = analysis.features.video
    picture = covered_picture(video, change.face) if video is not None else None
    left, right = st.columns([4, 1]) if picture is not None else (st.container(), None)
    with left:
        st.markdown(words)
        chart = two_models_chart(analysis.probabilities, after, ("as it is", "changed"))
        draw(chart, "chart-what-if", "Probabilities before and after the change")
    if right is not None and picture is not None:
        right.image(picture, caption="What it is shown", output_format="JPEG", alt=f"A face with {change.face}")


def _smallest_change(kept: Drawer) -> None:
    from xai.counterfactuals.flip import smallest_flips, withstood

    place = st.empty()
    if kept.flips is None and place.button(
        "Find the smallest change that flips it",
        key=Key.FIND_FLIP,
        icon=":material/flip:",
        help="Takes away patches of sound, pictures or parts of the face, as few as it can, until the model says something else.",
    ):
        with place.container(), turn_with_words() as say:
            kept.flips = smallest_flips(kept.analysis, say)
    if kept.flips is None:
        return
    lines = [flip.words for flip in kept.flips] or ["Nothing that was tried flips it."]
    if rest := withstood(kept.analysis, kept.flips):
        lines.append(rest)
    st.markdown("\n".join(f"- {line}" for line in lines))
    st.caption("The smallest found by taking away, step by step, what counts most; a smaller one may exist unless few pictures were tried.")

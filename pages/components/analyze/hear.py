"""Hear the evidence, and everything but the evidence."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import streamlit as st

from features.audio import RATE
from models.labels import LABELS
from pages.components.session.state import Key

if TYPE_CHECKING:
    from xai.analysis import Analysis


def show_hear(analysis: Analysis, target: int, against: int | None) -> None:
    """The voice, the sound inside the strongest patches, and the rest: to be played, and taken home as WAV."""
    from xai.render.sound import SHARE, level_matched, take_apart, to_wav

    audio, lime = analysis.features.audio, analysis.lime
    if audio is None or lime is None:
        return
    columns = st.columns(3)
    columns[0].caption("The voice, as the model hears it")
    columns[0].audio(audio.samples, sample_rate=RATE, alt="The voice as the model hears it")
    heard = take_apart(audio, lime.cells, lime.signed(target, against))
    if heard is None:
        columns[1].caption(f"No patch speaks for {LABELS[target]}: there is no evidence to be heard.")
        return
    parts = (("evidence", "The evidence alone", heard.evidence), ("rest", "Everything but the evidence", heard.rest))
    for column, (name, words, samples) in zip(columns[1:], parts, strict=True):
        sound = level_matched(samples, audio.samples)
        column.caption(words)
        column.audio(sound, sample_rate=RATE, alt=words)
        column.download_button(
            "Download (WAV)",
            partial(to_wav, sound),
            f"emolens-{name}-{LABELS[target]}.wav",
            "audio/wav",
            key=f"{Key.DOWNLOAD_SOUND}-{name}",
            on_click="ignore",
            type="tertiary",
            icon=":material/download:",
        )
    st.caption(
        f"Evidence: the {len(heard.patches)} strongest patches, which carry {SHARE:.0%} of what speaks for {LABELS[target]}; "
        "cut out of the recording's own spectrum, with soft borders, and played at its level."
    )

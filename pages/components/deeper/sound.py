"""Evidence in the spectrogram, to be seen and to be heard."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import streamlit as st

from features.audio import RATE
from pages.components.analyze.trust import show_badge
from pages.components.analyze.view import View
from pages.components.board.spectrogram import spectrogram_html
from pages.components.deeper.notes import show_method
from pages.components.session.keys import Key

if TYPE_CHECKING:
    from pages.components.session.state import Drawer
    from xai.analysis import Analysis
    from xai.explanation import Attribution, Contrast


def show_sound(kept: Drawer, view: View) -> None:
    """The voice, the evidence alone and everything else, to be heard; the spectrogram to be read patch by patch; notes."""
    from xai.explanation import Panel, SoundPatches
    from xai.methods.lime import fit

    analysis, contrast = kept.analysis, view.contrast
    attribution = analysis.attributions[view.shown[Panel.HEARD]]
    audio, parts = analysis.features.audio, attribution.parts
    assert audio is not None
    assert isinstance(parts, SoundPatches)
    _show_players(analysis, attribution, contrast)
    trust = show_badge(kept, attribution.method, contrast, "sound")
    struck = trust is not None and trust.level == "red"
    words = f"Spectrogram with the patches that speak for {contrast.words} and against it"
    st.html(spectrogram_html(audio, parts, attribution.heat(contrast), words, height=300, struck=struck, faint=trust is None))
    share = f"The simple model explains {fit(attribution, contrast):.0%} of what happened (R²)." if "r2" in attribution.extras else ""
    show_method(attribution, share)


def _show_players(analysis: Analysis, attribution: Attribution, contrast: Contrast) -> None:
    """The voice, the sound inside the strongest patches, and the rest: to be played, and taken home as WAV."""
    from xai.explanation import SoundPatches
    from xai.render.sound import SHARE, level_matched, take_apart, to_wav

    audio, parts = analysis.features.audio, attribution.parts
    assert audio is not None
    assert isinstance(parts, SoundPatches)
    columns = st.columns(3)
    columns[0].caption("The voice, as the model hears it")
    columns[0].audio(audio.samples, sample_rate=RATE, alt="The voice as the model hears it")
    heard = take_apart(audio, parts.cells, attribution.of(contrast))
    if heard is None:
        columns[1].caption(f"No patch speaks for {contrast.label}: there is no evidence to be heard.")
        return
    sounds = (("evidence", "The evidence alone", heard.evidence), ("rest", "Everything but the evidence", heard.rest))
    for column, (name, words, samples) in zip(columns[1:], sounds, strict=True):
        sound = level_matched(samples, audio.samples)
        column.caption(words)
        column.audio(sound, sample_rate=RATE, alt=words)
        column.download_button(
            "Download (WAV)",
            partial(to_wav, sound),
            f"emolens-{name}-{contrast.label}.wav",
            "audio/wav",
            key=f"{Key.DOWNLOAD_SOUND}-{name}",
            on_click="ignore",
            type="tertiary",
            icon=":material/download:",
        )
    st.caption(
        f"Evidence: the {len(heard.patches)} strongest patches, which carry {SHARE:.0%} of what speaks for {contrast.label}; "
        "cut out of the recording's own spectrum, with soft borders, and played at its level."
    )

"""Evidence in the spectrogram, to be seen and to be heard."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import streamlit as st

from features.audio import RATE
from pages.components.analyze.notes import show_legend, show_method
from pages.components.charts.analysis import spectrogram_chart
from pages.components.charts.draw import draw
from pages.components.session.keys import Key

if TYPE_CHECKING:
    from xai.analysis import Analysis
    from xai.explanation import Attribution, Contrast


def show_patches(analysis: Analysis, attribution: Attribution, contrast: Contrast, area: str) -> None:
    """The spectrogram with its patches, legend and notes, and players.

    Args:
        area: key of the container of what is struck through if it fails its checks.
    """
    from xai.explanation import SoundPatches
    from xai.methods.lime import fit

    audio, parts = analysis.features.audio, attribution.parts
    assert audio is not None
    assert isinstance(parts, SoundPatches)
    with st.container(key=area):
        alt = "Spectrogram with the patches that speak for and against the emotion"
        draw(spectrogram_chart(audio, parts, attribution.shown(contrast)), "chart-spectrogram", alt)
    show_legend(contrast)
    share = f"The simple model explains {fit(attribution, contrast):.0%} of what happened (R²)." if "r2" in attribution.extras else ""
    show_method(attribution, share)
    _show_players(analysis, attribution, contrast)


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

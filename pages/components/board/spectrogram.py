"""What was heard: waveform and spectrogram, with the patches that speak for and against."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pages.components.board.style import as_jpeg, escaped, opacity, state, strike
from xai.render.spectrogram import seconds_ticks, spectrogram_picture, strongest_patches, waveform_envelope

if TYPE_CHECKING:
    from features.audio import AudioFeatures
    from xai.explanation import SoundPatches

_TICKS_HZ = (500, 1000, 2000, 4000, 8000)
_AXIS, _WAVE, _ROOM = 18, 24, 130  # pixels: of the seconds, of the waveform, and the height from which there is room for it
_BINS = 300
_END = 96  # percent of the width or the height, from where a centred text would leave it
_STYLE = """<style>
.em-sound{margin:0;display:grid;grid-template-columns:auto minmax(0,1fr);column-gap:.4rem;font-size:.75rem;line-height:1;
font-variant-numeric:tabular-nums}
.em-sound>div{position:relative}
.em-sound .em-wave{height:100%;background:currentColor;opacity:.55;print-color-adjust:exact}
.em-sound .em-unit{opacity:.85;align-self:end;padding-bottom:.2rem;text-align:right}
.em-sound .em-hertz{width:1.3rem}
.em-sound .em-hertz span{position:absolute;right:0;transform:translateY(50%);opacity:.85}
.em-sound .em-seconds span{position:absolute;bottom:0;transform:translateX(-50%);opacity:.85;white-space:nowrap}
.em-sound .em-picture{border-radius:.25rem;overflow:hidden}
.em-sound .em-drawn{position:absolute;inset:0}
.em-sound img{display:block;width:100%;height:100%}
.em-sound .em-patch{position:absolute;display:grid;place-items:center;color:#fff;font-size:.95rem;font-weight:700;
text-shadow:0 0 2px #000,0 0 3px #000,0 0 4px #000}
</style>"""


def spectrogram_html(
    audio: AudioFeatures,
    parts: SoundPatches,
    heat: np.ndarray,
    words: str,
    height: int = 170,
    struck: bool = False,
    faint: bool = False,
) -> str:
    """The spectrogram with its patches, seconds below and kHz at the left, and the waveform on top where there is room.

    Args:
        heat: (p,) in [−1, 1], of the patches in ``parts``; the strongest carry their sign.
        words: what the picture shows, for those who do not see it.
        height: of all of it, in pixels.
        struck: it failed its check: a line through it; faint: it is not checked yet.
    """
    wave = _WAVE if height >= _ROOM else 0
    rows = f"{wave}px {height - wave - _AXIS}px {_AXIS}px"
    picture = f'<img src="{as_jpeg(spectrogram_picture(audio, parts, heat))}" alt="{escaped(words + state(struck, faint))}">'
    drawn = f'<div class="em-drawn" style="opacity:{opacity(struck, faint)}">{picture}{_signs(audio, parts, heat)}</div>'
    return (
        f'<figure class="em-sound" style="grid-template-rows:{rows}">{_STYLE}'
        f'<div class="em-unit" aria-hidden="true">kHz</div><div>{_waveform(audio) if wave else ""}</div>'
        f'<div class="em-hertz" aria-hidden="true">{_hertz(audio)}</div><div class="em-picture">{drawn}{strike(struck)}</div>'
        f'<div></div><div class="em-seconds" aria-hidden="true">{_seconds(audio.start, audio.seconds)}</div></figure>'
    )


def _signs(audio: AudioFeatures, parts: SoundPatches, heat: np.ndarray) -> str:
    """A plus or a minus in the middle of each of the strongest patches, and what they are under a pointer."""
    from xai.render.text import kilohertz

    found = []
    for patch in strongest_patches(heat):
        t0, t1, hz0, hz1 = parts.segments[patch]
        low, high = parts.cells[patch, 2:] / audio.scale.bands
        left, width = 100 * (t0 - audio.start) / audio.seconds, 100 * (t1 - t0) / audio.seconds
        place = f"left:{left:.2f}%;width:{width:.2f}%;bottom:{100 * low:.2f}%;height:{100 * (high - low):.2f}%"
        sign, speaks = ("+", "for") if heat[patch] > 0 else ("−", "against")
        title = f"{kilohertz(hz0, hz1)} between {t0:.1f} s and {t1:.1f} s speaks {speaks} it"
        found.append(f'<div class="em-patch" aria-hidden="true" style="{place}" title="{escaped(title)}">{sign}</div>')
    return "".join(found)


def _waveform(audio: AudioFeatures) -> str:
    """The outline of the samples, which cuts a box of the text's colour: ``st.html`` removes SVG."""
    _, low, high = waveform_envelope(audio.samples, _BINS)
    peak = float(max(np.abs(low).max(), np.abs(high).max())) or 1.0
    x = np.linspace(0, 100, len(low))
    there = [f"{a:.1f}% {49 - 47 * b / peak:.0f}%" for a, b in zip(x, high, strict=True)]
    back = [f"{a:.1f}% {51 - 47 * b / peak:.0f}%" for a, b in zip(x[::-1], low[::-1], strict=True)]
    return f'<div class="em-wave" aria-hidden="true" style="clip-path:polygon({",".join(there + back)})"></div>'


def _hertz(audio: AudioFeatures) -> str:
    heights = 100 * audio.scale.bands_at(_TICKS_HZ) / audio.scale.bands
    places = ["top:0;transform:none" if at > _END else f"bottom:{at:.2f}%" for at in heights]
    return "".join(f'<span style="{place}">{hz / 1000:g}</span>' for hz, place in zip(_TICKS_HZ, places, strict=True))


def _seconds(start: float, length: float) -> str:
    """Round seconds on the clock, the last with its unit; one at the very end stays inside."""
    ticks = seconds_ticks(length, start=start)
    texts = [f"{tick:g}" for tick in ticks]
    texts[-1] += " s"
    shares = [100 * (tick - start) / length for tick in ticks]
    inside = ["" if share < _END else ";transform:translateX(-100%)" for share in shares]
    return "".join(f'<span style="left:{at:.2f}%{moved}">{text}</span>' for at, moved, text in zip(shares, inside, texts, strict=True))

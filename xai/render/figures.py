"""Pictures of the explanations for export, as PNG in memory: matplotlib, without a screen."""

from __future__ import annotations

import io
from collections.abc import Iterator
from functools import singledispatch

import cv2
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from features import Features, Modality
from features.audio import RATE
from features.names import voice_feature_label
from xai.explanation import Attribution, Columns, Contrast, FrameCells, Moments, Parts, SoundPatches
from xai.methods import METHODS
from xai.methods.lime import fit
from xai.metrics.measures import FIT
from xai.render.colours import AGAINST_COLOUR, FOR_COLOUR, evidence_rgba
from xai.render.overlay import overlay_frames
from xai.score import Score

_TICKS_HZ = (0, 500, 1000, 2000, 4000, 8000)
_FEATURES = 12  # of the voice, by name


def encode_png(rgb: np.ndarray) -> bytes:
    """uint8 (h, w, 3) → PNG."""
    return cv2.imencode(".png", cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR))[1].tobytes()


def draw(features: Features, attribution: Attribution, contrast: Contrast, name: str) -> Iterator[tuple[str, bytes]]:
    """Pictures of an attribution as (file name, PNG): one for each frame of the face, or one in all."""
    yield from _draw(attribution.parts, features, attribution, contrast, name)


@singledispatch
def _draw(parts: Parts, features: Features, attribution: Attribution, contrast: Contrast, name: str) -> Iterator[tuple[str, bytes]]:
    raise TypeError(f"no picture for {type(parts).__name__}")


@_draw.register
def _(parts: FrameCells, features: Features, attribution: Attribution, contrast: Contrast, name: str) -> Iterator[tuple[str, bytes]]:
    assert features.video is not None
    for frame, picture in enumerate(overlay_frames(features.video, attribution.heat(contrast))):
        yield f"{name}_{frame:03d}.png", encode_png(picture)


@_draw.register
def _(parts: SoundPatches, features: Features, attribution: Attribution, contrast: Contrast, name: str) -> Iterator[tuple[str, bytes]]:
    """Waveform above the spectrogram, with the patches that speak for (warm) and against (cool) the class."""
    audio = features.audio
    assert audio is not None
    figure = _figure(9, 5)
    top, bottom = figure.subplots(2, 1, sharex=True, height_ratios=(1, 3))
    step = max(1, len(audio.samples) // 4000)
    top.plot(audio.start + np.arange(0, len(audio.samples), step) / RATE, audio.samples[::step], color="#555", linewidth=0.6)
    top.set_yticks([])
    fitted = f" (R² {Score(FIT, fit(attribution, contrast)).number})" if "r2" in attribution.extras else ""
    top.set_title(f"What it heard: {contrast.words}, {METHODS[attribution.method].title}{fitted}")
    bands = np.arange(len(audio.mel_db) + 1)
    times = np.linspace(audio.start, audio.end, audio.mel_db.shape[1] + 1)
    bottom.pcolormesh(times, bands, audio.mel_db, cmap="gray_r", rasterized=True)
    for (_, _, low, high), (t0, t1, _, _), value in zip(parts.cells, parts.segments, attribution.heat(contrast), strict=True):
        colour = evidence_rgba(np.array(value), 0.8) / 255
        bottom.fill_between([t0, t1], low, high, color=tuple(colour), linewidth=0)
    bottom.set_yticks(audio.scale.bands_at(_TICKS_HZ), [f"{hz / 1000:g}" for hz in _TICKS_HZ])
    bottom.set(xlabel="seconds", ylabel="kHz (mel scale)", xlim=(audio.start, audio.end))
    yield f"{name}.png", _png(figure)


@_draw.register
def _(parts: Columns, features: Features, attribution: Attribution, contrast: Contrast, name: str) -> Iterator[tuple[str, bytes]]:
    """The voice's strongest features by name, and the sum of the face's; where that lies on the face is an explanation of its own."""
    values, title = attribution.of(contrast), METHODS[attribution.method].title
    voice, face = (parts.part(values, modality) for modality in (Modality.AUDIO, Modality.VIDEO))
    figure = _figure(7, 4.5)
    axes = figure.subplots()
    order = np.argsort(-np.abs(voice))[:_FEATURES][::-1]
    names, numbers = [voice_feature_label(k) for k in order], list(voice[order])
    if features.video is not None:
        names, numbers = ["the face, all of it", *names], [face.sum(), *numbers]
    axes.barh(names, numbers, color=[FOR_COLOUR if value > 0 else AGAINST_COLOUR for value in numbers])
    axes.axvline(0, color="#444", linewidth=0.8)
    axes.set(title=f"What it weighed for {contrast.words}", xlabel=f"{title} value (logit)")
    yield f"{name}.png", _png(figure)


@_draw.register
def _(parts: Moments, features: Features, attribution: Attribution, contrast: Contrast, name: str) -> Iterator[tuple[str, bytes]]:
    """A bar for every half second of the voice, and one for every frame of the face, at their seconds."""
    there = {modality: segments for modality, segments in parts.segments.items() if len(segments)}
    figure = _figure(7, 1 + 1.8 * len(there))
    every = figure.subplots(len(there), 1, sharex=True, sharey=True, squeeze=False)[:, 0]
    for axes, (modality, segments) in zip(every, there.items(), strict=True):
        values = parts.part(attribution.of(contrast), modality)
        colours = [FOR_COLOUR if value > 0 else AGAINST_COLOUR for value in values]
        axes.bar(segments.mean(axis=1), values, 0.9 * np.diff(segments, axis=1)[:, 0], color=colours)
        axes.axhline(0, color="#444", linewidth=0.8)
        axes.set_ylabel(f"{modality.noun} (logit)")
    every[0].set_title(f"What it weighed for {contrast.words}, {METHODS[attribution.method].title}")
    every[-1].set_xlabel("seconds")
    yield f"{name}.png", _png(figure)


def _figure(width: float, height: float) -> Figure:
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def _png(figure: Figure) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, dpi=100, format="png")
    return buffer.getvalue()

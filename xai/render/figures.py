"""Pictures of the explanations for export, as PNG in memory: matplotlib, without a screen."""

from __future__ import annotations

import io

import cv2
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from features import N_AUDIO
from features.audio import RATE, AudioFeatures, mel_edges
from features.names import voice_feature_label
from features.video import VideoFeatures
from models.labels import LABELS
from xai.methods.lime import LimeExplanation
from xai.methods.shap import ShapExplanation
from xai.render.colours import AGAINST_COLOUR, FOR_COLOUR, evidence_rgba
from xai.render.overlay import face_evidence_picture

_TICKS_HZ = (0, 500, 1000, 2000, 4000, 8000)


def encode_png(rgb: np.ndarray) -> bytes:
    """uint8 (h, w, 3) → PNG."""
    return cv2.imencode(".png", cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR))[1].tobytes()


def draw_lime(audio: AudioFeatures, lime: LimeExplanation, target: int) -> bytes:
    """Waveform above the spectrogram, with the patches that speak for (warm) and against (cool) the class."""
    figure = _figure(9, 5)
    top, bottom = figure.subplots(2, 1, sharex=True, height_ratios=(1, 3))
    step = max(1, len(audio.samples) // 4000)
    top.plot(np.arange(0, len(audio.samples), step) / RATE, audio.samples[::step], color="#555", linewidth=0.6)
    top.set_yticks([])
    top.set_title(f"What it heard: {LABELS[target]} (R² {lime.r2[target]:.2f})")
    bands = np.arange(len(mel_edges()))
    times = np.linspace(0, audio.seconds, audio.mel_db.shape[1] + 1)
    bottom.pcolormesh(times, bands, audio.mel_db, cmap="gray_r", rasterized=True)
    peak = np.abs(lime.weights[target]).max() or 1.0
    for (_, _, low, high), (t0, t1, _, _), weight in zip(lime.cells, lime.segments, lime.weights[target], strict=True):
        colour = evidence_rgba(np.array(weight / peak), 0.8) / 255
        bottom.fill_between([t0, t1], low, high, color=tuple(colour), linewidth=0)
    bottom.set_yticks(np.interp(_TICKS_HZ, mel_edges(), bands), [f"{hz / 1000:g}" for hz in _TICKS_HZ])
    bottom.set(xlabel="seconds", ylabel="kHz (mel scale)", xlim=(0, audio.seconds))
    return _png(figure)


def draw_shap(shap: ShapExplanation, video: VideoFeatures | None, target: int) -> bytes:
    """The voice's strongest features by name, and the face's 512 as one picture."""
    values = shap.values[target]
    figure = _figure(10, 4)
    left, right = figure.subplots(1, 2)
    order = np.argsort(-np.abs(values[:N_AUDIO]))[:12][::-1]
    colours = [FOR_COLOUR if values[k] > 0 else AGAINST_COLOUR for k in order]
    left.barh([voice_feature_label(k) for k in order], values[order], color=colours)
    left.axvline(0, color="#444", linewidth=0.8)
    left.set(title=f"Voice: what it weighed for {LABELS[target]}", xlabel="SHAP value (logit)")
    right.set_axis_off()
    if video is not None:
        right.imshow(face_evidence_picture(video, values[N_AUDIO:]))
        right.set_title(f"Face: {values[N_AUDIO:].sum():+z.2f} (logit)")
    else:
        right.text(0.5, 0.5, "no video", ha="center")
    return _png(figure)


def _figure(width: float, height: float) -> Figure:
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def _png(figure: Figure) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, dpi=100, format="png")
    return buffer.getvalue()

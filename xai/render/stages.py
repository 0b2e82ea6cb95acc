"""Every stage of one clip, from the file to eight probabilities: numbers, where they come from, and small pictures of them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import cv2
import numpy as np

from features import Modality
from features.audio import RATE, SCALE, AudioFeatures
from features.tokens import TOKEN_SECONDS, TokenFeatures
from features.video import FACE_NAMES, VideoFeatures
from models.evaluation.metrics import softmax
from models.labels import LABELS
from xai.explanation import Subject
from xai.render.overlay import overlay_frames
from xai.render.pixels import REACH, ROW, WIDTH, coloured, diverging, strip
from xai.render.spectrogram import waveform_envelope

MAPS = 6  # of 512 that are drawn
_GREY = (128, 128, 128)  # readable on a light page and on a dark one
_FRAME = 320  # pixels of the longer side of a frame


@dataclass(frozen=True)
class Picture:
    """A small picture: uint8 (h, w, 3), or (h, w, 4) where the page is to be seen through it; and what it shows."""

    pixels: np.ndarray
    words: str


@dataclass(frozen=True)
class Stage:
    """One step on the way.

    Attributes:
        title: its name.
        shape: how many numbers there are, and their unit.
        how: how they come about.
        code: dotted name of what computes them.
        part: the modality that it belongs to; None where they meet.
        pictures: of them.
        rows: a table for the last stages, one row for each emotion, under the names in ``heads``.
    """

    title: str
    shape: str
    how: str
    code: str
    part: Modality | None = None
    pictures: tuple[Picture, ...] = ()
    heads: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()


def stages(subject: Subject, frame: int = 0) -> list[Stage]:
    """All stages that this recording and this model have, in order.

    Args:
        frame: position of the frame of the video that is shown; its features, not their mean, are in the pictures of the face.
    """
    found: list[Stage] = []
    if (audio := subject.features.audio) is not None:
        found += [_waveform(audio), _mel(audio), _tokens(audio) if isinstance(audio, TokenFeatures) else _mfcc(audio)]
    if (video := subject.features.video) is not None:
        found.append(_frame(video, frame))
        if video.used[frame]:
            known = hasattr(subject.backbone, "preprocessing")
            inside = [_crop(subject, video, frame), _maps(subject, video, frame), _face(video, frame)] if known else []
            found += inside or [_cut_out(video, frame)]
    read = _read(subject) if subject.model.differentiable else _given(subject)
    return [*found, read, _logits(subject), _probabilities(subject)]


def _waveform(audio: AudioFeatures) -> Stage:
    plain = audio.channels == 2 and not audio.notes
    kept = "one channel" if audio.channels == 1 else "the mean of 2 channels" if plain else f"one of {audio.channels} channels or their mix"
    shape = f"{len(audio.samples):,} samples, {RATE:,} Hz, {audio.seconds:.2f} s"
    how = f"Decoded from {audio.source_rate:,} Hz: {kept}, resampled by soxr, amplitudes from −1 to 1."
    picture = Picture(_outline(audio.samples), f"{audio.start:.3g} to {audio.end:.1f} s")
    return Stage("Waveform", shape, how, "features.audio.to_mono", Modality.AUDIO, (picture,))


def _mel(audio: AudioFeatures) -> Stage:
    bands, frames = audio.mel_db.shape
    scale, low, high = audio.scale, float(audio.mel_db.min()), float(audio.mel_db.max())
    again = "" if scale.rate == RATE else f" of the sound at {scale.rate:,} Hz"
    floor = "at most 80 below the loudest" if scale == SCALE else "as its encoder has them"
    how = f"Power of {scale.window:,}-sample Hann windows every {scale.hop} samples{again} in {bands} mel bands, in decibels, {floor}."
    picture = Picture(
        coloured(audio.mel_db[::-1]),
        f"{audio.start:.3g} to {audio.end:.1f} s, low pitch below; dark {low:.0f} dB, bright {high:.0f} dB".replace("-", "−"),
    )
    code = "features.audio.mel_spectrogram_db" if scale == SCALE else f"{type(audio.encoder).__module__}.{type(audio.encoder).__name__}"  # type: ignore[attr-defined]
    return Stage("Mel spectrogram", f"{bands} bands × {frames} frames, dB", how, code, Modality.AUDIO, (picture,))


def _mfcc(audio: AudioFeatures) -> Stage:
    rows = audio.frame_vectors
    spread = rows.std(axis=1, keepdims=True)
    z = (rows - rows.mean(axis=1, keepdims=True)) / np.where(spread > 0, spread, 1.0)
    means = ", ".join(f"{value:.1f}" for value in audio.vector).replace("-", "−")
    pictures = (Picture(diverging(z, WIDTH, 200), "MFCC 0 on top; each row against its own mean and deviation"),)
    how = f"The first 40 rows of the orthonormal DCT-II of each frame. Their 40 means over time: {means}."
    shape = f"{len(rows)} coefficients × {rows.shape[1]} frames, and {len(rows)} means"
    return Stage("MFCC", shape, how, "features.audio.mfcc", Modality.AUDIO, pictures)


def _tokens(audio: TokenFeatures) -> Stage:
    count, width = audio.tokens.shape
    spread = audio.tokens.std(axis=0, keepdims=True)
    z = (audio.tokens - audio.tokens.mean(axis=0, keepdims=True)) / np.where(spread > 0, spread, 1.0)
    order = "first half second on top; " if count > 1 else ""
    picture = Picture(diverging(z, WIDTH, max(60, 20 * count)), f"{order}each number against its own mean and deviation")
    first, last = audio.segments[[0, -1], [0, 1]]
    how = f"The speech as {audio.encoder.title} encodes it, from {first:.2f} to {last:.2f} s (silence at the ends is cut off), " + (
        f"in steps of {TOKEN_SECONDS} s." if count > 1 else "in one piece."
    )
    encoder = type(audio.encoder)
    shape = f"{count} tokens × {width:,} numbers"
    return Stage("Tokens of the voice", shape, how, f"{encoder.__module__}.{encoder.__name__}", Modality.AUDIO, (picture,))


def _frame(video: VideoFeatures, frame: int) -> Stage:
    height, width = (round(side * video.picture_scale) for side in video.pictures[frame].shape[:2])
    face, found = video.faces[frame], "the face is followed from frame to frame"
    where = f"face at ({face.x:.0f}, {face.y:.0f}), {face.w:.0f} × {face.h:.0f} pixels" if face else "no face found: left out of the mean"
    (drawn,) = overlay_frames(_only(video, frame), np.zeros((1, 7, 7)))
    return Stage(
        f"Frame {frame + 1} of {len(video.times)}",
        f"{width} × {height} pixels, RGB, at {video.times[frame]:.2f} s",
        f"Decoded and searched with dlib; {found}. Here: {where}.",
        "features.video.extract_video",
        Modality.VIDEO,
        (Picture(_shrunk(drawn), f"as decoded, {video.times[frame]:.1f} s"),),
    )


def _looked_into(subject: Subject) -> Any:
    """A face network of ours: :class:`~models.networks.backbone.FaceBackbone` or one that reads a film."""
    return subject.backbone


def _crop(subject: Subject, video: VideoFeatures, frame: int) -> Stage:
    backbone = _looked_into(subject)
    preprocessing = backbone.preprocessing
    colour = "grey (BT.601 luma) in three equal channels" if preprocessing.grey else "in colour"
    how = f"A square with a margin around the face, resized; {colour}; then (x − {preprocessing.mean[0]:.3f}) ÷ {preprocessing.std[0]:.3f}."
    picture = Picture(as_the_backbone_sees_it(subject, video.crops[frame]), "as the backbone sees it")
    return Stage("Face crop", backbone.reads, how, "models.networks.backbone.Preprocessing", Modality.VIDEO, (picture,))


def _cut_out(video: VideoFeatures, frame: int) -> Stage:
    """The face for a network whose inside is not known."""
    picture = Picture(video.crops[frame], "in colour, from 0 to 1")
    how = "A square with a margin around the face, resized."
    return Stage("Face crop", "3 × 224 × 224 numbers", how, "features.faces.cut", Modality.VIDEO, (picture,))


def _given(subject: Subject) -> Stage:
    """What a model is given that is not looked into."""
    model = subject.model
    how = "Its file is not looked into: it is given this, and answers with the numbers below."
    return Stage("What the model is given", model.spec.reads, how, f"{type(model).__module__}.{type(model).__name__}")


def as_the_backbone_sees_it(subject: Subject, crop: np.ndarray) -> np.ndarray:
    """uint8 (224, 224, 3) → the same after its preprocessing, back in 0 to 255."""
    preprocessing = _looked_into(subject).preprocessing
    seen = preprocessing(crop[None])[0].permute(1, 2, 0).numpy() * preprocessing.std + preprocessing.mean
    return (255 * seen).round().clip(0, 255).astype(np.uint8)


def strongest_maps(video: VideoFeatures, frame: int, most: int = MAPS) -> np.ndarray:
    """int (most,): which of the 512 maps of a frame are largest on average, largest first."""
    return np.argsort(-video.maps[frame].mean(axis=(1, 2)), kind="stable")[:most]


def _maps(subject: Subject, video: VideoFeatures, frame: int) -> Stage:
    maps, chosen = video.maps[frame], strongest_maps(video, frame)
    peak = float(maps[chosen].max()) or 1.0
    pictures = tuple(Picture(coloured(maps[k], 0.0, peak, 84, 84), f"{FACE_NAMES[k]}: mean {maps[k].mean():.2f}") for k in chosen)
    backbone = _looked_into(subject)
    how = f"{backbone.title} up to the end of layer4 ({backbone.paper}), never negative."
    how += f" Here the {MAPS} with the largest mean, on one scale."
    if backbone.whole_film:
        how += " Its maps lie in time, too: these are of the part of the film that this frame fills."
    where = f"{type(backbone).__module__}.{type(backbone).__name__}.forward"
    return Stage("Feature maps", "512 maps × 7 × 7 cells", how, where, Modality.VIDEO, pictures)


def _face(video: VideoFeatures, frame: int) -> Stage:
    row, used = video.maps[frame].mean(axis=(1, 2)), int(video.used.sum())
    picture = Picture(
        strip(row, partial(coloured, low=0.0)), f"0 (dark) to {row.max():.2f} (bright), {FACE_NAMES[0]} first, {ROW} in a row"
    )
    how = f"The mean of each map: global average pooling. The recording has {used} such rows, one for each frame with a face."
    return Stage(
        "Features of this face", f"{len(row)} numbers", how, "features.video.VideoFeatures.frame_vectors", Modality.VIDEO, (picture,)
    )


def _read(subject: Subject) -> Stage:
    """What the classifier reads: one vector, or a sequence."""
    model, features, space = subject.model, subject.features, subject.model.space
    means = {m: model.standardise.part(part.vector, m) for m, part in features.parts.items()}
    pictures = tuple(Picture(strip(z, diverging), f"{m.noun}: {space.size(m):,} numbers, at most {ROW} in a row") for m, z in means.items())
    missing = "".join(f" The {m.noun} is missing: zeros." for m in space.columns if m not in features.parts and model.judges(m))
    scale = f"Purple is below, orange above the mean of training, full at {REACH:.0f} deviations.{missing}"
    if subject.inputs.tensor is None:
        heard = _heard(subject)
        seen = f"{len(features.video.frame_vectors)} rows of 512, with their seconds" if features.video is not None else ""
        return Stage(
            "What the classifier reads: a sequence",
            " and ".join(part for part in (heard, seen) if part),
            f"It reads {model.spec.reads}, in time. The pictures show their means over time, which it does not read. {scale}",
            f"{type(model).__module__}.encoded",
            pictures=pictures,
        )
    return Stage(
        "What the classifier reads: one vector",
        f"{len(space)} numbers, standardised, of which it reads {model.spec.reads}",
        f"The means over time, voice first, minus the mean and divided by the deviation of the training set. {scale}",
        "features.space.Standardiser",
        pictures=pictures,
    )


def _heard(subject: Subject) -> str:
    """What a model of sequences reads of the voice; empty where there is none."""
    audio, (first, last) = subject.features.audio, subject.inputs.speech_span()
    if isinstance(audio, TokenFeatures):
        return f"{len(audio.tokens)} tokens of the voice"
    return f"MFCC frames {first} to {last} of the voice (silence at the ends is cut off)" if last else ""


def temperature_of(subject: Subject) -> float:
    """What the logits of this recording are divided by: it depends on which modalities are there."""
    model, there = subject.model, [m for m in Modality if m in subject.features.parts]
    calibrated = model.alone[there[0]] if model.alone is not None and len(there) == 1 else model.temperature
    return calibrated * model.softening


def _logits(subject: Subject) -> Stage:
    logits, temperature = subject.model.logits(subject.inputs)[0], temperature_of(subject)
    rows = tuple((LABELS[k], f"{temperature * logits[k]:+.3f}", f"{logits[k]:+.3f}") for k in range(len(LABELS)))
    network = type(subject.model.classifier)
    softening = subject.model.softening
    how = f"{network.__name__}, then divided by the temperature {temperature / softening:.3f} of its calibration (Guo et al. 2017)"
    how += f", and by {softening:.2f}, as this recording is unlike what it knows." if softening > 1 else "."
    heads = ("emotion", "logit", f"÷ {temperature:.3f}")
    return Stage("Logits", f"{len(LABELS)} numbers", how, f"{network.__module__}.{network.__name__}", heads=heads, rows=rows)


def _probabilities(subject: Subject) -> Stage:
    p = softmax(subject.model.logits(subject.inputs))[0]
    rows = tuple((LABELS[k], f"{p[k]:.4f}") for k in np.argsort(-p))
    how = "exp(logit) ÷ the sum of all eight, of the logits after temperature."
    shape, heads = f"{len(LABELS)} numbers that add up to 1", ("emotion", "probability")
    return Stage("Probabilities", shape, how, "models.evaluation.metrics.softmax", heads=heads, rows=rows)


def _only(video: VideoFeatures, frame: int) -> VideoFeatures:
    """The film of that frame alone, for drawing."""
    part = slice(frame, frame + 1)
    return VideoFeatures(
        video.times[part],
        video.pictures[part],
        video.picture_scale,
        video.faces[part],
        video.squares[part],
        video.crops[part],
        video.maps[part],
        video.used[part],
        video.several_faces,
    )


def _shrunk(picture: np.ndarray) -> np.ndarray:
    height, width = picture.shape[:2]
    factor = min(1.0, _FRAME / max(height, width))
    return cv2.resize(picture, (round(width * factor), round(height * factor)), interpolation=cv2.INTER_AREA)


def _outline(samples: np.ndarray, height: int = 96) -> np.ndarray:
    """uint8 (96, w, 4): the waveform in grey, transparent around it; its peak fills the height."""
    _, low, high = waveform_envelope(samples, WIDTH)
    peak = max(float(np.abs(samples).max()), 1e-9)
    middle = (height - 1) / 2
    rows = np.arange(height)[:, None]
    inside = (rows >= np.floor(middle * (1 - high / peak))) & (rows <= np.ceil(middle * (1 - low / peak)))
    return np.dstack([np.broadcast_to(np.array(_GREY, np.uint8), (*inside.shape, 3)), 255 * inside.astype(np.uint8)])

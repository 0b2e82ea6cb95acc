"""An analysis as files: ``result.json`` and a picture of each explanation."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from features import FEATURE_NAMES
from features.faces import Box
from models.labels import LABELS
from xai.analysis import Analysis
from xai.render.figures import draw_lime, draw_shap, encode_png
from xai.render.overlay import overlay_frames
from xai.render.sound import level_matched, take_apart, to_wav
from xai.render.text import in_words
from xai.score import Trust

FORMAT = 2

Trusts = Mapping[str, Trust]


def to_dict(analysis: Analysis, target: int | None = None, against: int | None = None, trust: Trusts | None = None) -> dict[str, Any]:
    """Everything but the pictures, as plain numbers, strings, lists and dictionaries; NaN becomes None.

    ``target`` is the class in the foreground (default: the predicted one), ``against`` what it is compared with; all eight
    classes are always there. ``trust`` (:func:`xai.assess.assess`) is about these two; without it, ``trust`` is None there.
    """
    settings, model = analysis.settings, analysis.model
    shown = analysis.predicted if target is None else target
    features, video, audio = analysis.features, analysis.features.video, analysis.features.audio
    return {
        "format": FORMAT,
        "prediction": {"label": analysis.label, "probabilities": _by_label(analysis.probabilities)},
        "target": LABELS[shown],
        "against": LABELS[against] if against is not None else None,
        "in_words": in_words(analysis, shown, against, trust),
        "features": [None if np.isnan(v) else float(v) for v in features.vector],
        "feature_names": FEATURE_NAMES,
        "audio": {"seconds": audio.seconds, "rate": audio.source_rate, "channels": audio.channels} if audio else None,
        "video": _video(video) if video else None,
        "explanations": _explanations(analysis, trust or {}),
        "warnings": warnings(analysis),
        "checks": [asdict(check) for check in analysis.checks],
        "should_be_asked": analysis.should_be_asked,
        "settings": {
            "stride": settings.stride,
            "samples": settings.samples,
            "seed": settings.seed,
            "shap_estimator": settings.estimator,
        },
        "seconds": analysis.seconds,
        "checkpoint": {"name": model.name, "sha256": model.digest, "backbone": analysis.backbone.name, **_provenance(model.info)},
    }


def files(
    analysis: Analysis, target: int | None = None, against: int | None = None, trust: Trusts | None = None
) -> Iterator[tuple[str, bytes]]:
    """Every file of an export as (name, content), made one by one: pictures first, then ``result.json``."""
    result = to_dict(analysis, target, against, trust)
    video, audio = analysis.features.video, analysis.features.audio
    for index, label in enumerate(LABELS):
        if analysis.cam is not None and video is not None:
            for frame, picture in enumerate(overlay_frames(video, analysis.cam.heat(index))):
                name = f"gradcam_{label}_{frame:03d}.png"
                result["explanations"]["gradcam"][label].append(name)
                yield name, encode_png(picture)
        if analysis.lime is not None and audio is not None:
            yield f"lime_{label}.png", draw_lime(audio, analysis.lime, index)
        yield f"shap_{label}.png", draw_shap(analysis.shap, video, index)
    yield from _sounds(analysis, LABELS.index(result["target"]), against)
    yield "summary.txt", summary(result).encode()
    yield "result.json", json.dumps(result, indent=1, allow_nan=False).encode()


def _sounds(analysis: Analysis, target: int, against: int | None) -> Iterator[tuple[str, bytes]]:
    """The evidence alone and everything but the evidence, for the class in the foreground."""
    audio, lime = analysis.features.audio, analysis.lime
    heard = take_apart(audio, lime.cells, lime.signed(target, against)) if audio is not None and lime is not None else None
    if audio is not None and heard is not None:
        for name, samples in (("evidence", heard.evidence), ("rest", heard.rest)):
            yield f"heard_{name}_{LABELS[target]}.wav", to_wav(level_matched(samples, audio.samples))


def write(analysis: Analysis, folder: Path, target: int | None = None, trust: Trusts | None = None) -> None:
    """Write all :func:`files` into ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files(analysis, target, trust=trust):
        (folder / name).write_bytes(content)


def to_zip(analysis: Analysis, target: int | None = None, against: int | None = None, trust: Trusts | None = None) -> bytes:
    """All :func:`files` as a ZIP, made in memory."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files(analysis, target, against, trust):
            archive.writestr(name, content)
    return buffer.getvalue()


def warnings(analysis: Analysis) -> list[str]:
    """What must be read beside the prediction."""
    found = list(analysis.warnings)
    known = {"length", "clipping", "faces", "several"}  # said already while the recording was read
    found += [f"{check.modality}: {check.words}" for check in analysis.checks if check.level != "green" and check.name not in known]
    if not analysis.should_be_asked:
        found.append("The model should not be asked this: it knows nothing like this recording.")
    if analysis.modalities.disagree:
        found.append(f"Voice and face disagree; the model {analysis.modalities.followed()}. Look at both before you rely on either.")
    return found


def summary(result: dict[str, Any]) -> str:
    """The result for a reader without a computer at hand."""
    probabilities = sorted(result["prediction"]["probabilities"].items(), key=lambda item: -item[1])
    checkpoint = result["checkpoint"]
    lines = [
        "EmoLens",
        "",
        *result["in_words"],
        "",
        *[f"  {label:<10} {p:6.1%}" for label, p in probabilities],
        "",
        *[f"Note: {warning}" for warning in result["warnings"]],
        "",
        "The model recognises emotions that actors portray. It does not know what a person feels, and this is no diagnosis.",
        f"Checkpoint {checkpoint['name']} {checkpoint['sha256']}, seed {result['settings']['seed']}.",
        "gradcam_*: heat on the frames; lime_*: patches of the spectrogram; shap_*: weights. Warm speaks for, cool against.",
        "heard_evidence_*, heard_rest_*: the sound inside the patches that speak most for the emotion, and everything else.",
        "",
    ]
    return "\n".join(lines)


def _explanations(analysis: Analysis, trust: Trusts) -> dict[str, Any]:
    measured = {name: trust[name].to_dict() if name in trust else None for name in ("gradcam", "lime", "shap")}
    shap, lime, split = analysis.shap, analysis.lime, analysis.modalities
    return {
        "gradcam": {label: [] for label in LABELS} | {"trust": measured["gradcam"]},
        "gradcam_maps": {label: analysis.cam.maps[i].round(6).tolist() for i, label in enumerate(LABELS)} if analysis.cam else None,
        "lime": {
            "segments": lime.segments.tolist(),
            "weights": _by_label(lime.weights),
            "r2": _by_label(lime.r2),
            "trust": measured["lime"],
        }
        if lime
        else None,
        "shap": {
            "values": _by_label(shap.values),
            "base": _by_label(shap.base),
            "residual": _by_label(shap.residual),
            "trust": measured["shap"],
        },
        "modalities": {
            label: {
                "audio": float(split.audio[i]),
                "video": float(split.video[i]),
                "neither": float(split.neither[i]),
                "audio_alone": float(split.audio_alone[i]),
                "video_alone": float(split.video_alone[i]),
                "both": float(split.both[i]),
            }
            for i, label in enumerate(LABELS)
        },
    }


def _video(video) -> dict[str, Any]:
    return {
        "times": video.times.tolist(),
        "faces": [_box(face) for face in video.faces],
        "crops": [_box(square) for square in video.squares],
        "fallback": video.fallback,
    }


def _box(box: Box | None) -> list[float] | None:
    return None if box is None else [round(v, 2) for v in box]


def _by_label(values: np.ndarray) -> dict[str, Any]:
    return dict(zip(LABELS, np.asarray(values, float).tolist(), strict=True))


def _provenance(info: dict[str, Any]) -> dict[str, Any]:
    return {key: info[key] for key in ("trained_on", "commit", "created") if key in info}

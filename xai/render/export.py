"""An analysis as files: ``result.json`` and a picture of each explanation."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from features import SPACE
from features.faces import Box
from models.labels import LABELS
from xai.analysis import Analysis
from xai.explanation import Attribution, Contrast, Panel, SoundPatches
from xai.methods import METHODS
from xai.modality_split import ModalitySplit
from xai.render.figures import draw
from xai.render.sound import level_matched, take_apart, to_wav
from xai.render.text import in_words
from xai.score import Level, Trust

FORMAT = 2

Trusts = Mapping[str, Trust]


def to_dict(
    analysis: Analysis, contrast: Contrast | None = None, trust: Trusts | None = None, shown: Sequence[str] | None = None
) -> dict[str, Any]:
    """Everything but the pictures, as plain numbers, strings, lists and dictionaries; NaN becomes None.

    Args:
        contrast: what is in the foreground (default: the predicted class); all eight classes are always there.
        trust: by method, about this contrast (:func:`xai.analysis.check`); what is not measured is None.
        shown: the methods whose evidence is read out; those that are there at once by default.

    >>> from xai.analysis import analyse
    >>> result = to_dict(analyse(open("pages/sample/sample.wav", "rb").read(), None))
    >>> result["format"], result["target"] == result["prediction"]["label"], result["video"]
    (2, True, None)
    """
    settings, model = analysis.settings, analysis.model
    contrast = contrast or Contrast(analysis.predicted)
    features, video, audio = analysis.features, analysis.features.video, analysis.features.audio
    return {
        "format": FORMAT,
        "prediction": {"label": analysis.label, "probabilities": _by_label(analysis.probabilities)},
        "target": contrast.label,
        "against": contrast.rival,
        "in_words": in_words(analysis, contrast, trust, shown),
        "features": [None if np.isnan(v) else float(v) for v in features.vector],
        "feature_names": SPACE.names,
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
    analysis: Analysis, contrast: Contrast | None = None, trust: Trusts | None = None, shown: Sequence[str] | None = None
) -> Iterator[tuple[str, bytes]]:
    """Every file of an export as (name, content), made one by one: pictures first, then ``result.json``."""
    contrast = contrast or Contrast(analysis.predicted)
    result = to_dict(analysis, contrast, trust, shown)
    for index, label in enumerate(LABELS):
        for key, attribution in analysis.attributions.items():
            for name, picture in draw(analysis.features, attribution, Contrast(index), f"{key}_{label}"):
                if attribution.parts.panel is Panel.SAW:
                    result["explanations"][key][label].append(name)
                yield name, picture
    yield from _sounds(analysis, contrast)
    yield "summary.txt", summary(result).encode()
    yield "result.json", json.dumps(result, indent=1, allow_nan=False).encode()


def _sounds(analysis: Analysis, contrast: Contrast) -> Iterator[tuple[str, bytes]]:
    """The evidence alone and everything but the evidence, for the class in the foreground."""
    audio, found = analysis.features.audio, analysis.attribution(Panel.HEARD)
    if audio is None or found is None:
        return
    assert isinstance(found.parts, SoundPatches)
    heard = take_apart(audio, found.parts.cells, found.of(contrast))
    if heard is not None:
        for name, samples in (("evidence", heard.evidence), ("rest", heard.rest)):
            yield f"heard_{name}_{contrast.label}.wav", to_wav(level_matched(samples, audio.samples))


def write(analysis: Analysis, folder: Path, contrast: Contrast | None = None, trust: Trusts | None = None) -> None:
    """Write all :func:`files` into ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files(analysis, contrast, trust):
        (folder / name).write_bytes(content)


def to_zip(analysis: Analysis, contrast: Contrast | None = None, trust: Trusts | None = None, shown: Sequence[str] | None = None) -> bytes:
    """All :func:`files` as a ZIP, made in memory."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files(analysis, contrast, trust, shown):
            archive.writestr(name, content)
    return buffer.getvalue()


def warnings(analysis: Analysis) -> list[str]:
    """What must be read beside the prediction."""
    found = list(analysis.warnings)
    found += [f"{check.modality}: {check.words}" for check in analysis.checks if check.level is not Level.GREEN]
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
    """By key of the method: what its parts have to say, and its trust; None for one that is always there and does not apply."""
    found: dict[str, Any] = {}
    for key, method in METHODS.items():
        attribution = analysis.attributions.get(key)
        measured = trust[key].to_dict() if key in trust else None
        if attribution is None and not method.at_once:
            continue
        if method.panel is Panel.SAW:
            found[key] = {label: [] for label in LABELS} | {"trust": measured}
            found[f"{key}_maps"] = None if attribution is None else _maps(attribution)
        elif attribution is None:
            found[key] = None
        else:
            found[key] = _numbers(attribution) | {"trust": measured}
    return found | {"modalities": _split(analysis.modalities)}


def _maps(attribution: Attribution) -> dict[str, Any]:
    return {label: attribution.values[i].round(6).tolist() for i, label in enumerate(LABELS)}


def _numbers(attribution: Attribution) -> dict[str, Any]:
    """Values and extras by label; of patches also where they lie."""
    extras = {name: _by_label(values) for name, values in attribution.extras.items()}
    if isinstance(attribution.parts, SoundPatches):
        return {"segments": attribution.parts.segments.tolist(), "weights": _by_label(attribution.values)} | extras
    return {"values": _by_label(attribution.values)} | extras


def _split(split: ModalitySplit) -> dict[str, dict[str, float]]:
    """Shapley values and the probabilities of every coalition of one or no modality, and of all, by label."""
    parts = {str(m): split.contribution(m) for m in split.modalities} | {"neither": split.none}
    parts |= {f"{m}_alone": split.alone(m) for m in split.modalities} | {"both": split.everything}
    return {label: {name: float(values[i]) for name, values in parts.items()} for i, label in enumerate(LABELS)}


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

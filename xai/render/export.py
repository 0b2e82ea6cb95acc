"""An analysis as files: ``result.json`` and a picture of each explanation."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from features.faces import Box
from features.media.sampling import USUAL_STRIDE
from features.video import VideoFeatures
from models.labels import LABELS
from xai.analysis import Analysis
from xai.explanation import Attribution, Contrast, Moments, Panel, Settings, SoundPatches
from xai.methods import METHODS
from xai.modality_split import ModalitySplit
from xai.render.figures import draw, encode_png
from xai.render.sound import level_matched, take_apart, to_wav
from xai.render.summary import FAILED, summary
from xai.render.text import cautions, in_foreground, in_one_line, in_words
from xai.score import Level, Trust

if TYPE_CHECKING:
    from xai.model_level.second_opinion import Opinion

FORMAT = 2

Trusts = Mapping[str, Trust]


def to_dict(
    analysis: Analysis,
    contrast: Contrast | None = None,
    trust: Trusts | None = None,
    shown: Sequence[str] | None = None,
    technical: bool = False,
    second: Opinion | None = None,
) -> dict[str, Any]:
    """Everything but the pictures, as plain numbers, strings, lists and dictionaries; NaN becomes None.

    Args:
        contrast: what is in the foreground (default: the predicted class); all eight classes are always there.
        trust: by method, about this contrast (:func:`xai.analysis.check`); what is not measured is None.
        shown: the methods in the foreground, whose evidence is read out; those that are there at once by default.
        technical: words for a technical reader, as :func:`xai.render.text.in_words` has them.
        second: what another model says of the recording, if it was asked.

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
        "shown": in_foreground(analysis, shown),
        "in_words": in_words(analysis, contrast, trust, shown, technical),
        "features": [None if np.isnan(v) else float(v) for v in features.vector],
        "feature_names": features.space.names,
        "audio": _audio(audio) if audio else None,
        "video": _video(video) if video else None,
        "explanations": _explanations(analysis, trust or {}),
        "second_opinion": _second(second) if second else None,
        "warnings": warnings(analysis, second),
        "checks": [asdict(check) for check in analysis.checks],
        "should_be_asked": analysis.should_be_asked,
        "settings": _settings(settings, video),
        "seconds": analysis.seconds,
        "checkpoint": {
            "name": model.name,
            "sha256": model.digest,
            "softening": model.softening,
            "backbone": analysis.backbone.name,
            **_provenance(model.info),
        },
    }


def files(
    analysis: Analysis,
    contrast: Contrast | None = None,
    trust: Trusts | None = None,
    shown: Sequence[str] | None = None,
    technical: bool = False,
    second: Opinion | None = None,
) -> Iterator[tuple[str, bytes]]:
    """Every file of an export as (name, content), made one by one: pictures first, then ``result.json``.

    What did not pass its checks for the contrast in the foreground has :data:`FAILED` in its name, and a line through its pictures.
    """
    contrast = contrast or Contrast(analysis.predicted)
    result = to_dict(analysis, contrast, trust, shown, technical, second)
    failed = {key for key, measured in (trust or {}).items() if measured.level is Level.RED}
    wanted = [Contrast(index) for index in analysis.model.named]
    for drawn in wanted if contrast in wanted else [*wanted, contrast]:
        for key in analysis.attributions:
            names = result["explanations"][key].setdefault(_stem(drawn), []) if METHODS[key].panel is Panel.SAW else []
            for name, picture in _pictures(analysis, key, drawn, drawn == contrast and key in failed):
                names.append(name)
                yield name, picture
    yield from _sounds(analysis, contrast, result["shown"], failed)
    yield "summary.txt", summary(result).encode()
    yield "result.json", json.dumps(result, indent=1, allow_nan=False).encode()


def _stem(contrast: Contrast) -> str:
    """Name of a contrast in names of files."""
    return contrast.words.replace(" ", "_")


def _pictures(analysis: Analysis, key: str, contrast: Contrast, failed: bool) -> Iterator[tuple[str, bytes]]:
    name = f"{key}_{_stem(contrast)}" + (f"_{FAILED}" if failed else "")
    for file, picture in draw(analysis.features, analysis.attributions[key], contrast, name):
        yield file, _struck(picture) if failed else picture


def _struck(png: bytes) -> bytes:
    """The picture with a red line through it, which says why."""
    picture = cv2.cvtColor(np.asarray(cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR)), cv2.COLOR_BGR2RGB)
    height, width = picture.shape[:2]
    thick = max(2, width // 200)
    cv2.line(picture, (0, height - 1), (width - 1, 0), _RED, thick, cv2.LINE_AA)
    scale = width / 640
    picture = cv2.copyMakeBorder(picture, round(34 * scale), 0, 0, 0, cv2.BORDER_CONSTANT, value=_RED)
    place, weight = (round(8 * scale), round(24 * scale)), max(1, round(1.5 * scale))
    cv2.putText(picture, _NOT_PASSED, place, cv2.FONT_HERSHEY_SIMPLEX, 0.7 * scale, (255, 255, 255), weight, cv2.LINE_AA)
    return encode_png(picture)


_RED = (211, 47, 47)
_NOT_PASSED = "Did not pass its check: do not rely on it"


def _sounds(analysis: Analysis, contrast: Contrast, shown: Sequence[str], failed: set[str]) -> Iterator[tuple[str, bytes]]:
    """The evidence alone and everything but the evidence, for the contrast and by the method in the foreground."""
    audio = analysis.features.audio
    key = next((key for key in shown if METHODS[key].panel is Panel.HEARD), None)
    if audio is None or key is None:
        return
    found = analysis.attributions[key]
    assert isinstance(found.parts, SoundPatches)
    heard = take_apart(audio, found.parts.cells, found.of(contrast))
    if heard is not None:
        end = _stem(contrast) + (f"_{FAILED}" if key in failed else "")
        for name, samples in (("evidence", heard.evidence), ("rest", heard.rest)):
            yield f"heard_{name}_{end}.wav", to_wav(level_matched(samples, audio.samples))


def write(
    analysis: Analysis,
    folder: Path,
    contrast: Contrast | None = None,
    trust: Trusts | None = None,
    shown: Sequence[str] | None = None,
    technical: bool = False,
    second: Opinion | None = None,
) -> None:
    """Write all :func:`files` into ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files(analysis, contrast, trust, shown, technical, second):
        (folder / name).write_bytes(content)


def to_zip(
    analysis: Analysis,
    contrast: Contrast | None = None,
    trust: Trusts | None = None,
    shown: Sequence[str] | None = None,
    technical: bool = False,
    second: Opinion | None = None,
) -> bytes:
    """All :func:`files` as a ZIP, made in memory."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files(analysis, contrast, trust, shown, technical, second):
            archive.writestr(name, content)
    return buffer.getvalue()


def warnings(analysis: Analysis, second: Opinion | None = None) -> list[str]:
    """What must be read beside the prediction: the sentences of the page."""
    return cautions(analysis, second)


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
    if isinstance(attribution.parts, Moments):
        moments = {str(modality): segments.tolist() for modality, segments in attribution.parts.segments.items()}
        return {"moments": moments, "values": _by_label(attribution.values)} | extras
    return {"values": _by_label(attribution.values)} | extras


def _split(split: ModalitySplit) -> dict[str, dict[str, float]]:
    """Shapley values and the probabilities of every coalition of one or no modality, and of all, by label."""
    parts = {str(m): split.contribution(m) for m in split.modalities} | {"neither": split.none}
    parts |= {f"{m}_alone": split.alone(m) for m in split.modalities} | {"both": split.everything}
    return {label: {name: float(values[i]) for name, values in parts.items()} for i, label in enumerate(LABELS)}


def _audio(audio) -> dict[str, Any]:
    return {"seconds": audio.seconds, "rate": audio.source_rate, "channels": audio.channels, "start": round(audio.start, 6)}


def _video(video) -> dict[str, Any]:
    return {
        "times": video.times.tolist(),
        "faces": [_box(face) for face in video.faces],
        "crops": [_box(square) for square in video.squares],
        "fallback": video.fallback,
        "frames": list(video.numbers),
        "people": video.who.tolist(),
        "turned": video.turned,
    }


def _second(second: Opinion) -> dict[str, Any]:
    return {
        "model": second.model,
        "label": second.label,
        "probability": second.probability,
        "accuracy": second.accuracy,
        "agrees": second.agrees,
        "sentence": in_one_line(second),
    }


def _settings(own: Settings, video: VideoFeatures | None) -> dict[str, Any]:
    stride = own.stride
    if stride is None and (video is None or video.numbers == tuple(range(0, USUAL_STRIDE * len(video.times), USUAL_STRIDE))):
        stride = USUAL_STRIDE  # what about one picture a second came to; None where it was no fixed number of frames
    return {"stride": stride, "samples": own.samples, "seed": own.seed, "shap_estimator": own.estimator}


def _box(box: Box | None) -> list[float] | None:
    return None if box is None else [round(v, 2) for v in box]


def _by_label(values: np.ndarray) -> dict[str, Any]:
    return dict(zip(LABELS, np.asarray(values, float).tolist(), strict=True))


def _provenance(info: dict[str, Any]) -> dict[str, Any]:
    return {key: info[key] for key in ("trained_on", "commit", "created") if key in info}

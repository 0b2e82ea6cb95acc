"""Format 2 of ``result.json`` is a contract: every key that it ever had is there, and means what it meant."""

import io
import json
import zipfile
from dataclasses import replace

import cv2
import numpy as np
import pytest

from features import SPACE, Modality
from models.labels import LABELS
from xai.analysis import Analysis, explain
from xai.explanation import Contrast
from xai.metrics.measures import FIT
from xai.modality_split import split_modalities
from xai.model_level.second_opinion import Opinion
from xai.render.export import FAILED, files, to_dict, to_zip, write
from xai.render.text import cautions, in_one_line, in_words
from xai.score import Score, Trust

TOP = {
    "format": int,
    "prediction": {"label", "probabilities"},
    "target": str,
    "against": None,
    "shown": list,
    "in_words": list,
    "features": list,
    "feature_names": list,
    "audio": {"seconds", "rate", "channels"},
    "video": {"times", "faces", "crops", "fallback"},
    "explanations": {"gradcam", "gradcam_maps", "lime", "shap", "modalities"},
    "warnings": list,
    "checks": list,
    "should_be_asked": bool,
    "settings": {"stride", "samples", "seed", "shap_estimator"},
    "seconds": {"audio", "video", "pairing", "prediction", "modalities", "gradcam", "lime", "shap", "checks"},
    "checkpoint": {"name", "sha256", "softening", "backbone", "trained_on", "commit", "created"},
}


def of_labels(values) -> dict:
    return dict(zip(LABELS, np.asarray(values, float).tolist(), strict=True))


def test_no_key_is_gone_and_none_changed_its_kind(sample_analysis):
    result = json.loads(json.dumps(to_dict(sample_analysis), allow_nan=False))
    for key, kind in TOP.items():
        if isinstance(kind, set):
            assert kind <= set(result[key]), key
        else:
            assert result[key] is None if kind is None else type(result[key]) is kind, key
    assert result["format"] == 2
    assert set(result["checks"][0]) >= {"name", "modality", "level", "value", "words"}
    assert {check["modality"] for check in result["checks"]} == {"voice", "face"}


def test_every_number_is_the_analysis_own(sample_analysis):
    a, result = sample_analysis, to_dict(sample_analysis)
    gradcam, lime, shap = (a.attributions[key] for key in ("gradcam", "lime", "shap"))
    found = result["explanations"]
    assert result["prediction"] == {"label": a.label, "probabilities": of_labels(a.probabilities)}
    assert (result["feature_names"], result["features"]) == (SPACE.names, a.features.vector.tolist())
    assert found["gradcam_maps"] == {label: gradcam.values[k].round(6).tolist() for k, label in enumerate(LABELS)}
    assert found["lime"]["segments"] == lime.parts.segments.tolist()
    assert found["lime"]["weights"] == of_labels(lime.values)
    assert found["lime"]["r2"] == of_labels(lime.extras["r2"])
    assert found["shap"]["values"] == of_labels(shap.values)
    assert found["shap"]["base"] == of_labels(shap.extras["base"])
    assert found["shap"]["residual"] == of_labels(shap.extras["residual"])
    split = a.modalities
    for k, label in enumerate(LABELS):
        assert found["modalities"][label] == {
            "audio": split.contribution(Modality.AUDIO)[k],
            "video": split.contribution(Modality.VIDEO)[k],
            "neither": split.none[k],
            "audio_alone": split.alone(Modality.AUDIO)[k],
            "video_alone": split.alone(Modality.VIDEO)[k],
            "both": split.everything[k],
        }


def test_what_is_in_the_foreground_is_named_and_put_in_words(sample_analysis):
    for contrast in (Contrast(6), Contrast(6, 4)):
        result = to_dict(sample_analysis, contrast)
        assert (result["target"], result["against"]) == ("sad", contrast.rival)
        assert result["in_words"] == in_words(sample_analysis, contrast)
    assert to_dict(sample_analysis)["target"] == sample_analysis.label
    trust = {"lime": Trust((Score(FIT, 0.1),))}
    result = to_dict(sample_analysis, Contrast(6), trust, ["lime"])
    assert result["in_words"] == in_words(sample_analysis, Contrast(6), trust, ["lime"])
    assert result["explanations"]["lime"]["trust"] == trust["lime"].to_dict()
    assert result["explanations"]["shap"]["trust"] is None
    assert result["shown"] == ["lime"]
    assert to_dict(sample_analysis)["shown"] == ["gradcam", "lime", "shap"]
    technical = to_dict(sample_analysis, Contrast(6), technical=True)
    assert technical["in_words"] == in_words(sample_analysis, Contrast(6), technical=True)


@pytest.mark.parametrize("agrees", [True, False])
def test_a_second_opinion_is_told_as_the_page_tells_it(sample_analysis, agrees):
    second = Opinion("av-tokens", "Second by second", "both", "sad", 0.625, 0.75, agrees)
    bare = replace(sample_analysis, attributions={})
    archive = dict(files(bare, second=second))
    result, text = json.loads(archive["result.json"]), archive["summary.txt"].decode()
    told = {"model": "av-tokens", "label": "sad", "probability": 0.625, "accuracy": 0.75, "agrees": agrees, "sentence": in_one_line(second)}
    assert result["second_opinion"] == told
    assert result["warnings"] == cautions(sample_analysis, second)
    assert told["sentence"] in text.splitlines()
    assert ("Note: Another model disagrees" in text) == (not agrees)
    alone = dict(files(bare))
    assert json.loads(alone["result.json"])["second_opinion"] is None
    assert "Second opinion" not in alone["summary.txt"].decode()


def with_more(analysis: Analysis) -> Analysis:
    """With what was asked for: another method of the picture."""
    gradcam = analysis.attributions["gradcam"]
    return replace(analysis, attributions={"gradcam": gradcam, "occlusion": replace(gradcam, method="occlusion", values=-gradcam.values)})


def test_a_method_that_was_asked_for_is_there_too_and_one_that_was_not_is_not(sample_analysis):
    usual, more = to_dict(sample_analysis)["explanations"], to_dict(with_more(sample_analysis))["explanations"]
    assert set(usual) == TOP["explanations"]
    assert set(more) == TOP["explanations"] | {"occlusion", "occlusion_maps"}
    assert np.array_equal(more["occlusion_maps"]["sad"], -np.array(more["gradcam_maps"]["sad"]))
    assert more["lime"] is more["shap"] is None  # always on offer, and not made here


@pytest.mark.parametrize("missing", Modality)
def test_what_is_missing_is_none(sample_analysis, missing):
    subject = replace(sample_analysis.subject, features=sample_analysis.features.with_part(missing, None))
    found = explain(subject)
    result = json.loads(json.dumps(to_dict(found), allow_nan=False))
    assert result[missing] is None
    assert [value is None for value in result["features"]] == np.isnan(subject.features.vector).tolist()
    assert (result["explanations"]["lime"] is None) == (missing is Modality.AUDIO)
    assert (result["explanations"]["gradcam_maps"] is None) == (missing is Modality.VIDEO)
    assert result["explanations"]["modalities"]["sad"]["both"] == split_modalities(found.subject).everything[6]


def test_every_picture_is_in_the_archive_under_the_name_that_the_result_gives(sample_analysis):
    with zipfile.ZipFile(io.BytesIO(to_zip(with_more(sample_analysis), Contrast(3)))) as archive:
        names = archive.namelist()
        result = json.loads(archive.read("result.json"))
        listed = [name for key in ("gradcam", "occlusion") for label in LABELS for name in result["explanations"][key][label]]
        assert len(set(names)) == len(names)
        assert sorted(listed) == sorted(name for name in names if name.endswith(".png"))
        assert len(listed) == 2 * 8 * len(sample_analysis.features.video.times)
        picture = cv2.imdecode(np.frombuffer(archive.read(listed[0]), np.uint8), cv2.IMREAD_COLOR)
        assert picture.shape == sample_analysis.features.video.pictures[0].shape
        assert result["in_words"][0] in archive.read("summary.txt").decode()


GREEN, RED = (Trust((Score(FIT, value),)) for value in (0.9, 0.1))
STRIPE = (211, 47, 47)


def opened(archive: dict[str, bytes], name: str) -> np.ndarray:
    return cv2.cvtColor(cv2.imdecode(np.frombuffer(archive[name], np.uint8), cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)


def test_what_failed_is_struck_in_the_pictures_in_their_names_and_in_the_summary(sample_analysis):
    a, contrast = with_heat_and_sound(sample_analysis), Contrast(6)
    archive = dict(files(a, contrast, {"gradcam": RED, "occlusion": GREEN}, ["occlusion", "lime"]))
    result, text = json.loads(archive["result.json"]), archive["summary.txt"].decode()
    assert result["shown"] == ["occlusion", "lime"]
    struck = [name for name in archive if FAILED in name]
    count = len(a.features.video.times)
    assert struck == [f"gradcam_sad_{FAILED}_{frame:03d}.png" for frame in range(count)]
    assert result["explanations"]["gradcam"]["sad"] == struck
    whole = {name for name in archive if name.endswith(".png")} - set(struck)
    assert not [name for name in whole if (opened(archive, name) == STRIPE).all(axis=2).mean() > 0.01]
    for name in struck:
        picture = opened(archive, name)
        assert picture.shape[0] > a.features.video.pictures[0].shape[0]
        assert (picture == STRIPE).all(axis=2).mean() > 0.02
    assert "Occlusion, for sad: true to the model." in text
    assert "LIME, for sad: not checked." in text
    assert "Grad-CAM (not in the foreground), for sad: did not pass its checks, do not rely on it. The simple picture" in text
    assert all(sentence in text for sentence in result["in_words"])
    assert "(by Occlusion)" in text


def with_heat_and_sound(analysis: Analysis) -> Analysis:
    """Two explanations of the picture and one of the sound."""
    return replace(with_more(analysis), attributions=with_more(analysis).attributions | {"lime": analysis.attributions["lime"]})


def test_the_legend_names_the_files_that_are_there(sample_analysis):
    a = with_heat_and_sound(sample_analysis)
    for trust, shown in ((None, None), ({"lime": RED}, ["lime"]), (None, ["gradcam"])):
        archive = dict(files(a, Contrast(6), trust, shown))
        said = archive["summary.txt"].decode().splitlines()
        legend = {line.split("_*")[0] for line in said if "_*: " in line and not line.startswith("*")}
        assert legend == {"gradcam", "occlusion", "lime"} | ({"heard_evidence"} if shown != ["gradcam"] else set())
        assert any(line.startswith(f"*_{FAILED}*") for line in said) == any(FAILED in name for name in archive) == bool(trust)
        assert any(name.startswith("heard_") for name in archive) == (shown != ["gradcam"])


def test_the_evidence_that_can_be_heard_is_that_of_the_method_in_the_foreground(sample_analysis):
    lime = sample_analysis.attributions["lime"]
    other = replace(lime, method="sound_occlusion", values=-lime.values)
    a = replace(sample_analysis, attributions={"lime": lime, "sound_occlusion": other})
    alone = replace(sample_analysis, attributions={"lime": replace(lime, values=-lime.values)})
    found, expected = dict(files(a, Contrast(6), None, ["sound_occlusion"])), dict(files(alone, Contrast(6)))
    assert found["heard_evidence_sad.wav"] == expected["heard_evidence_sad.wav"] != dict(files(a, Contrast(6)))["heard_evidence_sad.wav"]
    struck = dict(files(a, Contrast(6), {"sound_occlusion": RED}, ["sound_occlusion"]))
    assert struck[f"heard_evidence_sad_{FAILED}.wav"] == expected["heard_evidence_sad.wav"]


def test_one_emotion_rather_than_another_has_pictures_of_its_own_and_they_alone_are_struck(sample_analysis):
    a = with_heat_and_sound(sample_analysis)
    archive = dict(files(a, Contrast(6, 4), {"gradcam": RED, "lime": GREEN}))
    found = json.loads(archive["result.json"])["explanations"]["gradcam"]
    assert all(FAILED in name for name in found["sad_rather_than_happy"])
    assert not any(FAILED in name for label in LABELS for name in found[label])
    assert len(found["sad_rather_than_happy"]) == len(found["sad"])
    assert "lime_sad_rather_than_happy.png" in archive
    assert "heard_rest_sad_rather_than_happy.wav" in archive


def test_a_folder_holds_what_an_archive_holds(sample_analysis, tmp_path):
    a, asked = with_more(sample_analysis), (Contrast(6), {"occlusion": RED}, ["occlusion"], True)
    write(a, tmp_path / "out", *asked)
    with zipfile.ZipFile(io.BytesIO(to_zip(a, *asked))) as archive:
        assert {file.name: file.read_bytes() for file in (tmp_path / "out").iterdir()} == {n: archive.read(n) for n in archive.namelist()}

"""A model that can only be asked is explained by what needs no gradients: planted causes are found, a panel may be missing."""

import json
import zipfile
from dataclasses import replace
from io import BytesIO

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from features import Modality
from features.audio import RATE
from features.faces import CROP
from models.checkpoint import load_model
from models.labels import LABELS
from tests.conftest import SAMPLE
from tests.models.foreign.onnx_files import linear_checkpoint, loudness, put, read, redness, sidecar
from tests.recordings import make_audio, make_video, recording
from tests.xai.conftest import subject_of
from xai.__main__ import main
from xai.analysis import Settings, analyse, check_one, explain
from xai.counterfactuals.flip import smallest_flips
from xai.counterfactuals.what_if import WhatIf, what_if
from xai.explanation import Contrast, Panel, Subject
from xai.methods import METHODS, methods_of
from xai.methods.lime import fit_surrogate, nearness, sample_masks
from xai.metrics.randomisation import NOT_SCRAMBLED
from xai.model_level.all_models import ask_all
from xai.reference import compare_with_libraries
from xai.render.export import to_dict, to_zip
from xai.render.stages import stages

ANGRY, CALM = LABELS.index("angry"), LABELS.index("calm")
NEED_GRADIENTS = {
    *("gradcam", "layercam3", "integrated_gradcam", "shap", "shap_face", "sound_gradients", "integrated_gradients"),
    *("gradcamplusplus", "xgradcam", "layercam", "hirescam", "eigencam"),
}


@pytest.fixture(scope="module")
def exported():
    return read(*linear_checkpoint())


@pytest.fixture(scope="module")
def hearing():
    return read(loudness(), sidecar("samples"))


@pytest.fixture(scope="module")
def seeing():
    """Where the upper left of a face is red."""
    return read(redness((0, 64, 0, 64)), sidecar("faces"))


@pytest.fixture
def film(seeing):
    """Grey faces, the second of which has a red upper left."""
    crops = np.full((2, CROP, CROP, 3), 90, np.uint8)
    crops[1, 8:56, 8:56] = (250, 40, 40)
    return make_video(crops, np.array([True, True]), seeing.load_backbone().maps)


@pytest.fixture
def voice():
    """A tone of 3 kHz in the second of two seconds."""
    time = np.arange(2 * RATE) / RATE
    quiet = 0.02 * np.random.default_rng(0).standard_normal(2 * RATE)
    return make_audio(quiet + 0.2 * np.sin(2 * np.pi * 3000 * time) * (time > 1))


def test_what_follows_gradients_is_not_offered(exported, hearing, seeing, random_features, film, backbone):
    whole = methods_of(Subject(random_features, exported, backbone))
    assert set(METHODS) - set(whole) == NEED_GRADIENTS
    assert [key for key in whole if METHODS[key].comes_at_once(Subject(random_features, exported, backbone))] == [
        "lime",
        "occlusion",
        "shapley_sampling",
    ]
    heard = subject_of(recording(random_features.audio), hearing)
    assert list(methods_of(heard)) == ["sound_occlusion", "lime"]
    assert METHODS["sound_occlusion"].comes_at_once(heard)
    assert not METHODS["lime"].comes_at_once(heard)
    seen = subject_of(recording(None, film), seeing, seeing.load_backbone())
    assert list(methods_of(seen)) == ["occlusion", "rise"]


def test_every_method_of_gradients_says_that_it_needs_them():
    """Whoever asks a model for its gradients, by name in the code, declares it."""
    assert {key for key, method in METHODS.items() if method.needs_gradients} == NEED_GRADIENTS


def test_an_exported_checkpoint_is_explained_as_the_checkpoint_is(exported, random_features, backbone, monkeypatch):
    monkeypatch.setattr("xai.analysis.softened", lambda model, features: model)  # what the exported one learned from is not known
    own = replace(load_model("linear"), alone=None)
    first, second = (explain(Subject(random_features, model, backbone, Settings(samples=300))) for model in (own, exported))
    assert_allclose(second.probabilities, first.probabilities, atol=1e-4)
    assert_allclose(second.attributions["lime"].values, first.attributions["lime"].values, atol=1e-4)
    occluded = first.with_attribution("occlusion").attributions["occlusion"].values
    assert_allclose(second.attributions["occlusion"].values, occluded, atol=1e-3)
    weighed = first.with_attribution("shapley_sampling").attributions["shapley_sampling"].values
    assert_allclose(second.attributions["shapley_sampling"].values, weighed, atol=1e-3)
    for modality in Modality:
        assert_allclose(second.modalities.contribution(modality), first.modalities.contribution(modality), atol=1e-3)


@pytest.mark.parametrize("method", ["sound_occlusion", "lime"])
def test_what_was_heard_is_found(hearing, voice, method):
    subject = subject_of(recording(voice), hearing, samples=300)
    found = METHODS[method].explain(subject, 0)
    _, t1, hz0, hz1 = found.parts.segments[found.of(Contrast(ANGRY)).argmax()]
    assert t1 > 1.0
    assert hz0 <= 3000 <= hz1
    assert not found.values[CALM].any()  # an emotion without an output has no evidence, not even of rounding
    scores = {score.measure.name: score for score in METHODS[method].checks(subject, found, Contrast(ANGRY))}
    assert scores["faithfulness"].level == "green"
    assert "randomisation" not in " ".join(scores)
    assert all(np.isfinite(score.value) for score in scores.values())


@pytest.mark.parametrize("method", ["occlusion", "rise"])
def test_what_was_seen_is_found(seeing, film, method):
    found = METHODS[method].explain(subject_of(recording(None, film), seeing, seeing.load_backbone()), 0)
    frame, row, column = np.unravel_index(found.of(Contrast(ANGRY)).argmax(), found.values.shape[1:])
    assert (frame, row <= 1, column <= 1) == (1, True, True)
    assert not found.values[CALM].any()


def test_that_scrambling_was_left_out_is_said(exported, random_features, backbone):
    analysis = explain(Subject(random_features, exported, backbone, Settings(samples=300)))
    trust = check_one(analysis, "lime", Contrast(ANGRY))
    assert trust.left_out == (NOT_SCRAMBLED,)
    assert "learned_classifier" not in {score.measure.name for score in trust.scores}
    assert trust.to_dict()["left_out"] == [NOT_SCRAMBLED]
    own = explain(Subject(random_features, load_model("linear"), backbone, Settings(samples=300)))
    assert check_one(own, "lime", Contrast(ANGRY)).left_out == ()


def test_a_logit_that_never_changes_has_weights_of_exactly_nothing():
    masks = sample_masks(300, 20, 0)
    logits = np.stack([np.full(300, -8192.0), masks @ np.arange(20.0)], axis=1)
    weights, r2 = fit_surrogate(masks, logits, nearness(masks))
    assert_array_equal(weights[0], 0.0)
    assert r2[0] == 1.0
    assert np.corrcoef(weights[1], np.arange(20))[0, 1] > 0.99


def complete(analysis, has: set[Panel], flips: bool = True):
    """Everything else that is asked of an analysis, with the panels that are there; flips of a face by a large network take long."""
    assert {a.parts.panel for a in analysis.attributions.values()} == has
    trust = {key: check_one(analysis, key, Contrast(analysis.predicted)) for key in analysis.attributions}
    result = to_dict(analysis, trust=trust)
    json.dumps(result, allow_nan=False)
    names = zipfile.ZipFile(BytesIO(to_zip(analysis, trust=trust))).namelist()
    assert {"result.json", "summary.txt"} <= set(names)
    pictures = [name for name in names if name.endswith(".png")]
    pictured = {label for label in LABELS if any(f"_{label}" in name for name in pictures)}
    assert pictured == {LABELS[k] for k in analysis.model.named}  # of what it cannot name there is nothing to see
    assert [stage.title for stage in stages(analysis.subject)][-3:] == ["What the model is given", "Logits", "Probabilities"]
    for flip in smallest_flips(analysis) if flips else ():
        assert flip.label != analysis.label
    answers = ask_all(None, None, known=analysis)
    assert answers[-1].name == "mine.onnx"
    assert_allclose(answers[-1].probabilities, analysis.probabilities, atol=1e-6)
    return result


def test_a_recording_through_each_kind_of_file(hearing, seeing, exported, sample):
    heard = analyse(*sample, model=hearing, settings=Settings(samples=200, stride=60))
    assert "The chosen model judges the voice only: the face was not looked at." in heard.warnings
    assert hearing.notes[0] in complete(heard, {Panel.HEARD})["warnings"]
    assert what_if(heard.features, hearing, heard.backbone.maps, WhatIf("noisy")).sum() == pytest.approx(1)
    faded = what_if(heard.features, hearing, heard.backbone.maps, WhatIf(), left={Modality.AUDIO: 0.3})
    assert faded[ANGRY] < heard.probabilities[ANGRY]  # what is loud is angry, and less of it is left
    seen = analyse(*sample, model=seeing, settings=Settings(stride=60))
    complete(seen, {Panel.SAW})
    assert what_if(seen.features, seeing, seen.backbone.maps, WhatIf(face="mouth covered")).shape == (8,)
    whole = analyse(*sample, model=exported, settings=Settings(samples=200, stride=60))
    complete(whole, set(Panel), flips=False)
    complete(analyse(sample[0], None, model=exported, settings=Settings(samples=200)), {Panel.HEARD, Panel.WEIGHED}, flips=False)
    compared = [[found.library.split()[0] for found in compare_with_libraries(analysis)] for analysis in (heard, seen, whole)]
    assert compared == [["librosa"], [], ["librosa", "lime", "lime"]]


def test_how_likely_a_recording_is_to_it_is_not_claimed(exported, random_features, backbone):
    """What it has learned from is not known."""
    analysis = explain(Subject(random_features, exported, backbone, Settings(samples=200)))
    assert "likeness" not in {check.name for check in analysis.checks}
    assert {"length", "noise", "faces"} <= {check.name for check in analysis.checks}


def test_the_command_line_knows_a_file_by_path_and_by_name(tmp_path, monkeypatch, capsys):
    path = put(tmp_path, *linear_checkpoint())
    voice = str(SAMPLE / "sample.wav")
    more = ("--methods", "shap", "gradcam")
    assert main([voice, "-", "--out", str(tmp_path / "a"), "--model", str(path), "--samples", "200", *more]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "left out: shap needs gradients, which this model does not give" in lines
    assert "left out: gradcam needs a face" in lines
    assert lines.index(f"written: {tmp_path / 'a' / 'result.json'}") > 0
    (line,) = [line for line in lines if line.startswith("trust in lime")]
    assert line.endswith(f"; {NOT_SCRAMBLED}")
    monkeypatch.setenv("EMOLENS_MODELS", str(tmp_path))
    assert main([voice, "-", "--out", str(tmp_path / "b"), "--model", "mine.onnx", "--samples", "200", "--no-trust"]) == 0
    first, second = (json.loads((tmp_path / name / "result.json").read_text()) for name in "ab")
    assert first["prediction"] == second["prediction"]
    assert second["checkpoint"]["name"] == "mine.onnx"
    assert second["explanations"]["shap"] is None
    capsys.readouterr()
    assert main([voice, "-", "--out", str(tmp_path / "c"), "--model", "other.onnx"]) == 2
    assert capsys.readouterr().err.count("\n") == 1

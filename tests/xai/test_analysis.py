"""One recording, any of the models: what each takes note of, and that everything it says fits together."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from features import MediaError, Modality, extract
from features.audio import mfcc_features
from models.checkpoint import save_model
from models.evaluation.metrics import softmax
from models.labels import LABELS
from models.model import EmotionModel
from models.registry import MODELS
from tests.conftest import SAMPLE, encode_video, tone, wav
from xai.__main__ import main
from xai.analysis import Settings, analyse
from xai.explanation import Contrast, Panel
from xai.methods import METHODS, methods_of
from xai.methods.pytorch_grad_cam import library_maps
from xai.methods.shap import left_over

QUICK = Settings(samples=300)


@pytest.fixture(scope="module")
def film() -> bytes:
    """A film of noise with a voice, of which there are two pictures."""
    noise = np.random.default_rng(0).integers(0, 255, (31, 64, 64, 3), np.uint8)
    return encode_video(noise, sound=tone(1.2, 300))


def untrained(name: str, model: EmotionModel) -> EmotionModel:
    """Behind the mean and deviation of the one that is shipped."""
    torch.manual_seed(3)
    classifier = MODELS[name].network().eval().requires_grad_(False)
    return replace(model, name=name, classifier=classifier, architecture=name, temperature=1.2, alone=None)


@pytest.fixture(scope="module")
def of_tokens(sample, token_model):
    return analyse(*sample, model=token_model, settings=QUICK)


def test_a_classifier_of_sequences_is_explained_like_any_other(of_tokens, token_model):
    a = of_tokens
    cam, lime, shap = (a.attributions[key] for key in ("gradcam", "lime", "shap"))
    assert not any("chosen model" in warning for warning in a.warnings)
    logits = a.model.predict(a.features)
    assert a.model.softening == 1.4  # the voice is synthetic
    assert_allclose(logits, token_model.predict(a.features) / 1.4, atol=1e-6)
    assert_allclose(a.probabilities, softmax(logits), atol=1e-6)
    assert_allclose(a.modalities.everything, a.probabilities, atol=1e-6)
    assert_allclose(shap.extras["base"] + shap.values.sum(axis=1) + shap.extras["residual"], logits, atol=1e-5)
    assert (np.abs(shap.extras["residual"]) < 0.1 * np.abs(shap.values).sum(axis=1)).all()
    assert cam.values.shape == (8, len(a.features.video.times), 7, 7)
    assert cam.values[:, a.features.video.used].any(axis=(2, 3)).all()
    assert lime.values.shape == (8, len(lime.parts.cells))
    assert lime.settings["samples"] == 300
    for part in (cam.values, lime.values, lime.extras["r2"], shap.values):
        assert np.isfinite(part).all()
    assert set(a.seconds) >= {"audio", "video", "prediction", "modalities", "gradcam", "lime", "shap", "checks"}


def test_a_classifier_of_sequences_on_the_command_line(tmp_path, token_model, of_tokens):
    """Everything that is written down fits together, and is what the analysis says."""
    save_model(token_model, tmp_path / "tokens.safetensors")
    command = [str(SAMPLE / "sample.wav"), str(SAMPLE / "sample.mp4"), "--model", str(tmp_path / "tokens.safetensors")]
    assert main([*command, "--out", str(tmp_path / "out"), "--samples", "300", "--no-trust"]) == 0
    r = json.loads((tmp_path / "out" / "result.json").read_text(encoding="utf-8"))
    assert_allclose(list(r["prediction"]["probabilities"].values()), of_tokens.probabilities, atol=1e-6)
    logits = dict(zip(LABELS, of_tokens.model.predict(of_tokens.features), strict=True))
    shap, lime = r["explanations"]["shap"], r["explanations"]["lime"]
    for k, label in enumerate(LABELS):
        assert sum(shap["values"][label]) + shap["base"][label] + shap["residual"][label] == pytest.approx(logits[label], abs=1e-4)
        split = r["explanations"]["modalities"][label]
        assert split["audio"] + split["video"] == pytest.approx(r["prediction"]["probabilities"][label] - split["neither"], abs=1e-6)
        assert_allclose(lime["weights"][label], of_tokens.attributions["lime"].values[k], atol=1e-5)
        assert_allclose(r["explanations"]["gradcam_maps"][label], of_tokens.attributions["gradcam"].values[k], atol=1e-5)
    assert r["checkpoint"]["name"] == "tokens"


def test_a_voice_model_does_not_look(sample, model):
    a = analyse(*sample, model=untrained("voice", model), settings=QUICK)
    assert a.features.video is None
    assert set(a.attributions) == {"lime", "shap"}
    assert a.attribution(Panel.SAW) is None
    assert a.warnings == ("The chosen model judges the voice only: the face was not looked at.",)
    assert_allclose(a.features.vector[:40], extract(sample[0], None, {Modality.AUDIO: mfcc_features}).vector[:40])
    assert np.isnan(a.features.vector[40:]).all()
    assert a.modalities.verdict(Modality.VIDEO) is None
    assert_allclose(a.modalities.contribution(Modality.VIDEO), 0, atol=1e-7)
    assert a.attributions["lime"].values.any(axis=1).all()
    assert not a.attributions["shap"].values[:, 40:].any()
    alone = analyse(sample[0], None, model=a.model, settings=QUICK)
    assert alone.warnings == ()
    assert_allclose(alone.probabilities, a.probabilities, atol=1e-7)


def test_a_face_model_does_not_listen(sample, model, backbone, film):
    a = analyse(*sample, model=untrained("face", model), settings=QUICK)
    assert a.features.audio is None
    assert set(a.attributions) == {"gradcam", "shap"}
    assert a.warnings == ("The chosen model judges the face only: the voice was not listened to.",)
    assert_allclose(a.features.vector[40:], extract(*sample, {Modality.VIDEO: backbone.maps}).vector[40:])
    assert np.isnan(a.features.vector[:40]).all()
    assert a.modalities.verdict(Modality.AUDIO) is None
    assert_allclose(a.modalities.contribution(Modality.AUDIO), 0, atol=1e-7)
    maps = a.attributions["gradcam"].values
    assert maps.any(axis=(1, 2, 3)).all()
    assert not a.attributions["shap"].values[:, :40].any()
    theirs = library_maps(a.subject)
    assert_allclose(maps, theirs, atol=1e-4 * np.abs(theirs).max())
    sounding = analyse(None, film, model=a.model, settings=QUICK)
    assert sounding.features.audio is None
    assert any("not listened to" in warning for warning in sounding.warnings)


def test_a_voice_model_hears_the_sound_of_a_film(film, model):
    voice = untrained("voice", model)
    a = analyse(None, film, model=voice, settings=QUICK)
    assert a.features.video is None
    assert a.features.audio.seconds == pytest.approx(1.2, abs=0.1)
    assert a.warnings[-1] == "The chosen model judges the voice only: the face was not looked at."
    given = analyse(wav(tone(1.5, 500)), film, model=voice, settings=QUICK)
    assert given.features.audio.seconds == pytest.approx(1.5, abs=0.01)  # the voice that was given, not the film's


@pytest.mark.parametrize(
    ("name", "audio", "video", "words"),
    [
        ("voice", None, "silent", "add a recording of a voice"),
        ("voice", None, None, "add a recording of a voice"),
        ("face", "voice", None, "add a video of a face"),
        ("face", None, None, "add a video of a face"),
        ("voice", "silence", "film", "silent"),
        ("av-tokens", None, None, "Nothing to analyse"),
        ("av-tokens", "junk", None, ""),
    ],
)
def test_a_missing_modality_is_one_sentence(name, audio, video, words, model, token_model, film):
    silent = encode_video(np.zeros((2, 64, 64, 3), np.uint8))
    given = {None: None, "silent": silent, "film": film, "voice": wav(tone(1.0)), "silence": wav(np.zeros(22_050)), "junk": b"junk" * 50}
    chosen = token_model if name == "av-tokens" else untrained(name, model)
    with pytest.raises(MediaError) as error:
        analyse(given[audio], given[video], model=chosen)
    sentence = str(error.value)
    assert words in sentence
    assert len(sentence.splitlines()) == 1
    assert sentence.endswith(".")


@pytest.mark.parametrize("name", ["late-fusion", "linear"])
def test_every_other_model_is_explained(sample, model, name):
    chosen = untrained(name, model)
    a = analyse(*sample, model=chosen, settings=QUICK)
    cam, lime, shap = (a.attributions[key] for key in ("gradcam", "lime", "shap"))
    assert not any("chosen model" in warning for warning in a.warnings)
    assert_allclose(a.probabilities, softmax(chosen.logits(chosen.inputs(a.features.vector[None])) / a.model.softening)[0], atol=1e-6)
    theirs = library_maps(a.subject)
    assert_allclose(cam.values, theirs, atol=1e-4 * np.abs(theirs).max())
    if name != "late-fusion":  # whose weights have a kink where the more confident of the two changes
        assert left_over(shap, Contrast(a.predicted)) < 0.05
    if name == "linear":
        weights = chosen.classifier.layer.weight.numpy() / 1.2 / a.model.softening
        z = chosen.standardise(a.features.vector[None])[0] - chosen.standardise(chosen.reference).mean(axis=0)
        assert_allclose(shap.values, weights * z, atol=1e-4)
        assert (lime.extras["r2"] > 0.99).all()


def test_late_fusion_without_a_voice_is_the_face_model(model):
    """What the weights say about a missing modality reaches the page."""
    late = untrained("late-fusion", model)
    a = analyse(None, encode_video(np.random.default_rng(0).integers(0, 255, (3, 64, 64, 3), np.uint8)), model=late, settings=QUICK)
    z = late.inputs(a.features.vector[None]).z
    face = torch.softmax(late.classifier.face(z), dim=1).double().numpy()[0]
    assert_allclose(a.probabilities, softmax(np.log(face) / 1.2), atol=1e-5)
    assert_allclose(a.modalities.contribution(Modality.AUDIO), 0, atol=1e-7)


def test_an_attribution_is_found_by_its_panel(of_tokens):
    """The one that is there at once, unless another of the same panel is named."""
    other = replace(of_tokens.attributions["gradcam"], method="occlusion")
    a = replace(of_tokens, attributions={"occlusion": other, **of_tokens.attributions})
    for panel, key in ((Panel.SAW, "gradcam"), (Panel.HEARD, "lime"), (Panel.WEIGHED, "shap")):
        assert a.attribution(panel) is a.attributions[key]
    assert a.attribution(Panel.SAW, "occlusion") is other
    assert a.attribution(Panel.HEARD, "occlusion") is None
    assert replace(a, attributions={}).attribution(Panel.SAW) is None


def test_what_is_asked_for_is_added_once_with_the_seed_of_the_settings(of_tokens, monkeypatch):
    asked = []
    usual = METHODS["lime"].explain
    monkeypatch.setattr(METHODS["lime"], "explain", lambda subject, seed, say: asked.append(seed) or usual(subject, seed, say))
    bare = replace(of_tokens, attributions={}, subject=replace(of_tokens.subject, settings=replace(QUICK, seed=7)))
    more = bare.with_attribution("lime")
    assert more.attributions["lime"].settings["seed"] == 7
    assert (more.token, bare.attributions) == (bare.token, {})
    assert more.with_attribution("lime") is more
    assert asked == [7]


def test_what_does_not_apply_is_refused(sample, model):
    a = analyse(sample[0], None, model=untrained("voice", model), settings=QUICK)
    assert set(a.attributions) == {"lime", "shap"}
    assert {method.panel for method in methods_of(a.subject).values()} == {Panel.HEARD, Panel.WEIGHED}
    for key in ("occlusion", "voodoo"):
        with pytest.raises(KeyError):
            a.with_attribution(key)

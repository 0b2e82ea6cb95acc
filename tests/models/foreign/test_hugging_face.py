"""A speech classifier beside the model of the face: labels as its sidecar says, mixed as late fusion mixes, explained by copies."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from features import Features, Modality, extract
from features.log_mel import HOP
from models.checkpoint import load_model
from models.evaluation.ensembles import weighted_by_confidence
from models.evaluation.metrics import softmax
from models.foreign.catalogue import FOLDER, offered_models, refused_files
from models.foreign.hugging_face import ClassifiedVoice, read_fusion
from models.foreign.hugging_face_sidecar import is_meant, read_sidecar
from models.labels import LABELS
from models.networks import ModelError
from models.networks.encoders import load_encoders
from models.networks.hugging_face import load_speech_model
from models.registry import MODELS
from tests.speech_models import save_speech_model
from xai.analysis import analyse
from xai.explanation import Panel
from xai.timeline import explain_timeline

transformers = pytest.importorskip("transformers")

NAMES = ("neu", "hap", "ang", "sad", "glad", "oth")
LABELLED = {"neu": "neutral", "hap": "happy", "glad": "happy", "ang": "angry", "sad": "sad", "oth": None}


def write(folder, **changes):
    """A sidecar beside its model; its path."""
    given = {"kind": "huggingface", "model": "speech-model", "labels": LABELLED, "title": "Own ear"} | changes
    path = folder / "own.json"
    path.write_text(json.dumps({key: value for key, value in given.items() if value is not None}), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    folder = tmp_path_factory.mktemp("brought")
    load_speech_model.cache_clear()
    save_speech_model(folder / "speech-model", labels=NAMES, seed=3)
    return write(folder)


@pytest.fixture(scope="module")
def fusion(path):
    return read_fusion(path)


@pytest.fixture(scope="module")
def analysis(path, sample):
    return analyse(*sample, model=load_model(str(path)))


@pytest.fixture(scope="module")
def features(analysis) -> Features:
    return analysis.features


def asked(path, features: Features) -> np.ndarray:
    """(6,) probabilities by ``transformers`` itself of the speech of a recording."""
    folder = path.parent / "speech-model"
    network = transformers.AutoModelForAudioClassification.from_pretrained(folder).eval()
    extractor = transformers.AutoFeatureExtractor.from_pretrained(folder)
    first, last = features.audio.speech
    speech = features.audio.sound[max(0, first * HOP - HOP // 2) : last * HOP + HOP // 2]
    with torch.no_grad():
        return network(**extractor(speech, sampling_rate=16_000, return_tensors="pt")).logits.softmax(dim=1)[0].numpy()


def test_labels_are_what_the_sidecar_says(path, features):
    said = dict(zip(NAMES, asked(path, features), strict=True))
    named = 1 - said["oth"]
    expected = {"neutral": said["neu"], "happy": said["hap"] + said["glad"], "angry": said["ang"], "sad": said["sad"]}
    found = np.exp(features.audio.vector)
    for label, probability in zip(LABELS, found, strict=True):
        assert probability == pytest.approx(expected.get(label, 0.0) / named, abs=1e-5)
    assert np.isfinite(features.audio.vector).all()


def test_it_is_mixed_as_late_fusion_mixes(fusion, features):
    face = load_model("face")
    seen = face.predict(features.with_part(Modality.AUDIO, None))
    parts = [np.exp(features.audio.vector)[None], softmax(seen)[None]]
    assert_allclose(softmax(fusion.predict(features)), weighted_by_confidence(parts)[0], atol=1e-5)


def test_each_alone_is_itself(fusion, features):
    voice = features.with_part(Modality.VIDEO, None)
    assert_allclose(softmax(fusion.predict(voice)), np.exp(features.audio.vector), atol=1e-5)
    assert fusion.predict(voice)[LABELS.index("calm")] == pytest.approx(np.log(1e-9), abs=1e-3)
    face = features.with_part(Modality.AUDIO, None)
    assert_allclose(softmax(fusion.predict(face)), softmax(load_model("face").predict(face)), atol=1e-5)


def test_an_analysis_has_a_panel_for_voice_face_and_weights(analysis):
    for panel, method in ((Panel.SAW, "gradcam"), (Panel.HEARD, "sound_occlusion"), (Panel.WEIGHED, "shap")):
        assert analysis.attribution(panel).method == method
        assert np.abs(analysis.attribution(panel).values).max() > 0
    assert analysis.model.notes == (
        "The voice of this model cannot name calm, disgust, fearful, surprised: only the face speaks for these.",
    )
    assert analysis.model.spec.title == "Own ear"


def test_occlusion_of_the_sound_is_the_model_asked_without_a_patch(analysis, fusion):
    """Through the whole path: the sound made again without that patch, then judged as if it had been recorded."""
    occlusion = analysis.attributions["sound_occlusion"]
    strongest = int(np.abs(occlusion.values).max(axis=0).argmax())
    first, last, low, high = occlusion.parts.cells[strongest]
    voice = analysis.features.audio
    masked = voice.mel_db.copy()
    masked[low:high, first:last] = np.percentile(voice.mel_db, 10, axis=1)[low:high, None]
    made, span = voice.resynthesis()
    (heard,) = voice.encoder._judged(made(torch.from_numpy(masked[None]).float()), span)
    without = analysis.features.with_part(Modality.AUDIO, replace(voice, vector=heard.astype(float)))
    assert_allclose(occlusion.values[:, strongest], fusion.predict(analysis.features) - fusion.predict(without), atol=1e-4)


def test_grad_cam_is_the_gradient_of_the_mixture(analysis, fusion):
    video = analysis.features.video
    inputs = fusion.encode(analysis.features)
    faces = torch.from_numpy(video.frame_vectors[None].astype(np.float32)).requires_grad_(True)
    target = analysis.predicted
    (gradient,) = torch.autograd.grad(fusion.forward(inputs.with_faces(faces))[0, target], faces)
    expected = np.einsum("nk,nkij->nij", gradient[0].numpy() / 49, video.maps[video.used])
    found = analysis.attributions["gradcam"].values[target][video.used]
    assert_allclose(found, expected, atol=1e-5 * max(1.0, np.abs(expected).max()))


def test_a_timeline_is_of_windows_that_are_judged_by_themselves(analysis, fusion, sample):
    timeline = explain_timeline(analysis.features, fusion)
    assert np.isfinite(timeline.probabilities).all()
    assert timeline.probabilities[:, LABELS.index("neutral")].std() > 0


def test_a_long_voice_is_judged_in_pieces(fusion, path):
    encoder = load_encoders(fusion.encoders, [Modality.AUDIO])[Modality.AUDIO]
    noise = (0.1 * np.random.default_rng(0).standard_normal(25 * 22_050)).astype(np.float32)
    voice = encoder(noise)
    assert isinstance(voice, ClassifiedVoice)
    first, last = voice.speech
    speech = torch.from_numpy(voice.sound[max(0, first * HOP - HOP // 2) : last * HOP + HOP // 2][None])
    pieces = speech.tensor_split(3, dim=1)
    each = [encoder._probabilities(piece)[0] * piece.shape[1] for piece in pieces]
    assert_allclose(np.exp(voice.vector), (sum(each) / speech.shape[1]).numpy(), atol=1e-6)
    assert_allclose(voice.segments, [[0, voice.seconds]], atol=0.02)


def test_a_temperature_softens_the_voice(path, tmp_path, features):
    save_speech_model(tmp_path / "speech-model", labels=NAMES, seed=3)
    load_speech_model.cache_clear()
    soft = read_fusion(write(tmp_path, temperature=50.0))
    heard = load_encoders(soft.encoders, [Modality.AUDIO])[Modality.AUDIO](features.audio.samples)
    named = np.exp(heard.vector)
    assert named[LABELS.index("happy")] == pytest.approx(2 / 5, abs=0.01)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"labels": {**LABELLED, "sad": "gloomy"}}, "'gloomy' is not among the emotions"),
        ({"labels": {"neu": "neutral", "sad": None}}, "fewer than two emotions"),
        ({"labels": None}, '"labels" is missing'),
        ({"labels": list(NAMES)}, '"labels" does not say which emotion each of its labels stands for; write {"ang": "angry"'),
        ({"model": None}, "the folder of a classifier"),
        ({"model": "nowhere"}, '"model": "nowhere" is no folder beside it; put the folder of the classifier there'),
        ({"kind": "onnx"}, '"kind": "huggingface"'),
        ({"temperature": 0}, '"temperature" is 0, not a number above 0; give one such as 2.0'),
        ({"weights": 1}, "'weights' is no key of it"),
        ({"labels": {key: own for key, own in LABELLED.items() if key != "oth"}}, "its labels are neu, hap, ang, sad, glad, oth"),
        ({"model": "no-such/folder/here"}, "is not a folder"),
    ],
)
def test_what_does_not_fit_is_refused_in_a_sentence(tmp_path, changes, words):
    save_speech_model(tmp_path / "speech-model", labels=NAMES)
    load_speech_model.cache_clear()
    with pytest.raises(ModelError) as caught:
        read_fusion(write(tmp_path, **changes))
    (line,) = str(caught.value).splitlines()
    assert words in line


def test_a_folder_is_looked_for_beside_the_file(path):
    assert read_sidecar(path).model == str(path.parent / "speech-model")


def test_an_encoder_without_a_classifier_is_refused_in_one_line(tmp_path, capfd):
    """Its missing weights would be drawn at random, and answer all the same."""
    save_speech_model(tmp_path / "speech-model")
    capfd.readouterr()
    load_speech_model.cache_clear()
    with pytest.raises(ModelError, match="speech-model holds no trained classifier: give one that was trained for emotions"):
        read_fusion(write(tmp_path))
    assert capfd.readouterr().err == ""


def test_what_cannot_be_meant_otherwise_is_a_description(tmp_path, path):
    assert is_meant(path)
    assert is_meant(write(tmp_path, kind="onnx"))
    assert not is_meant(write(tmp_path, kind=None, labels=None))
    assert not is_meant(tmp_path / "nothing.json")
    (tmp_path / "deep.json").write_text("[" * 100_000)
    assert is_meant(tmp_path / "deep.json")


def test_a_file_is_analysed_by_the_voice_alone(path, sample):
    found = analyse(sample[0], None, model=load_model(str(path)))
    again = extract(sample[0], None, load_encoders(found.model.encoders))
    assert_allclose(found.model.predict(again), np.log(np.maximum(found.probabilities, 1e-9)), atol=1e-4)


def test_a_described_classifier_in_the_folder_is_in_the_list_and_loaded_by_its_name(path, monkeypatch):
    monkeypatch.setenv(FOLDER, str(path.parent))
    assert offered_models()["own.json"].title == "Own ear"
    assert refused_files() == {}
    model = load_model("own.json")
    assert (model.name, model.spec.title) == ("own.json", "Own ear")
    assert load_model("own.json") is model  # until its file changes


def test_one_that_cannot_be_used_says_why_and_other_json_files_are_no_models(tmp_path, monkeypatch):
    write(tmp_path, labels={"neu": "neutral"})
    (tmp_path / "notes.json").write_text("{}", encoding="utf-8")
    monkeypatch.setenv(FOLDER, str(tmp_path))
    assert dict(offered_models()) == MODELS
    assert refused_files() == {"own.json": "own.json: its labels stand for fewer than two emotions; map two or more."}

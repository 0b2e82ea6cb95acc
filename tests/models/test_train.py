"""The command that trains: from the published layout to checkpoints that can be used, and know their temperature."""

import json
import sys

import numpy as np
import pytest
from numpy.testing import assert_allclose
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from features import Modality, extract
from models.checkpoint import read_model
from models.data.clips import held_out_clips, predict
from models.evaluation.cross_validation import Corpus, Evaluator
from models.evaluation.metrics import fit_temperature
from models.networks.encoders import load_encoder, load_encoders
from models.registry import MODELS, STATES
from models.train import describe, main
from tests.models.conftest import publish
from tests.speech_models import save_speech_model
from xai.analysis import analyse


def arguments(published, cache, folder, *more: str) -> list[str]:
    common = ["--data", str(published), "--cache", str(cache), "--ferplus", "0", "--workers", "1"]
    return [*common, "--out", str(folder), "--results", str(folder / "results"), "--epochs", "1", *more]


@pytest.fixture(scope="module")
def trained(published, cache, tmp_path_factory):
    """All models, one epoch, no scores."""
    folder = tmp_path_factory.mktemp("weights")
    assert main(arguments(published, cache, folder, "--seeds", "0")) == 0
    return folder


@pytest.mark.parametrize("name", MODELS)
def test_every_model_is_written_and_can_be_used(trained, published, cache, name):
    model = read_model(trained / f"{name}.safetensors")
    assert (model.architecture, model.temperature, model.alone) == (name, 1.0, {Modality.AUDIO: 1.0, Modality.VIDEO: 1.0})
    assert ("voices of 3 actors (9 recordings)" in model.info["trained_on"]) == (name != "face")
    assert ("actor 01 (3 performances), actor 02 (3 performances)" in model.info["trained_on"]) == (name != "voice")
    assert {"commit", "created", "recipe", "backbone"} <= model.info.keys()
    assert model.info["recipe"].get("epochs") == (None if name == "linear" else 1)
    evaluator = Evaluator(Corpus(published, cache, 0, voice_encoder="whisper" if MODELS[name].tokens else None))
    for state in MODELS[name].states:
        clips = held_out_clips(evaluator.voices, evaluator.faces, state)
        logits = predict(model, clips)
        assert logits.shape == (9 if state == "voice" else 6, 8)
        assert np.isfinite(logits).all()
        assert state == "face" or logits.std(axis=0).max() > 1e-3  # there is one film for all
    assert not (trained / "results").exists()


def test_late_fusion_is_made_of_the_two_beside_it(trained, published, cache):
    voice, face, late = (read_model(trained / f"{name}.safetensors") for name in ("voice", "face", "late-fusion"))
    evaluator = Evaluator(Corpus(published, cache, 0))
    clips = held_out_clips(evaluator.voices, evaluator.faces, "both")
    assert_allclose(predict(late, clips), predict(MODELS["late-fusion"].fuse(voice, face), clips), atol=1e-5)


@pytest.mark.usefixtures("inline")
@pytest.mark.filterwarnings("ignore:All-NaN slice")
def test_scores_are_written_and_temperatures_come_from_them(published, cache, tmp_path, capsys):
    assert main(arguments(published, cache, tmp_path, "--model", "linear")) == 0
    assert sorted(p.name for p in tmp_path.glob("*.safetensors")) == ["linear.safetensors"]
    (written,) = (tmp_path / "results").glob("*.json")
    assert written.name == "actor-5fold.linear.json"
    result = json.loads(written.read_text(encoding="utf-8"))
    assert next(iter(result)) == "accuracy"
    assert f"accuracy {result['accuracy']:.1%}" in capsys.readouterr().out
    evaluator = Evaluator(Corpus(published, cache, 0))
    found = [p for k in range(5) for p in evaluator.run("actor-5fold", k, ["linear"], {"epochs": 1}, False)]
    model = read_model(tmp_path / "linear.safetensors")
    for state, own in zip(STATES, (model.temperature, *model.alone.values()), strict=True):
        rows = [p for p in found if p.state == state]
        expected = fit_temperature(np.concatenate([p.logits for p in rows]), np.concatenate([p.label for p in rows]))
        people = 3 if state == "voice" else 2
        assert own == pytest.approx(expected ** (people / (people + 1)), rel=0.02)


def test_actors_can_be_left_out(published, cache, tmp_path):
    assert main(arguments(published, cache, tmp_path, "--seeds", "0", "--without", "3", "2", "--model", "linear")) == 0
    model = read_model(tmp_path / "linear.safetensors")
    assert "voices of 1 actors (3 recordings), faces of actor 01 (3 performances)" in model.info["trained_on"]
    evaluator = Evaluator(Corpus(published, cache, 0))
    alone = evaluator.voices.where(evaluator.voices.actor == 1)
    assert_allclose(model.standardise.mean[:40], alone.mfcc[:, :7].mean(axis=(0, 1)), rtol=1e-4, atol=1e-3)


@pytest.mark.usefixtures("inline")
@pytest.mark.filterwarnings("ignore:All-NaN slice")
def test_actors_who_are_left_out_do_not_count_in_the_scores(published, cache, tmp_path):
    assert main(arguments(published, cache, tmp_path, "--without", "3", "--model", "linear")) == 0
    (written,) = (tmp_path / "results").glob("*.json")
    assert json.loads(written.read_text(encoding="utf-8"))["states"]["voice"]["actors"] == 2


@pytest.mark.usefixtures("inline")
@pytest.mark.filterwarnings("ignore:All-NaN slice")
def test_the_sound_alone_is_enough_for_the_voice(tmp_path, capsys):
    """Whoever has downloaded no films can train and score the model that needs none."""
    folder = publish(tmp_path, (1, 2, 3), ())
    assert main(arguments(folder, tmp_path / "cache", tmp_path / "out", "--model", "voice")) == 0
    assert "9 clips of 3 actors" in capsys.readouterr().out
    model = read_model(tmp_path / "out" / "voice.safetensors")
    voices = Evaluator(Corpus(folder, tmp_path / "cache", 0)).voices
    assert_allclose(model.standardise.mean[:40], voices.mfcc[:, :7].mean(axis=(0, 1)), rtol=1e-4, atol=1e-3)
    assert main(arguments(folder, tmp_path / "cache", tmp_path / "out")) == 2
    assert "--model voice" in capsys.readouterr().err


@pytest.mark.usefixtures("inline")
@pytest.mark.filterwarnings("ignore:All-NaN slice")
def test_a_log_of_every_training(published, cache, tmp_path):
    """Those that are scored, each beside its split, and the one that is kept, whose loss is also in the checkpoint."""
    assert main(arguments(published, cache, tmp_path, "--model", "voice", "--seed", "2", "--log-dir", str(tmp_path / "runs"))) == 0
    (command,) = (tmp_path / "runs").iterdir()
    logs = {path.parent.relative_to(command).as_posix(): EventAccumulator(str(path)).Reload() for path in command.rglob("events.*")}
    assert set(logs) == {"voice/all-data-seed-2", *(f"voice/actor-5fold/split-{k}-seed-2" for k in (1, 2, 5))}
    assert {name for name, log in logs.items() if log.Tags()["scalars"] == ["loss"]} == {"voice/all-data-seed-2"}
    history = read_model(tmp_path / "voice.safetensors").info["history"]
    assert [event.value for event in logs["voice/all-data-seed-2"].Scalars("loss")] == pytest.approx([history[0]["loss"]], abs=1e-4)


def test_without_tensorboard_the_next_step_is_said_before_anything_is_done(tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorboard", None)
    monkeypatch.setattr(Corpus, "load", lambda _: pytest.fail("began"))
    assert main(["--data", str(tmp_path), "--log-dir", str(tmp_path / "runs")]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines() == ["--log-dir needs TensorBoard: pip install -r requirements-tensorboard.txt, or leave --log-dir out"]
    assert not (tmp_path / "runs").exists()


def test_what_it_was_trained_on_in_a_sentence(corpus):
    voices, faces = corpus
    assert describe(voices, faces) == (
        "RAVDESS speech: voices of 4 actors (240 recordings), faces of actor 01 (60 performances), actor 05 (60 performances); "
        "FER+: 24 photographs"
    )
    assert describe(voices, faces, (Modality.AUDIO,)) == "RAVDESS speech: voices of 4 actors (240 recordings)"
    assert describe(voices, faces, (Modality.VIDEO,)) == (
        "RAVDESS speech: faces of actor 01 (60 performances), actor 05 (60 performances); FER+: 24 photographs"
    )


def test_a_folder_without_recordings_is_one_line(tmp_path, capsys):
    assert main(["--data", str(tmp_path), "--cache", str(tmp_path)]) == 2
    assert len(capsys.readouterr().err.strip().splitlines()) == 1


@pytest.mark.usefixtures("inline")
@pytest.mark.filterwarnings("ignore:All-NaN slice")
def test_a_speech_model_of_ones_own_is_the_ear(published, cache, tmp_path):
    """From its folder to an analysis: scored, trained, kept with the name and the digest of the model, and explained."""
    folder = save_speech_model(tmp_path / "speech-model")
    options = ("--model", "whisper-tokens", "--voice-encoder", str(folder))
    assert main(arguments(published, cache, tmp_path, *options)) == 0
    model = read_model(tmp_path / "whisper-tokens.safetensors")
    encoder = load_encoder(Modality.AUDIO, str(folder))
    assert model.encoders[Modality.AUDIO] == encoder.name
    assert model.space.size(Modality.AUDIO) == len(encoder.names)
    assert model.classifier.voice.in_features == 3 * 2 * 16
    result = json.loads((tmp_path / "results" / "actor-5fold.whisper-tokens.json").read_text(encoding="utf-8"))
    assert result["states"]["voice"]["clips"] == 9
    take = next(path for path in published.rglob("*.wav"))
    features = extract(take.read_bytes(), None, load_encoders(model.encoders))
    tokens = Evaluator(Corpus(published, cache, 0, voice_encoder=encoder.name)).voices.tokens
    rows = [row for row in range(9) if len(tokens.of(row, 0)) == len(features.audio.tokens)]
    assert any(np.abs(tokens.of(row, 0) - features.audio.tokens).max() < 2e-3 for row in rows)  # kept in half precision
    assert np.isfinite(model.predict(features)).all()


def test_an_encoder_that_cannot_be_used_is_one_sentence(published, cache, tmp_path, capsys):
    for name, words in ((str(tmp_path / "nowhere"), "is not a folder"), ("mfcc", "gives no tokens")):
        assert main(arguments(published, cache, tmp_path, "--model", "whisper-tokens", "--voice-encoder", name)) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert words in line


def test_an_encoder_that_nobody_reads_is_one_sentence(published, cache, tmp_path, capsys):
    assert main(arguments(published, cache, tmp_path, "--model", "fused", "--voice-encoder", "ear")) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line == "--voice-encoder ear is read by none of fused: leave it out, or name a --model of whisper-tokens."
    assert not list(tmp_path.iterdir())


def test_a_network_of_films_is_the_eye(published, cache, tmp_path, quick_film, sample):
    """Trained on the maps of whole films; what it learned is used and explained by the same network, which the checkpoint names."""
    assert main(arguments(published, cache, tmp_path, "--seeds", "0", "--model", "face", "--backbone", "r3d_18")) == 0
    model = read_model(tmp_path / "face.safetensors")
    assert model.backbone == "r3d_18"
    film = next(published.rglob("*.mp4"))
    video = extract(None, film.read_bytes(), load_encoders(model.encoders)).video
    assert_allclose(video.maps[video.used], quick_film.maps(video.crops[video.used]))
    faces = Evaluator(Corpus(published, cache, 0, "r3d_18")).faces
    assert_allclose(faces.frames[0][0], video.frame_vectors, atol=1e-4)
    analysis = analyse(None, sample[1], model=model)
    gradcam = analysis.attributions["gradcam"].values
    assert np.abs(gradcam).max() > 0
    assert gradcam.shape == (8, *analysis.features.video.maps[:, 0].shape)


def test_weights_of_films_that_are_not_there_are_one_sentence(published, cache, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("EMOLENS_R3D_18", str(tmp_path / "nowhere.pth"))
    assert main(arguments(published, cache, tmp_path, "--model", "face", "--backbone", "r3d_18")) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "r3d_18-b3b3357e.pth" in line

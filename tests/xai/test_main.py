"""The command line writes what it promises, and refuses in one line."""

import itertools
import json
import subprocess
import sys

import numpy as np
import pytest
import soundfile
from numpy.testing import assert_allclose

from features import SPACE
from models.labels import LABELS
from tests.conftest import ROOT, SAMPLE, encode_video, tone, wav
from xai.__main__ import main
from xai.analysis import Settings, analyse, check_one
from xai.explanation import Attribution, Contrast, FrameCells
from xai.methods import METHODS
from xai.methods.pytorch_grad_cam import library_maps
from xai.metrics.measures import FAITHFULNESS, FIT
from xai.model_level.second_opinion import second_opinion
from xai.render.sound import level_matched, take_apart
from xai.render.text import face_part, in_one_line
from xai.score import Score, Trust


@pytest.fixture(scope="module")
def result(tmp_path_factory):
    folder = tmp_path_factory.mktemp("out")
    assert main([str(SAMPLE / "sample.wav"), str(SAMPLE / "sample.mp4"), "--out", str(folder), "--seed", "3"]) == 0
    return folder, json.loads((folder / "result.json").read_text())


def test_every_promised_key(result, sample_analysis):
    folder, r = result
    assert r["prediction"]["label"] == sample_analysis.label
    assert list(r["prediction"]["probabilities"]) == list(LABELS)
    assert_allclose(list(r["prediction"]["probabilities"].values()), sample_analysis.probabilities, atol=1e-6)
    assert_allclose(r["features"], sample_analysis.features.vector, rtol=1e-5, atol=1e-6)
    assert r["feature_names"] == SPACE.names
    assert len(set(SPACE.names)) == 552
    assert len(r["video"]["times"]) == len(r["video"]["faces"]) == len(sample_analysis.features.video.times)
    assert r["audio"]["seconds"] == pytest.approx(sample_analysis.features.audio.seconds)
    e = r["explanations"]
    for label in LABELS:
        assert all((folder / name).stat().st_size > 0 for name in e["gradcam"][label])
        assert len(e["gradcam"][label]) == len(r["video"]["times"])
        assert len(e["lime"]["weights"][label]) == len(e["lime"]["segments"])
        assert len(e["shap"]["values"][label]) == 552
        assert (folder / f"lime_{label}.png").exists()
        assert (folder / f"shap_{label}.png").exists()
        assert {"audio", "video"} <= e["modalities"][label].keys()
    assert r["settings"]["seed"] == 3
    assert r["in_words"][0] in (folder / "summary.txt").read_text()
    assert "no diagnosis" in (folder / "summary.txt").read_text()
    assert r["checkpoint"]["sha256"] == sample_analysis.model.digest
    assert all(v >= 0 for v in r["seconds"].values())


def test_the_evidence_can_be_heard_at_home(result, sample):
    folder, r = result
    analysis = analyse(*sample, settings=Settings(seed=3))
    target, lime = LABELS.index(r["target"]), analysis.attributions["lime"]
    heard = take_apart(analysis.features.audio, lime.parts.cells, lime.of(Contrast(target)))
    for name, samples in (("evidence", heard.evidence), ("rest", heard.rest)):
        written, rate = soundfile.read(folder / f"heard_{name}_{LABELS[target]}.wav")
        assert rate == 22_050
        assert_allclose(written, level_matched(samples, analysis.features.audio.samples), atol=1e-3)


def test_numbers_fit_together(result, model):
    """What is written down can be checked by whoever reads it."""
    _, r = result
    softening = r["checkpoint"]["softening"]
    logits = dict(zip(LABELS, model.logits(model.inputs(np.array(r["features"])[None]))[0] / softening, strict=True))
    for label in LABELS:
        shap, split = r["explanations"]["shap"], r["explanations"]["modalities"][label]
        assert sum(shap["values"][label]) + shap["base"][label] + shap["residual"][label] == pytest.approx(logits[label], abs=1e-4)
        assert split["audio"] + split["video"] == pytest.approx(r["prediction"]["probabilities"][label] - split["neither"], abs=1e-6)


def test_every_explanation_is_written_with_its_trust(result, sample):
    """That of the class in the foreground, as the library measures it, and the words agree with it."""
    _, r = result
    analysis = analyse(*sample, settings=Settings(seed=3))
    expected = {name: check_one(analysis, name, Contrast(analysis.predicted)).to_dict() for name in ("lime", "shap")}
    for name in ("lime", "shap"):
        assert r["explanations"][name]["trust"]["scores"] == expected[name]["scores"]
    names = [score["name"] for score in r["explanations"]["gradcam"]["trust"]["scores"]]
    assert names == ["faithfulness", "stability", "sanity_classifier", "sanity_backbone"]
    heats = ("gradcam", *METHODS["gradcam"].stand_ins)
    failed = {name for name in (*heats, "lime") if r["explanations"].get(name, {}).get("trust", {}).get("level") == "red"}
    for worse, better in itertools.pairwise(heats):
        assert (better in r["explanations"]) == (worse in failed)
    holds = not set(heats) <= failed
    assert ("within the picture, " in r["in_words"][2]) == holds
    assert ("within the sound, " in r["in_words"][2]) == ("lime" not in failed)
    assert r["format"] == 2


def test_trust_can_be_left_out(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("xai.__main__.check", lambda *_: pytest.fail("it was measured all the same"))
    voice = [str(SAMPLE / "sample.wav"), "-", "--samples", "200"]
    assert main([*voice, "--out", str(tmp_path), "--no-trust"]) == 0
    assert "trust in" not in capsys.readouterr().out
    e = json.loads((tmp_path / "result.json").read_text())["explanations"]
    assert e["lime"]["trust"] is e["shap"]["trust"] is e["gradcam"]["trust"] is None


@pytest.mark.parametrize("value", [0.3, -0.1])
def test_a_heat_that_fails_gives_way_to_one_that_holds(tmp_path, capsys, monkeypatch, value):
    """In words, in pictures and in what is printed; the one that failed is still there, by its own name."""
    monkeypatch.setattr("xai.__main__.check", lambda *_: {"gradcam": Trust((Score(FAITHFULNESS, -0.1),))})
    monkeypatch.setattr("xai.foreground.check_one", lambda *_: Trust((Score(FAITHFULNESS, value),)))

    def explain(subject, seed=0, say=None):
        values = np.zeros((8, len(subject.features.video.times), 7, 7))
        values[:, 1, 6, 3] = 1.0
        return Attribution("layercam3", values, FrameCells())

    monkeypatch.setattr(METHODS["layercam3"], "explain", explain)
    monkeypatch.setattr(METHODS["gradcam"], "stand_ins", ("layercam3",), raising=False)
    video = ["-", str(SAMPLE / "sample.mp4"), "--stride", "60", "--samples", "200", "--out", str(tmp_path)]
    assert main(video) == 0
    r = json.loads((tmp_path / "result.json").read_text())
    assert r["explanations"]["gradcam"]["trust"]["level"] == "red"
    assert r["explanations"]["layercam3"]["trust"]["level"] == ("green" if value > 0 else "red")
    seconds = r["video"]["times"][1]
    assert (f"within the picture, {face_part(6)} at {seconds:.1f} s" in r["in_words"][2]) == (value > 0)
    assert r["shown"][0] == ("layercam3" if value > 0 else "gradcam")
    assert f"trust in layercam3: {'green' if value > 0 else 'red'}" in capsys.readouterr().out
    assert list(tmp_path.glob("layercam3*.png"))


@pytest.mark.parametrize("target", ["sad", "happy"])
def test_trust_is_that_of_the_target_and_is_printed_with_its_reasons(tmp_path, capsys, monkeypatch, target):
    asked = []
    failed = Trust((Score(FIT, 0.1),), 0.5)

    def quick(analysis, wanted):
        asked.append(wanted)
        return {"lime": failed, "shap": Trust((Score(FIT, 0.9),))}

    monkeypatch.setattr("xai.__main__.check", quick)
    voice = [str(SAMPLE / "sample.wav"), "-", "--samples", "200"]
    assert main([*voice, "--out", str(tmp_path), "--target", target]) == 0
    assert asked == [Contrast(LABELS.index(target))]
    lines = capsys.readouterr().out.splitlines()
    assert f"trust in lime: red; {failed.reasons[0]}" in lines
    assert "trust in shap: green" in lines
    r = json.loads((tmp_path / "result.json").read_text())
    assert r["explanations"]["lime"]["trust"] == failed.to_dict()
    assert r["target"] == target
    assert "within the sound, " not in r["in_words"][2]
    assert r["in_words"][2] in (tmp_path / "summary.txt").read_text()


def test_a_second_opinion_is_printed_and_written_unless_it_is_left_out(tmp_path, capsys):
    voice = (SAMPLE / "sample.wav").read_bytes()
    given = [str(SAMPLE / "sample.wav"), "-", "--samples", "200", "--no-trust", "--out", str(tmp_path)]
    found = second_opinion(analyse(voice, None, settings=Settings(samples=200)), voice, None)
    assert main(given) == 0
    r = json.loads((tmp_path / "result.json").read_text())
    assert (r["second_opinion"]["model"], r["second_opinion"]["label"]) == (found.model, found.label)
    assert r["second_opinion"]["probability"] == pytest.approx(found.probability)
    assert in_one_line(found) == r["second_opinion"]["sentence"]
    assert in_one_line(found) in capsys.readouterr().out.splitlines()
    assert main([*given, "--no-second"]) == 0
    assert json.loads((tmp_path / "result.json").read_text())["second_opinion"] is None
    assert "Second opinion:" not in capsys.readouterr().out


@pytest.mark.parametrize(
    "wrong",
    [
        ["--seed", "-1"],
        ["--samples", "1"],
        ["--stride", "0"],
        ["--target", "bored"],
        ["--target", "sad", "--against", "sad"],
        ["--methods", "voodoo"],
    ],
)
def test_a_setting_that_makes_no_sense_is_refused(wrong, tmp_path, capsys):
    with pytest.raises(SystemExit) as stop:
        main([str(SAMPLE / "sample.wav"), "-", "--out", str(tmp_path), *wrong])
    assert stop.value.code == 2


@pytest.mark.parametrize("wrong", [["--model", "nope"], ["--out", __file__]])
def test_a_missing_model_or_folder_is_one_line(wrong, tmp_path, capsys):
    assert main([str(SAMPLE / "sample.wav"), "-", "--out", str(tmp_path / "out"), *wrong]) == 2
    assert len(capsys.readouterr().err.strip().splitlines()) == 1


def timeless(value):
    """A result without how long anything took."""
    if isinstance(value, list):
        return [timeless(part) for part in value]
    return {key: timeless(part) for key, part in value.items() if key != "seconds"} if isinstance(value, dict) else value


def test_same_seed_same_result(result, tmp_path):
    _, first = result
    main([str(SAMPLE / "sample.wav"), str(SAMPLE / "sample.mp4"), "--out", str(tmp_path), "--seed", "3"])
    again = json.loads((tmp_path / "result.json").read_text())
    assert timeless(first) == timeless(again)


def test_voice_only(tmp_path):
    (tmp_path / "a.wav").write_bytes(wav(tone(1.5)))
    assert main([str(tmp_path / "a.wav"), "-", "--out", str(tmp_path / "out"), "--samples", "200"]) == 0
    r = json.loads((tmp_path / "out" / "result.json").read_text())
    assert r["video"] is None
    assert r["features"][40:] == [None] * 512
    assert r["explanations"]["gradcam"] == {label: [] for label in LABELS} | {"trust": None}
    assert r["explanations"]["gradcam_maps"] is None
    assert r["explanations"]["lime"]["trust"]["level"] in ("green", "amber", "red")
    assert sum(map(abs, r["explanations"]["shap"]["values"]["happy"][40:])) == 0


def test_sound_track_and_silent_video(tmp_path):
    noise = np.random.default_rng(0).integers(0, 255, (31, 64, 64, 3), np.uint8)
    for name, sound in (("with", tone(1.0)), ("without", None)):
        (tmp_path / f"{name}.mp4").write_bytes(encode_video(noise, sound=sound))
        given = ["-", str(tmp_path / f"{name}.mp4"), "--samples", "200", "--target", "sad", "--no-trust"]
        assert main([*given, "--out", str(tmp_path / name)]) == 0
        r = json.loads((tmp_path / name / "result.json").read_text())
        assert (r["audio"] is None) == (sound is None)
        assert (r["explanations"]["lime"] is None) == (sound is None)
        assert any("No face" in w for w in r["warnings"])
        assert r["target"] == "sad"


def test_more_methods_are_computed_and_written(tmp_path):
    """Those that apply, with the same keys as those that are there at once."""
    whole = [str(SAMPLE / "sample.wav"), str(SAMPLE / "sample.mp4"), "--stride", "60", "--samples", "200"]
    assert main([*whole, "--out", str(tmp_path / "both"), "--methods", "layercam", "--no-trust"]) == 0
    e = json.loads((tmp_path / "both" / "result.json").read_text())["explanations"]
    analysis = analyse(
        (SAMPLE / "sample.wav").read_bytes(), (SAMPLE / "sample.mp4").read_bytes(), settings=Settings(stride=60, samples=200)
    )
    expected = library_maps(analysis.subject, "LayerCAM")
    for k, label in enumerate(LABELS):
        assert_allclose(e["layercam_maps"][label], expected[k], atol=1e-5)
        assert e["layercam"][label] == [f"layercam_{label}_{frame:03d}.png" for frame in range(len(analysis.features.video.times))]
        assert all((tmp_path / "both" / name).stat().st_size > 0 for name in e["layercam"][label])
    others = {key for key, method in METHODS.items() if not method.at_once} - {"layercam"}
    assert not others & e.keys()
    assert main([whole[0], "-", "--out", str(tmp_path / "voice"), "--samples", "200", "--methods", "layercam", "--no-trust"]) == 0
    assert "layercam" not in json.loads((tmp_path / "voice" / "result.json").read_text())["explanations"]


def test_a_clip_is_held_to_the_libraries_without_a_folder(tmp_path, capsys, monkeypatch):
    """Printed line by line; nothing is written unless it is asked for, and one of both must be."""
    monkeypatch.chdir(tmp_path)
    voice = [str(SAMPLE / "sample.wav"), "-", "--samples", "200"]
    assert main([*voice, "--reference"]) == 0
    lines = capsys.readouterr().out.splitlines()
    names = ["MFCC means: librosa", "LIME's weights from the same perturbed copies: lime", "LIME's weights from 1,000", "SHAP values: shap"]
    assert [line for line, name in zip(lines[1:], names, strict=False) if line.startswith(name)] == lines[1:5]
    assert not any("They differ" in line for line in lines)
    assert not list(tmp_path.iterdir())
    with pytest.raises(SystemExit) as stop:
        main(voice)
    assert stop.value.code == 2
    assert "--out" in capsys.readouterr().err


@pytest.mark.parametrize(("audio", "video"), [("missing.wav", "-"), ("junk", "-"), ("-", "junk"), ("-", "-"), ("empty", "-")])
def test_a_file_that_cannot_be_used_is_one_line_and_exit_code_2(tmp_path, audio, video):
    (tmp_path / "junk").write_bytes(b"junk" * 50)
    (tmp_path / "empty").write_bytes(b"")
    names = [name if name == "-" else str(tmp_path / name) for name in (audio, video)]
    run = subprocess.run(
        [sys.executable, "-m", "xai", *names, "--out", str(tmp_path / "out")], capture_output=True, text=True, cwd=ROOT, check=False
    )
    assert run.returncode == 2
    assert len(run.stderr.strip().splitlines()) == 1
    assert "Traceback" not in run.stderr
    assert not (tmp_path / "out").exists()

"""The command that measures: from a folder of recordings to a file whose first word is accuracy."""

import json
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, balanced_accuracy_score

from features import Modality
from models.data.corruptions import CORRUPTIONS, WORDS_ONLY, corruptions_in
from models.data.ravdess import performances
from models.evaluate import again, keep, main, results_of, summary, write
from models.evaluation.cross_validation import Corpus, Evaluator
from models.evaluation.ensembles import ensemble_predictions
from models.evaluation.metrics import confusion
from models.evaluation.predictions import Prediction, read_predictions
from models.evaluation.protocols import PROTOCOLS
from models.evaluation.tables import markdown
from models.labels import label_index, ravdess_label
from models.registry import result_path
from tests.conftest import ROOT

QUICK = {"epochs": 1, "taught_epochs": 1, "epoch_size": 64}


@pytest.fixture(scope="module")
def measured(published, cache, tmp_path_factory):
    """The command as it is typed, with short training: what it prints, and the two files that it writes."""
    out = tmp_path_factory.mktemp("scores") / "folder"
    command = [sys.executable, "-m", "models.evaluate", "--data", str(published), "--protocol", "actor-5fold", "--model", "voice"]
    quick = ["--set", *(f"{key}={value}" for key, value in QUICK.items() if key != "taught_epochs"), "--workers", "1", "--ferplus", "0"]
    run = subprocess.run(
        [*command, *quick, "--cache", str(cache), "--out", str(out)], capture_output=True, text=True, cwd=ROOT, check=False
    )
    assert run.returncode == 0, run.stderr
    kept, _ = read_predictions(out / "actor-5fold.voice.npz")
    return run.stdout, (out / "actor-5fold.voice.json").read_text(encoding="utf-8"), kept


def test_accuracy_comes_first_on_the_screen_and_in_the_file(measured):
    printed, written, _ = measured
    result = json.loads(written)
    assert printed.split()[0] == "accuracy"
    assert next(iter(result)) == "accuracy"
    assert printed.split()[1] == f"{result['accuracy']:.1%}"
    assert isinstance(result["accuracy"], float)
    assert result["accuracy"] == result["states"]["voice"]["accuracy"]["value"]
    assert (result["model"], result["protocol"], result["state"], result["seeds"]) == ("voice", "actor-5fold", "voice", 1)
    assert result["question"] == PROTOCOLS["actor-5fold"].question


def test_everybody_is_tested_once_and_nobody_else(measured):
    result = json.loads(measured[1])
    s = result["states"]["voice"]
    assert list(result["states"]) == ["voice"]
    assert (s["clips"], s["actors"]) == (9, 3)
    assert {actor: row["clips"] for actor, row in s["per_actor"].items()} == {"01": 3, "02": 3, "03": 3}
    assert [sum(row) for row in s["confusion"]] == [3, 0, 0, 0, 3, 0, 3, 0]  # angry, happy, sad
    assert np.trace(s["confusion"]) / 9 == pytest.approx(result["accuracy"], abs=1e-4)
    assert list(result["stability"]["voice"]) == [*CORRUPTIONS[Modality.AUDIO], WORDS_ONLY]
    assert all(0 <= share["low"] <= share["value"] <= share["high"] <= 1 for share in result["stability"]["voice"].values())


@pytest.mark.filterwarnings("ignore:All-NaN slice")
def test_the_command_does_what_its_parts_do(measured, published, cache):
    """Trained again here, split by split, without the command."""
    evaluator = Evaluator(Corpus(published, cache, 0))
    found = [p for k in range(5) for p in evaluator.run("actor-5fold", k, ["voice"], QUICK, True)]
    plain = [p for p in found if p.corruption is None]
    assert [(p.split, sorted(set(p.actor.tolist()))) for p in plain] == [(0, [2]), (1, [3]), (4, [1])]
    matrix = sum(confusion(p.logits.argmax(axis=1), p.label) for p in plain)
    again = results_of(found, "actor-5fold", ["voice"], QUICK)["voice"]
    written, kept = json.loads(measured[1]), {(p.split, p.corruption): p for p in measured[2]}
    for p in found:
        assert kept[p.split, p.corruption].keys == p.keys
        assert (kept[p.split, p.corruption].logits.argmax(axis=1) == p.logits.argmax(axis=1)).all()
    assert len(kept) == len(found)
    assert written["states"]["voice"]["confusion"] == matrix.tolist()
    assert written["accuracy"] == again["accuracy"]
    assert written["stability"] == again["stability"]
    assert written["states"]["voice"]["calibration"]["after"]["value"] == pytest.approx(
        again["states"]["voice"]["calibration"]["after"]["value"], abs=2e-3
    )


def test_a_folder_that_is_not_there_is_one_line(tmp_path, capsys):
    assert main(["--data", str(tmp_path / "nowhere")]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert len(err.strip().splitlines()) == 1
    assert "models.ravdess download" in err


@pytest.mark.usefixtures("inline")
def test_a_folder_without_recordings_is_one_line(tmp_path, capsys):
    assert main(["--data", str(tmp_path), "--cache", str(tmp_path / "cache"), "--workers", "1"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert "no RAVDESS recordings" in err.strip().splitlines()[-1]
    assert "Traceback" not in err


def test_again_and_data_exclude_each_other(tmp_path, capsys):
    assert main(["--data", str(tmp_path), "--again"]) == 2
    assert len(capsys.readouterr().err.strip().splitlines()) == 1


def test_a_setting_that_affects_no_chosen_model_is_one_line(tmp_path, capsys):
    assert main(["--data", str(tmp_path), "--model", "fused", "voice", "--set", "epochs=1", "mean_teacher=0"]) == 2
    assert capsys.readouterr().err == "mean_teacher does not affect the training of fused, voice: leave it out\n"
    assert main(["--data", str(tmp_path), "--model", "linear", "--set", "dropout=0.3"]) == 2
    assert "dropout" in capsys.readouterr().err


@pytest.mark.parametrize("wrong", [["--protocol", "guess"], ["--model", "oracle"], ["--set", "colour=3"], ["--set", "epochs=many"]])
def test_what_there_is_not_is_refused(wrong, capsys):
    with pytest.raises(SystemExit) as stop:
        main(wrong)
    assert stop.value.code == 2
    assert wrong[1].split("=")[0] in capsys.readouterr().err


def test_without_data_it_prints_what_is_in_the_repository(capsys):
    assert main([]) == 0
    assert capsys.readouterr().out.strip() == markdown().strip()


def made_up(model: str, state: str, split: int, actors: tuple[int, ...], corruption: str | None = None, seed: int = 0) -> Prediction:
    """Right two times in three, for all performances of some actors."""
    keys = [key for actor in actors for key in performances(actor)]
    rng = np.random.default_rng(100 * split + seed)
    label = np.array([label_index(ravdess_label(key[1])) for key in keys])
    logits = rng.normal(size=(len(keys), 8))
    logits[np.arange(len(keys)), np.where(rng.random(len(keys)) < 2 / 3, label, (label + 1) % 8)] += 6
    return Prediction(model, split, seed, state, corruption, logits, label, np.array([k[0] for k in keys]), keys)


@pytest.fixture(scope="module")
def found() -> list[Prediction]:
    """A fused model on three actors, of whom one was filmed, and the two halves of late fusion."""
    rows = [made_up("fused", "voice", k, actors) for k, actors in enumerate([(2, 5), (3,)])]
    rows += [made_up("fused", state, 0, (5,)) for state in ("both", "face")]
    corrupted = made_up("fused", "both", 0, (5,), "noise (20 dB)")
    corrupted.logits[:15] *= -1
    rows += [corrupted, made_up("fused", "both", 0, (5,), "JPEG (quality 20)")]
    rows += [made_up("voice", "voice", k, actors) for k, actors in enumerate([(2, 5), (3,)])] + [made_up("face", "face", 0, (5,))]
    return rows + ensemble_predictions(rows)


def test_results_are_those_of_the_predictions(found):
    result = results_of(found, "actor-5fold", ["fused", "late-fusion"], {})
    assert list(result) == ["fused", "late-fusion"]
    fused = result["fused"]
    assert next(iter(fused)) == "accuracy"
    assert fused["state"] == "both"
    assert list(fused["states"]) == ["both", "voice", "face"]
    for state, clips in (("both", 60), ("voice", 180), ("face", 60)):
        rows = [p for p in found if p.model == "fused" and p.state == state and p.corruption is None]
        label, named = (np.concatenate(c) for c in zip(*((p.label, p.logits.argmax(axis=1)) for p in rows), strict=True))
        s = fused["states"][state]
        assert s["clips"] == clips
        assert s["accuracy"]["value"] == pytest.approx(accuracy_score(label, named), abs=1e-4)
        assert s["uar"]["value"] == pytest.approx(balanced_accuracy_score(label, named), abs=1e-4)
    assert fused["accuracy"] == fused["states"]["both"]["accuracy"]["value"]
    assert {corruption: share["value"] for corruption, share in fused["stability"]["both"].items()} == {
        "noise (20 dB)": 0.75,
        "JPEG (quality 20)": 1.0,
    }
    assert set(fused["stability"]["both"]) < set(corruptions_in("both"))
    assert fused["altered_copies"]
    assert not results_of(found, "actor-5fold", ["fused"], {"taught_altered": 0.0})["fused"]["altered_copies"]


def test_what_could_not_be_measured_is_said(found):
    result = results_of(found, "actor-5fold", ["fused", "voice", "linear"], {})
    assert "05 only" in result["fused"]["not_measured"]
    assert result["voice"]["not_measured"] is None
    assert "linear" not in result  # nothing was predicted
    assert result["fused"]["not_measured"] in summary(result["fused"])
    assert results_of([], "random", ["fused"], {}) == {}


def test_two_trainings_are_two(found):
    twin = [replace(made_up("fused", p.state, p.split, tuple(np.unique(p.actor)), p.corruption, 1)) for p in found if p.model == "fused"]
    result = results_of([*found, *twin], "actor-5fold", ["fused"], {})["fused"]
    assert result["seeds"] == 2
    both = [p for p in [*found, *twin] if (p.model, p.state, p.corruption) == ("fused", "both", None)]
    right = np.concatenate([p.logits.argmax(axis=1) == p.label for p in both])
    assert result["accuracy"] == pytest.approx(right.mean(), abs=1e-4)


def test_scores_can_be_computed_again_from_what_is_kept(found, tmp_path, monkeypatch):
    """By the rules of now; of when they were made, and how, the files go on saying the same."""
    monkeypatch.setattr("models.evaluate.commit", lambda: "then")
    single = [replace(p, logits=p.logits.astype(np.float32)) for p in found]
    results = results_of(single, "actor-5fold", ["fused", "late-fusion"], {"altered": 0.0})
    monkeypatch.setattr("models.evaluate.commit", lambda: "now")
    paths = {name: result_path("actor-5fold", name, name == "fused", tmp_path) for name in results}
    for name, path in paths.items():
        keep(results[name], single, {"altered": 0.0}, path)
        path.write_text("{}", encoding="utf-8")
    (tmp_path / "summary.fused.npz").write_bytes(b"of something else")
    again(tmp_path)
    for name, path in paths.items():
        assert json.loads(path.read_text(encoding="utf-8")) == results[name]
        assert results[name]["commit"] == "then"
    monkeypatch.setattr("models.evaluation.calibration.fit_temperature", lambda *_: 4.0)
    again(tmp_path)
    new = json.loads(paths["fused"].read_text(encoding="utf-8"))
    assert new["states"]["voice"]["calibration"]["after"] != results["fused"]["states"]["voice"]["calibration"]["after"]
    assert new["accuracy"] == results["fused"]["accuracy"]


def test_the_summary_says_what_the_file_says(found, tmp_path):
    result = results_of(found, "actor-5fold", ["fused"], {})["fused"]
    path = result_path("actor-5fold", "fused", folder=tmp_path / "new")
    write(result, path)
    assert json.loads(path.read_text(encoding="utf-8")) == result
    first, *lines = summary(result).splitlines()
    assert first == f"accuracy {result['accuracy']:.1%}  (fused, actor-5fold, voice and face)"
    for line, (words, state) in zip(lines, (("voice and face", "both"), ("voice alone", "voice"), ("face alone", "face")), strict=False):
        s = result["states"][state]
        assert line.split("  ")[1].startswith(words)
        assert f"{s['accuracy']['value']:.1%} ({s['accuracy']['low']:.1%}–{s['accuracy']['high']:.1%})" in line
        assert f"UAR {s['uar']['value']:.1%}, macro-F1 {s['macro_f1']['value']:.1%}" in line
        assert line.endswith(f"{s['clips']} clips of {s['actors']} actors")
    assert "noise (20 dB) 75%" in summary(result)

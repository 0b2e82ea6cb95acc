"""What TensorBoard shows is what happened: read back from the files, and compared with the training itself."""

import io
import sys
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from PIL import Image
from sklearn.metrics import accuracy_score, balanced_accuracy_score
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData

import models.evaluation.cross_validation
from models.data.clips import predict
from models.evaluation.cross_validation import Corpus, Evaluator, learn, run_protocol
from models.evaluation.metrics import confusion
from models.monitoring.monitor import Monitor, Monitors
from models.monitoring.tensorboard_log import LogError, TensorBoardLog, log_to, new_folder, picture
from models.registry import MODELS
from models.training.settings import effective_settings, recipe_for

QUICK = {"seed": 3, "epochs": 3, "taught_epochs": 3, "batch": 32, "epoch_size": 64, "teachers": 1}
TRAINED = [name for name, spec in MODELS.items() if spec.train]


class Scores(Monitor):
    """Accuracy and UAR after each epoch by another road: encoded afresh, judged by scikit-learn."""

    def __init__(self, validation) -> None:
        self.validation, self.found = validation, []

    def start(self, epochs, model_of):
        self.model_of = model_of

    def epoch(self, network, epoch, loss):
        self.found.append({state: scored(predict(self.model_of(network), clips), clips) for state, clips in self.validation.items()})


def scored(logits, clips) -> dict[str, float]:
    named = logits.argmax(axis=1)
    return {"accuracy": accuracy_score(clips.label, named), "uar": balanced_accuracy_score(clips.label, named)}


def read(folder: Path) -> EventAccumulator:
    return EventAccumulator(str(folder), {"scalars": 0, "images": 0, "tensors": 0}).Reload()


def values(events: EventAccumulator, tag: str) -> list[float]:
    return [event.value for event in events.Scalars(tag)]


def text_of(events: EventAccumulator, tag: str) -> str:
    (event,) = events.Tensors(f"{tag}/text_summary")
    return event.tensor_proto.string_val[0].decode()


@pytest.fixture(scope="module")
def logged(corpus, tmp_path_factory):
    """Of a model: its folder, the predictions of the clips that were held out from it, the model, the other road's scores."""
    evaluator = object.__new__(Evaluator)
    evaluator.backbone, (evaluator.voices, evaluator.faces) = "ferplus", corpus

    @cache
    def run(name: str):
        folder, kept, usual = tmp_path_factory.mktemp("runs"), [], models.evaluation.cross_validation.learn

        def spy(*args):
            scores = Scores(args[-1].validation)
            kept.append((usual(*args[:-1], Monitors(args[-1], scores)), scores))
            return kept[0][0]

        evaluator.log_dir = folder
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(models.evaluation.cross_validation, "learn", spy)
            found = evaluator.run("actor-5fold", 0, [name], QUICK, False)
        evaluator.log_dir = None
        without = evaluator.run("actor-5fold", 0, [name], QUICK, False)
        ((model, scores),) = kept
        return folder / name / "actor-5fold" / "split-1-seed-3", found, without, model, scores

    return run


@pytest.mark.parametrize("name", TRAINED)
def test_loss_accuracy_and_recall_are_those_of_every_epoch(logged, name):
    folder, found, _, model, scores = logged(name)
    events, history = read(folder), model.info.get("history", [])
    if history:
        assert_allclose(values(events, "loss"), [row["loss"] for row in history], atol=1e-4)
        assert [event.step for event in events.Scalars("loss")] == [1, 2, 3]
    last = {p.state: scored(p.logits, p) for p in found}
    assert set(last) == set(MODELS[name].states)
    for state in last:
        for score in ("accuracy", "uar"):
            shown = values(events, f"{score}/{state}")
            assert shown[-1] == pytest.approx(last[state][score])
            assert_allclose(shown, [row[state][score] for row in scores.found] or [last[state][score]], atol=1e-6)
    tags = {f"{score}/{state}" for score in ("accuracy", "uar") for state in last} | ({"loss"} if history else set())
    teachers = {"teacher/voice 1", "teacher/face 1"} if name == "fused" else set()
    assert set(events.Tags()["scalars"]) == tags | teachers
    assert all(len(values(events, tag)) == 3 for tag in teachers)


@pytest.mark.parametrize("name", TRAINED)
def test_a_log_changes_nothing(logged, name):
    """Bit for bit the same predictions."""
    _, found, without, _, _ = logged(name)
    assert [p.state for p in found] == [p.state for p in without]
    for p, q in zip(found, without, strict=True):
        assert_array_equal(p.logits, q.logits)


@pytest.mark.parametrize("name", ["fused", "av-tokens"])
def test_weights_are_bit_for_bit_the_same_with_a_log(corpus, logged, tmp_path, name):
    clips = logged(name)[4].validation
    log = TensorBoardLog(tmp_path, name, QUICK, clips)
    watched, alone = (learn(name, *corpus, QUICK, monitor=monitor).classifier.state_dict() for monitor in (log, Monitor()))
    assert all(torch.equal(watched[key], alone[key]) for key in alone)


@pytest.mark.parametrize("name", ["fused", "linear"])
def test_the_last_picture_is_the_confusion_matrix_of_what_is_kept(logged, name):
    folder, found, *_ = logged(name)
    events = read(folder)
    assert set(events.Tags()["images"]) == {f"confusion/{p.state}" for p in found}
    for p in found:
        images = events.Images(f"confusion/{p.state}")
        assert [image.step for image in images] == ([1, 2, 3] if name == "fused" else [0])
        title = f"{name}: {len(p.label)} held-out clips, {p.state}"
        shown = np.asarray(Image.open(io.BytesIO(images[-1].encoded_image_string)))
        assert_array_equal(shown, picture(confusion(p.logits.argmax(axis=1), p.label), title))


def test_a_picture_has_what_was_portrayed_in_rows():
    """All that was portrayed as the first emotion was recognised as the last: dark at the upper right, and nowhere else."""
    matrix = np.zeros((8, 8), int)
    matrix[0, 7] = 40
    shown = picture(matrix, "")
    assert shown.dtype == np.uint8
    blue = (shown[..., 2].astype(int) - shown[..., 0] > 60).nonzero()
    assert blue[0].max() < 0.35 * shown.shape[0]
    assert blue[1].min() > 0.75 * shown.shape[1]


@pytest.mark.parametrize("name", ["fused", "av-tokens"])
def test_settings_are_kept_as_a_table_and_as_hyperparameters(logged, name):
    events = read(logged(name)[0])
    wanted = effective_settings(name, recipe_for(name, QUICK))
    table = text_of(events, "settings").splitlines()
    assert all(f"| `{key}` | {value} |" in table for key, value in wanted.items())
    kept = HParamsPluginData.FromString(events.summary_metadata["_hparams_/session_start_info"].plugin_data.content)
    numbers = {key: value.number_value for key, value in kept.session_start_info.hparams.items() if key != "model"}
    assert numbers == pytest.approx(wanted)
    assert kept.session_start_info.hparams["model"].string_value == name
    compared = HParamsPluginData.FromString(events.summary_metadata["_hparams_/experiment"].plugin_data.content).experiment
    tags = {metric.name.tag for metric in compared.metric_infos}
    assert tags == {tag for tag in events.Tags()["scalars"] if tag.startswith(("accuracy", "uar"))}


def test_the_log_says_what_is_measured(logged, corpus, tmp_path):
    events = read(logged("voice")[0])
    assert "held-out clips" in text_of(events, "about")
    assert "- voice: 120 clips" in text_of(events, "about")
    assert "averaged weights" in text_of(events, "weights")
    assert "weights/text_summary" not in read(logged("linear")[0]).Tags()["tensors"]  # nothing is averaged
    monitor = log_to(tmp_path, "voice", "all-data-seed-0", QUICK)
    learn("voice", *corpus, QUICK, monitor=monitor)
    events = read(tmp_path / "voice" / "all-data-seed-0")
    assert events.Tags()["scalars"] == ["loss"]
    assert events.Tags()["images"] == []
    assert "all clips" in text_of(events, "about")
    assert "ccuracy" not in text_of(events, "weights")


def test_workers_write_a_folder_for_every_training(published, cache, tmp_path):
    told = []
    corpus = Corpus(published, cache, 0)
    found = run_protocol(corpus, "actor-5fold", ["linear"], {"seed": 4}, 2, 1, False, lambda *row: told.append(row), tmp_path)
    assert told == [(done, 10) for done in range(11)]
    folders = {path.parent.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("events.*")}
    assert folders == {f"linear/actor-5fold/split-{k}-seed-{seed}" for k in (1, 2, 5) for seed in (4, 5)}
    for p in found:
        events = read(tmp_path / "linear" / "actor-5fold" / f"split-{p.split + 1}-seed-{p.seed}")
        assert values(events, f"accuracy/{p.state}") == [pytest.approx(accuracy_score(p.label, p.logits.argmax(axis=1)))]


def test_without_a_folder_nothing_is_logged():
    assert type(log_to(None, "fused", "run", QUICK)) is Monitor


def test_each_command_has_a_folder_of_its_own_or_one_sentence(tmp_path, monkeypatch):
    folder = new_folder(tmp_path / "runs")
    assert folder.parent == tmp_path / "runs"
    assert not (tmp_path / "runs").exists()  # until there is a log: a command that is broken off leaves nothing
    (tmp_path / "runs" / "earlier").mkdir(parents=True)
    new_folder(tmp_path / "runs")
    assert [path.name for path in (tmp_path / "runs").iterdir()] == ["earlier"]
    (tmp_path / "file").touch()
    with pytest.raises(LogError, match="choose another"):
        new_folder(tmp_path / "file")
    monkeypatch.setitem(sys.modules, "tensorboard", None)
    with pytest.raises(LogError, match=r"pip install -r requirements-tensorboard\.txt"):
        new_folder(tmp_path / "runs")

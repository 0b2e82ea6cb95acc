"""An observer of a training gets every event, and changes nothing."""

from copy import deepcopy

import pytest
import torch
from numpy.testing import assert_allclose

from models.evaluation.cross_validation import learn
from models.monitoring.monitor import Monitor, Monitors
from models.registry import MODELS
from models.training.settings import recipe_for

QUICK = {"seed": 3, "epochs": 2, "taught_epochs": 3, "batch": 32, "epoch_size": 64, "teachers": 2, "mean_teacher": 0.5}
TRAINED = [name for name, spec in MODELS.items() if spec.train]


class Recorder(Monitor):
    """Keeps every event, and copies of the weights."""

    def __init__(self) -> None:
        self.started, self.teachers, self.epochs, self.networks, self.kept, self.finished = [], [], [], [], [], []

    def start(self, epochs, model_of):
        self.started.append(epochs)
        self.model_of = model_of

    def teacher(self, name, network, epoch, loss):
        assert not self.epochs
        self.teachers.append((name, epoch, loss))

    def epoch(self, network, epoch, loss):
        self.epochs.append((epoch, loss))
        self.networks.append(network)
        self.kept.append(deepcopy(network).state_dict())

    def finish(self, model):
        self.finished.append(model)


@pytest.mark.parametrize("name", TRAINED)
def test_all_epochs_are_told_and_the_weights_are_those_that_are_kept(corpus, name):
    first, second = Recorder(), Recorder()
    model = learn(name, *corpus, QUICK, monitor=Monitors(first, second))
    assert first.epochs == second.epochs
    assert first.finished == second.finished == [model]
    history = model.info.get("history", [])
    assert [epoch for epoch, _ in first.epochs] == [row["epoch"] for row in history]
    assert_allclose([loss for _, loss in first.epochs], [row["loss"] for row in history], atol=1e-4)
    assert first.started == ([len(first.teachers) + len(first.epochs)] if history else [])
    assert len({name for name, *_ in first.teachers}) == (4 if name == "fused" else 0)
    assert all(network is model.classifier and not network.training for network in first.networks)
    if history:
        changed = [any((a[key] != b[key]).any() for key in a) for a, b in zip(first.kept, first.kept[1:], strict=False)]
        assert len(changed) == len(history) - 1
        assert all(changed)


@pytest.mark.parametrize("name", [name for name in TRAINED if name != "linear"])
def test_the_model_of_a_network_is_the_one_that_is_kept(corpus, name):
    recorder = Recorder()
    model = learn(name, *corpus, QUICK, monitor=recorder)
    made = recorder.model_of(model.classifier)
    assert type(made) is type(model)
    assert_allclose(made.standardise.mean, model.standardise.mean)
    assert_allclose(made.standardise.std, model.standardise.std)
    assert (made.name, made.architecture, made.temperature) == (model.name, model.architecture, model.temperature)


def test_teachers_are_told_by_name_and_number(corpus):
    recorder = Recorder()
    learn("fused", *corpus, QUICK, monitor=recorder)
    wanted = [(f"{modality} {k}", epoch) for modality in ("voice", "face") for k in (1, 2) for epoch in (1, 2)]
    assert [(name, epoch) for name, epoch, _ in recorder.teachers] == wanted
    labels_alone = Recorder()
    learn("fused", *corpus, QUICK | {"teachers": 0}, monitor=labels_alone)
    assert (labels_alone.started, labels_alone.teachers) == ([recipe_for("fused", QUICK).taught_epochs], [])


@pytest.mark.parametrize("name", TRAINED)
def test_what_is_kept_is_bit_for_bit_the_same_without(corpus, name):
    watched, alone = (learn(name, *corpus, QUICK, monitor=monitor).classifier.state_dict() for monitor in (Recorder(), Monitor()))
    assert all(torch.equal(watched[key], alone[key]) for key in alone)

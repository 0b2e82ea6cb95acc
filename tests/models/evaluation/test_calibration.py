"""Temperatures come from other people, and few people say little."""

from dataclasses import replace

import numpy as np
import pytest

from models.checkpoint import load_model
from models.evaluation.calibration import temperature_of, temperatures
from models.evaluation.metrics import fit_temperature
from models.evaluation.predictions import read_predictions
from models.registry import MODELS, STATES, result_path
from tests.models.conftest import synthetic


def test_the_temperature_of_a_split_is_that_of_all_others():
    rows = [synthetic(0, 4.0), synthetic(1, 2.0), synthetic(2, 2.0)]
    found = temperatures(rows)
    assert found["m", "voice", 0] ** 2 == pytest.approx(2.0, rel=0.06)
    others = [np.concatenate([getattr(r, name) for r in (rows[0], rows[2])]) for name in ("logits", "label")]
    assert found["m", "voice", 1] == fit_temperature(*others) ** 0.5
    assert 2.2 < found["m", "voice", 1] ** 2 < 4
    assert temperature_of([rows[0], rows[2]]) == found["m", "voice", 1]
    assert temperature_of([]) == 1.0


@pytest.mark.parametrize(("people", "wanted"), [(1, 0.5), (2, 1 / 4 ** (2 / 3)), (3, 1 / 4**0.75), (19, 1 / 4**0.95)])
def test_the_fewer_people_the_closer_to_1(people, wanted):
    assert temperature_of([synthetic(0, 0.25, people=people)]) == pytest.approx(wanted, rel=0.06)
    assert temperature_of([synthetic(0, 4.0, 2000, people=people)] * 2) == pytest.approx(1 / wanted, rel=0.06)  # the same people twice


@pytest.mark.parametrize("split", [0, 1, 2])
def test_no_clip_influences_its_own_scaling(split):
    """Whatever a split's own predictions and labels are, its temperature stays; those of the others do not."""
    rows = [replace(synthetic(k, 1.0 + k, 300), state=s) for k in range(3) for s in ("both", "voice")]
    rng = np.random.default_rng(9)
    spoiled = [
        replace(r, logits=9 * rng.normal(size=r.logits.shape), label=rng.permutation(r.label)) if r.split == split else r for r in rows
    ]
    before, after = temperatures(rows), temperatures(spoiled)
    assert before.keys() == {("m", state, k) for state in ("both", "voice") for k in range(3)}
    for state in ("both", "voice"):
        assert after["m", state, split] == before["m", state, split]
        assert all(after["m", state, k] != before["m", state, k] for k in range(3) if k != split)


def test_corrupted_clips_and_other_models_and_states_do_not_count():
    rows = [synthetic(0, 2.0), synthetic(1, 2.0)]
    more = [synthetic(2, 7.0, corruption="noise (20 dB)"), synthetic(0, 5.0, model="other"), synthetic(1, 5.0, model="other")]
    assert {key: value for key, value in temperatures(rows + more).items() if key[0] == "m"} == temperatures(rows)
    assert temperatures([*rows, synthetic(1, 7.0, state="face")])["m", "voice", 0] == temperatures(rows)["m", "voice", 0]
    assert temperatures(rows[:1]) == {("m", "voice", 0): 1.0}
    assert temperatures([]) == {}


@pytest.mark.parametrize("name", MODELS)
def test_what_ships_is_scaled_by_predictions_for_people_left_out(name):
    model = load_model(name)
    found, _ = read_predictions(result_path("actor-5fold", name).with_suffix(".npz"))
    shipped = dict(zip(STATES, (model.temperature, *model.alone.values()), strict=True))
    for state in model.spec.states:
        assert shipped[state] == temperature_of([p for p in found if p.state == state and p.corruption is None])

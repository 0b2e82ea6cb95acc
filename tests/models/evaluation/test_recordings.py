"""Predictions under published names: as they were kept, scaled; the surest mistakes first."""

import csv
from dataclasses import replace
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.special import softmax

from models.data.ravdess import parse_name
from models.evaluation.calibration import temperatures
from models.evaluation.predictions import Prediction, read_predictions
from models.evaluation.recordings import as_csv, rows_in, surest_mistakes_first
from models.labels import LABELS
from models.registry import read_result, result_path


@pytest.fixture(scope="module")
def found() -> list[Prediction]:
    return read_predictions(result_path("actor-5fold", "fused").with_suffix(".npz"))[0]


@pytest.mark.parametrize(
    ("shown", "state", "modality", "count"), [("voice", "voice", 3, 1440), ("voice and face", "both", 1, 112), ("face", "face", 2, 112)]
)
def test_a_file_holds_every_prediction_as_it_was_kept(found, shown, state, modality, count):
    rows = [row for row in csv.DictReader(StringIO(as_csv(found, read_result("actor-5fold", "fused")))) if row["shown"] == shown]
    assert len(rows) == count
    takes = [parse_name(Path(row["recording"] + (".wav" if modality == 3 else ".mp4"))) for row in rows]
    assert {take.modality for take in takes} == {modality}
    assert [take.label for take in takes] == [row["portrayed"] for row in rows]
    own = [p for p in found if p.state == state and p.corruption is None]
    scale = temperatures(own)
    expected = np.concatenate([softmax(p.logits.astype(float) / scale["fused", state, p.split], axis=1) for p in own])
    assert_allclose([[float(row[label]) for label in LABELS] for row in rows], expected, atol=1e-4)
    assert [take.key for take in takes] == [key for p in own for key in p.keys]
    assert [row["named"] for row in rows] == [LABELS[k] for k in expected.argmax(axis=1)]
    assert [int(row["split"]) for row in rows] == [p.split + 1 for p in own for _ in p.keys]


def test_corrupted_recordings_are_left_out(found):
    assert any(p.corruption for p in found if p.state == "voice")
    rows = list(rows_in(found, "voice", read_result("actor-5fold", "fused")["states"]["voice"]["temperatures"]))
    assert len({row["recording"] for row in rows}) == len(rows) == 1440


@pytest.mark.parametrize("seeds", [(0,), (0, 1)])
def test_a_recording_that_several_trainings_judged_says_which(found, seeds):
    """Nobody should take it for two recordings."""
    both = [replace(p, seed=seed) for seed in seeds for p in found if p.state == "both"]
    listed = surest_mistakes_first(rows_in(both, "both", {str(p.split): 1.0 for p in both}))
    assert all(("seed" in row) == (len(seeds) > 1) for row in listed)
    without = [tuple(value for key, value in row.items() if key != "sure") for row in listed]
    assert len(set(without)) == len(without)


def test_the_surest_mistakes_come_first():
    def row(name: str, portrayed: str, named: str, sure: float) -> dict:
        return {"recording": name, "portrayed": portrayed, "named": named, "seed": 0} | dict.fromkeys(LABELS, 0.0) | {named: sure}

    rows = [row("a", "sad", "sad", 0.9), row("b", "sad", "calm", 0.4), row("c", "calm", "sad", 0.712), row("d", "calm", "calm", 0.95)]
    listed = surest_mistakes_first(rows)
    assert [found["recording"] for found in listed] == ["c", "b", "d", "a"]
    assert listed[0] == {"recording": "c", "portrayed": "calm", "named": "sad", "sure": 0.71}

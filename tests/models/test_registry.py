"""Every model on offer is described, and what was measured is found where it was kept."""

import json

import pytest

from features import Modality
from models.evaluation.protocols import PROTOCOLS
from models.registry import BOTH, DEFAULT, MODELS, RESULTS, STATES, never_augmented, read_result, result_path, shown_in

KEPT = sorted(RESULTS.glob("*.json"))


def test_descriptions_are_short_and_distinct():
    assert next(iter(MODELS)) == DEFAULT
    for description in MODELS.values():
        assert 0 < len(description.title) <= 30
        assert description.what.endswith(".")
        assert description.why.endswith(".")
    for part in ("title", "what", "why"):
        assert len({getattr(d, part) for d in MODELS.values()}) == len(MODELS)


@pytest.mark.parametrize(("name", "spec"), MODELS.items())
def test_a_model_is_either_trained_or_made_of_others(name, spec):
    assert (spec.train is None) == bool(spec.parts)
    assert (spec.fuse is None) == (spec.mix is None) == (not spec.parts)
    for part in spec.parts:
        assert part != name
        assert MODELS[part].train is not None
        assert len(MODELS[part].modalities) == 1


def test_states_of_one_modality_and_of_both():
    assert STATES == ("both", "voice", "face")
    assert [shown_in(state) for state in STATES] == [tuple(Modality), (Modality.AUDIO,), (Modality.VIDEO,)]
    assert (MODELS["voice"].states, MODELS["face"].states) == (("voice",), ("face",))
    assert {MODELS[name].states for name in MODELS if len(MODELS[name].modalities) == 2} == {(BOTH, "voice", "face")}


def test_every_result_has_a_place_of_its_own(tmp_path):
    places = {result_path(p, m, plain, tmp_path) for p in PROTOCOLS for m in MODELS for plain in (False, True)}
    assert len(places) == 2 * len(PROTOCOLS) * len(MODELS)
    assert result_path("random", "fused").parent == RESULTS
    assert result_path("random", "fused", folder=tmp_path).name == "random.fused.json"
    assert result_path("random", "fused", True, tmp_path).name == "random.fused.plain.json"


def test_what_was_not_measured_is_none():
    assert read_result("actor-5fold", "nobody") is None
    assert read_result("nowhere", "fused", plain=True) is None


@pytest.mark.parametrize("path", KEPT, ids=[path.stem for path in KEPT])
def test_results_in_the_repository_are_where_they_belong(path):
    result = json.loads(path.read_text(encoding="utf-8"))
    assert next(iter(result)) == "accuracy"
    plain = not result["altered_copies"] and not never_augmented(result["model"])
    assert path == result_path(result["protocol"], result["model"], plain)
    assert read_result(result["protocol"], result["model"], plain) == result
    assert result["accuracy"] == result["states"][result["state"]]["accuracy"]["value"]
    assert set(result["states"]) <= set(MODELS[result["model"]].states)
    for s in result["states"].values():
        judged = s["clips"] * result["seeds"]
        assert sum(map(sum, s["confusion"])) == judged
        assert s["clips"] == sum(row["clips"] for row in s["per_actor"].values())
        assert sum(s["confusion"][k][k] for k in range(8)) / judged == pytest.approx(s["accuracy"]["value"], abs=1e-4)
        assert s["accuracy"]["low"] <= s["accuracy"]["value"] <= s["accuracy"]["high"]
        assert len(s["per_actor"]) == s["actors"]

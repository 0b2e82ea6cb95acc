"""What is kept of the costs of models is read as it was measured, and what was not measured is none."""

import json

from models.evaluation import costs
from models.evaluation.costs import Cost, cost_of
from models.registry import DEFAULT, MODELS


def test_what_is_kept_is_of_models_that_there_are_beside_the_default():
    kept = json.loads(costs.COSTS.read_text(encoding="utf-8"))
    assert set(kept["models"]) <= set(MODELS)
    default = cost_of(DEFAULT)
    assert (default.times, default.extra_mb) == (1.0, 0)
    assert cost_of("voice").times < default.times  # which looks at no face
    assert cost_of("av-tokens").times > 1.5  # which encodes hundreds of perturbed copies of the sound again


def test_of_a_file_and_without_one(tmp_path, monkeypatch):
    monkeypatch.setattr(costs, "COSTS", tmp_path / "costs.json")
    assert cost_of("linear") is None
    (tmp_path / "more.json").write_text(json.dumps({"models": {"linear": {"seconds": 0.4, "times": 0.8, "extra_mb": 3}}}))
    monkeypatch.setattr(costs, "COSTS", tmp_path / "more.json")
    assert cost_of("linear") == Cost(0.4, 0.8, 3)
    assert cost_of("fused") is None

"""The scores in the repository: complete, plausible, better than what came before, and the ones that MODEL_CARD shows."""

import json

import pytest

from models.checkpoint import WEIGHTS, load_model
from models.data.corruptions import corruptions_in
from models.evaluate import results_of
from models.evaluation.predictions import read_predictions
from models.evaluation.protocols import PROTOCOLS
from models.evaluation.tables import markdown
from models.registry import MODELS, RESULTS, read_result, result_path
from tests.conftest import ROOT

MEASURED = [(protocol, name) for protocol in PROTOCOLS for name in MODELS if read_result(protocol, name)]
UNTRAINED = [(protocol, name, True) for protocol, name in MEASURED if read_result(protocol, name, plain=True)]


def test_every_model_was_measured_with_new_people_with_new_words_and_at_random():
    assert {(p, name) for p in ("actor-5fold", "sentence", "random") for name in MODELS} <= set(MEASURED)


@pytest.mark.parametrize(("protocol", "name"), MEASURED)
def test_scores_are_complete_and_plausible(protocol, name):
    result = read_result(protocol, name)
    assert next(iter(result)) == "accuracy"
    assert set(result["states"]) == set(MODELS[name].states)
    for state, s in result["states"].items():
        assert s["clips"] == (1440 if state == "voice" else 112)  # once, however many trainings judged them
        assert s["actors"] == (24 if state == "voice" else 2)
        assert s["accuracy"]["low"] <= s["accuracy"]["value"] <= s["accuracy"]["high"]
        right = sum(row[k] for k, row in enumerate(s["confusion"]))
        assert s["accuracy"]["value"] == pytest.approx(right / s["clips"] / result["seeds"], abs=1e-4)
        assert 0.125 < s["accuracy"]["value"] < 0.97
    assert (result["not_measured"] is None) == (name == "voice")


@pytest.mark.parametrize(("name", "least"), [("fused", 0.01), ("voice", 0.02), ("av-tokens", 0.05), ("whisper-tokens", 0.02)])
def test_a_test_with_the_same_people_flatters(name, least):
    """If it did not, people would leak into the honest protocol. Soft targets are out of fold: they flatter models of averages less."""
    honest, random = (read_result(p, name)["states"]["voice"]["accuracy"]["value"] for p in ("actor-5fold", "random"))
    assert random > honest + least


def test_the_voice_beats_the_first_attempts():
    """38.5 % was a first network on the means; 42 and 55 % were the aims for means and for sequences."""
    for name, least in (("fused", 0.42), ("voice", 0.41), ("av-tokens", 0.55), ("whisper-tokens", 0.75)):
        assert read_result("actor-5fold", name)["states"]["voice"]["accuracy"]["value"] > least


def test_both_beat_the_first_attempt_on_unseen_people():
    """A first prototype of this project: 55 % without actor 01 and 64 % without actor 05; the aims were 60 and 68 %."""
    for name in ("fused", "av-tokens"):
        of = read_result("actor-5fold", name)["states"]["both"]["per_actor"]
        assert of["01"]["accuracy"]["value"] > 0.60
        assert of["05"]["accuracy"]["value"] > 0.68


@pytest.mark.parametrize("name", ["fused", "voice", "late-fusion"])
def test_every_emotion_is_recognised(name):
    """Each has a higher recall than random guesses in proportion to its clips, of which neutral has half as many.

    For faces alone that is too much: calm was filmed of one actor, and without him there are only photographs of it.
    """
    for state, s in read_result("actor-5fold", name)["states"].items():
        if state != "face":
            for label, row in s["per_class"].items():
                assert row["recall"]["value"] > 1.2 * row["clips"] / s["clips"], (state, label)


@pytest.mark.parametrize("name", ["fused", "voice", "late-fusion", "linear", "av-tokens"])
def test_scaled_predictions_are_calibrated_on_unseen_people(name):
    """0.08 was the aim."""
    assert read_result("actor-5fold", name)["states"]["voice"]["calibration"]["after"]["value"] <= 0.08


@pytest.mark.parametrize("name", ["fused", "late-fusion", "av-tokens", "whisper-tokens"])
def test_over_both_actors_no_more_is_wrong_than_chance_explains(name):
    """The aim of 0.08 is what a perfect model would score by chance on 112 clips. One by one the two differ, see MODEL_CARD."""
    scaled = read_result("actor-5fold", name)["states"]["both"]["calibration"]
    assert scaled["by_chance"] == pytest.approx(0.08, abs=0.015)
    assert scaled["after"]["value"] <= scaled["by_chance_at_most"]


def test_verdicts_are_stable_under_corruptions():
    """With voice and face at least 85 % of verdicts stay under each corruption, as was the aim."""
    for name in ("fused", "av-tokens"):
        stable = read_result("actor-5fold", name)["stability"]["both"]
        assert set(stable) == set(corruptions_in("both"))
        assert min(share["value"] for share in stable.values()) >= 0.85


def test_sequences_do_not_depend_on_how_loud_a_voice_is():
    """Alone it still depends on lines and noise."""
    stable = read_result("actor-5fold", "av-tokens")["stability"]
    assert min(stable["voice"][f"10 dB {way}"]["value"] for way in ("softer", "louder")) >= 0.85


def test_the_pretrained_ear_reaches_its_aims():
    """Of a voice alone: calibration error 0.05 at most, 85 % of verdicts stay under each corruption; with a face too."""
    result = read_result("actor-5fold", "whisper-tokens")
    assert result["states"]["voice"]["calibration"]["after"]["value"] <= 0.05
    for state in ("voice", "both"):
        assert min(share["value"] for share in result["stability"][state].values()) >= 0.85


def test_the_model_card_shows_these_scores():
    card = (ROOT / "MODEL_CARD.md").read_text(encoding="utf-8")
    start, end = "<!-- scores: python -m models.evaluate -->\n", "\n<!-- /scores -->"
    assert card[card.index(start) + len(start) : card.index(end)] == markdown()


def test_readme_names_the_scores_of_the_default_model():
    states = read_result("actor-5fold", "fused")["states"]
    voice, both = (states[state]["accuracy"]["value"] for state in ("voice", "both"))
    readme = " ".join((ROOT / "README.md").read_text(encoding="utf-8").split())
    assert f"{100 * voice:.0f} % of voices alone and {100 * both:.0f} % of clips with voice and face" in readme


@pytest.mark.parametrize("name", MODELS)
def test_checkpoints_are_small_enough_for_the_repository(name):
    assert (WEIGHTS / f"{name}.safetensors").stat().st_size < 10e6
    assert load_model(name).architecture == name
    assert "RAVDESS" in load_model(name).info["trained_on"]


def test_reference_features_are_small_enough_for_the_repository():
    assert (RESULTS / "reference.npz").stat().st_size < 5e6


def without_intervals(value):
    """Their bounds take a second to draw."""
    if isinstance(value, dict):
        return {key: without_intervals(part) for key, part in value.items() if key not in ("low", "high")}
    return value


@pytest.mark.parametrize(("protocol", "name", "plain"), [*((*row, False) for row in MEASURED), *UNTRAINED])
def test_scores_are_those_of_the_predictions_beside_them(protocol, name, plain, monkeypatch):
    kept = read_result(protocol, name, plain)
    monkeypatch.setattr("models.evaluation.intervals._RESAMPLES", 2)
    found, about = read_predictions(result_path(protocol, name, plain).with_suffix(".npz"))
    assert about["model"] == name
    again = results_of(found, protocol, [name], about["settings"], about)[name]
    assert without_intervals(again) == without_intervals(kept)


def test_intervals_are_those_of_the_predictions_too():
    found, about = read_predictions(result_path("actor-5fold", "fused").with_suffix(".npz"))
    assert results_of(found, "actor-5fold", ["fused"], about["settings"], about)["fused"] == read_result("actor-5fold", "fused")


def test_all_predictions_are_small_enough_for_the_repository():
    assert sum(path.stat().st_size for path in RESULTS.glob("*.npz")) < 10e6


def test_results_are_json_without_nan():
    for path in RESULTS.glob("*.json"):
        json.loads(path.read_text(encoding="utf-8"), parse_constant=pytest.fail)

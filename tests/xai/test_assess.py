"""Badges on recordings whose cause is known: earned by the explanation, and refused to broken ones."""

import json
from collections.abc import Callable
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

import xai.assess
from features import Features
from features.audio import RATE
from features.extract import join
from models.networks.backbone import load_backbone
from tests.xai.conftest import make_audio
from tests.xai.planted import BROKEN, PLANTS, TARGET, ColourDetector, Planted, analysed, broken
from xai.assess import FRAMES, Question, assess, assess_one, chosen_frames, explained
from xai.methods.lime import explain_lime
from xai.metrics.randomisation import compare, scrambled_model
from xai.metrics.stability import agreement
from xai.score import LEARNED_CLASSIFIER, MEASURES, Trust

OTHER = 5
FAST = {key: name for name, (key, _) in PLANTS.items() if name != "Grad-CAM, ResNet-18"}
NAMES = {
    "lime": {"faithfulness", "fit", "stability", "top_five", "sanity_classifier"},
    "shap": {"faithfulness", "left_over", "sanity_classifier"},
    "gradcam": {"faithfulness", "stability", "sanity_classifier", "sanity_backbone"},
}


@cache
def planted(key: str, seed: int) -> Planted:
    return PLANTS[FAST[key]][1](seed)


@cache
def judged(key: str, seed: int, target: int = TARGET, against: int | None = None) -> Trust:
    return assess_one(Question(planted(key, seed).analysis, target, against), key)


@pytest.mark.parametrize("name", PLANTS)
def test_the_strongest_evidence_is_the_planted_cause(name):
    """A hundred clips each, but of the one that runs the ResNet: its hundred are for ``python -m tests.xai.planted``."""
    count = 25 if "ResNet" in name else 100
    rng = np.random.default_rng(0)
    hits, by_chance = [], []
    for seed in range(count):
        clip = PLANTS[name][1](seed)
        hits.append(clip.hit)
        by_chance.append(replace(clip, evidence=rng.permutation(clip.evidence)).hit)
    assert np.mean(hits) >= 0.95
    assert np.mean(by_chance) < 0.6


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("key", FAST)
def test_an_explanation_of_a_planted_cause_earns_its_badge(key, seed):
    trust = judged(key, seed)
    assert trust.level != "red"
    assert trust.of("faithfulness").value > 2 * trust.of("faithfulness").chance
    assert not trust.reasons


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("kind", BROKEN)
@pytest.mark.parametrize("key", FAST)
def test_a_broken_explainer_is_refused(key, kind, seed):
    with broken(kind, planted(key, seed).analysis) as spoiled:
        trust = assess(spoiled, TARGET)[key] if key != "shap" else assess_one(Question(spoiled, TARGET), key)
    assert trust.level == "red"
    assert trust.reasons


@pytest.mark.parametrize("key", FAST)
def test_b_rather_than_a_is_as_good_as_a_rather_than_b(key):
    """Its order is the reverse and its logits are the negatives: what one deletes, the other puts back, upside down."""
    one, other = (judged(key, 0, *pair) for pair in ((TARGET, OTHER), (OTHER, TARGET)))
    for score in one.scores:
        if score.measure.name == "top_five":
            continue  # the strongest for A are the weakest for B
        mirrored = other.of(score.measure.name)
        assert mirrored.value == pytest.approx(score.value, abs=2e-3)
        assert mirrored.level == score.level
    a, b = (trust.of("faithfulness").details for trust in (one, other))
    span = a["logit_range"]
    assert b["logit_range"] == pytest.approx(span, rel=1e-3)
    for curve, reverse in (("deletion", "insertion"), ("insertion", "deletion"), ("random_deletion", "random_deletion")):
        expected = a[reverse] if curve.startswith("random") else a[reverse][::-1]
        assert_allclose(b[curve], -np.array(expected), atol=2e-3 * span)


def test_only_what_is_drawn_is_ranked(random_features, random_model, backbone, monkeypatch):
    """Grad-CAM of a class draws what speaks for it; against a rival, both sides are drawn."""
    analysis, ranked = analysed(random_features, random_model, backbone), []
    monkeypatch.setattr(xai.assess, "faithfulness", lambda evidence, *_: ranked.append(evidence))
    for against in (None, OTHER):
        xai.assess._check_map(Question(analysis, TARGET, against), analysis.cam)
    frames = chosen_frames(analysis.features)
    assert_allclose(ranked[0], np.maximum(analysis.cam.maps[TARGET][frames], 0).ravel())
    assert_allclose(ranked[1], (analysis.cam.maps[TARGET] - analysis.cam.maps[OTHER])[frames].ravel())
    assert ranked[1].min() < 0 < ranked[1].max()


def test_another_method_is_judged_by_its_own_maps_and_by_faithfulness_only():
    analysis = planted("gradcam", 0).analysis
    own = judged("gradcam", 0, TARGET, OTHER).of("faithfulness")
    for sign in (1, -1):
        other = replace(analysis, cam=replace(analysis.cam, maps=sign * analysis.cam.maps, method="Other"))
        trust = assess_one(Question(other, TARGET, OTHER), "gradcam")
        (score,) = trust.scores
        assert score.measure.name == "faithfulness"
        assert score.value == pytest.approx(sign * own.value, abs=2e-3)


def test_scores_that_are_known_already_are_not_measured_otherwise():
    lime, shap = planted("lime", 0).analysis.lime, planted("shap", 0).analysis.shap
    for against in (None, OTHER):
        assert judged("lime", 0, TARGET, against).of("fit").value == lime.fit(TARGET, against)
        assert judged("shap", 0, TARGET, against).of("left_over").value == shap.left_over(TARGET, against)


def test_lime_is_compared_with_nine_other_seeds_and_with_scrambled_classifiers():
    analysis = planted("lime", 0).analysis
    trust = judged("lime", 0)

    def again(model, seed: int) -> np.ndarray:
        return explain_lime(analysis.features, model, samples=analysis.lime.samples, seed=seed).weights[TARGET].reshape(-1, 8)

    for score in agreement([again(analysis.model, seed) for seed in range(10)]):
        assert trust.of(score.measure.name).value == pytest.approx(score.value)
        assert trust.of(score.measure.name).details["seeds"] == 10
    scrambled = [again(scrambled_model(analysis.model, seed), 0) for seed in range(4)]
    expected = compare(LEARNED_CLASSIFIER, again(analysis.model, 0), scrambled)
    assert trust.of("sanity_classifier").value == pytest.approx(expected.value)
    assert trust.of("sanity_classifier").spread == pytest.approx(expected.spread)


@pytest.mark.parametrize("key", ["lime", "shap"])
def test_a_second_measurement_gives_the_same(key):
    first, again = judged(key, 0), assess_one(Question(planted(key, 0).analysis, TARGET), key)
    assert [score.to_dict() for score in again.scores] == [score.to_dict() for score in first.scores]
    assert again.seconds > 0


class CancelledError(Exception):
    pass


def cancel(after: int) -> Callable[[str], None]:
    said = []

    def say(words: str) -> None:
        said.append(words)
        if len(said) > after:
            assert len(said) == after + 1, "went on after it was cancelled"
            raise CancelledError

    return say


@pytest.mark.parametrize(("key", "least"), [("lime", 15), ("shap", 8), ("gradcam", 15)])
def test_work_tells_what_it_does_and_can_be_cancelled_there(key, least):
    analysis, said = planted(key, 0).analysis, []
    assess_one(Question(analysis, TARGET, None, said.append), key)
    assert len(said) >= least
    assert all(words.startswith("Checking") for words in said)
    for after in (0, 1, len(said) // 2, len(said) - 1):
        with pytest.raises(CancelledError):
            assess_one(Question(analysis, TARGET, None, cancel(after)), key)


@given(st.lists(st.booleans(), min_size=1, max_size=300).filter(any))
def test_a_few_frames_stand_for_a_long_clip(used):
    class Video:
        pass

    video = Video()
    video.used = np.array(used)
    frames = chosen_frames(Features(None, video, np.zeros(0)))
    there = np.flatnonzero(used)
    assert len(frames) == min(FRAMES, len(there))
    places = np.searchsorted(there, frames)
    assert (there[places] == frames).all()
    assert (places[0], places[-1]) == (0, len(there) - 1)
    if len(frames) > 1:
        assert np.ptp(np.diff(places)) <= 1


def test_a_long_clip_costs_no_more_than_a_short_one():
    """Fifty frames: those that are not chosen are never looked at again."""

    class Counting(ColourDetector):
        def maps(self, crops: np.ndarray) -> np.ndarray:
            seen.extend(int(crop[0, 0, 2]) for crop in crops)
            return super().maps(crops)

    seen: list[int] = []
    clip = planted("gradcam", 0).analysis
    short = clip.features.video
    which = np.arange(50) % len(short.crops)
    crops = short.crops[which].copy()
    video = replace(
        short,
        times=np.arange(50.0),
        pictures=[short.pictures[0]] * 50,
        faces=[short.faces[0]] * 50,
        squares=[short.squares[0]] * 50,
        crops=crops,
        maps=short.maps[which],
        used=np.ones(50, bool),
    )
    analysis = analysed(Features(None, video, join(None, video.mean)), clip.model, Counting())
    trust = assess_one(Question(analysis, TARGET), "gradcam")
    states = 7 * 9 + 1  # two orders and five random ones in ten steps, and nothing at all
    assert 0 < len(seen) <= FRAMES * (states + 5 + 3)
    assert trust.level != "red"
    assert len(trust.of("faithfulness").details["deletion"]) == 11


def test_the_sample_has_every_score_and_all_can_be_written_down(sample_analysis):
    before = {name: tensor.clone() for name, tensor in sample_analysis.model.classifier.state_dict().items()}
    trusts = assess(sample_analysis)
    assert {name: {score.measure.name for score in trust.scores} for name, trust in trusts.items()} == NAMES
    assert set().union(*NAMES.values()) == {measure.name for measure in MEASURES}
    written = json.loads(json.dumps({name: trust.to_dict() for name, trust in trusts.items()}, allow_nan=False))
    for trust in written.values():
        for score in trust["scores"]:
            low, high = score["range"]
            assert score["value"] is not None
            assert low <= score["value"] <= (high if high is not None else np.inf)
            assert score["level"] in ("green", "amber", "red")
    # The class is the predicted one unless another is asked for.
    left_over = trusts["shap"].of("left_over").value
    assert left_over == sample_analysis.shap.left_over(sample_analysis.predicted)
    assert left_over != sample_analysis.shap.left_over((sample_analysis.predicted + 1) % 8)
    after = sample_analysis.model.classifier.state_dict()
    assert all(bool((after[name] == tensor).all()) for name, tensor in before.items())


def test_a_model_of_sequences_has_every_score_too(random_features, token_model, backbone):
    analysis = analysed(random_features, token_model, backbone)
    trusts = assess(analysis, 2, 4)
    assert {name: {score.measure.name for score in trust.scores} for name, trust in trusts.items()} == NAMES
    json.dumps({name: trust.to_dict() for name, trust in trusts.items()}, allow_nan=False)
    assert trusts["lime"].of("faithfulness").value > trusts["lime"].of("faithfulness").chance  # it does hear the voice


def test_only_what_is_there_is_checked(random_features, random_model, backbone):
    voice = Features(random_features.audio, None, join(random_features.audio.mfcc, None))
    face = Features(None, random_features.video, join(None, random_features.video.mean))
    assert explained(analysed(voice, random_model, backbone)) == ["lime", "shap"]
    assert explained(analysed(face, random_model, backbone)) == ["shap", "gradcam"]
    assert explained(analysed(random_features, random_model, backbone)) == ["lime", "shap", "gradcam"]


def test_a_missing_modality_is_not_ranked(random_features, random_model, backbone, monkeypatch):
    """512 features that are not there would be 512 ties."""
    voice = Features(random_features.audio, None, join(random_features.audio.mfcc, None))
    analysis = analysed(voice, random_model, backbone)
    ranked, whole = [], xai.assess.faithfulness
    monkeypatch.setattr(xai.assess, "faithfulness", lambda evidence, *rest: ranked.append(evidence) or whole(evidence, *rest))
    trust = assess_one(Question(analysis, 1), "shap")
    assert_allclose(ranked[0], analysis.shap.values[1, :40])
    own, nothing = random_model.predict(voice), random_model.logits(np.r_[random_model.mean[:40], np.full(512, np.nan)][None])[0]
    deletion = trust.of("faithfulness").details["deletion"]
    assert_allclose((deletion[0], deletion[-1]), (own[1], nothing[1]), atol=1e-4)


def test_a_click_and_then_quiet_is_checked_like_any_other_sound(random_model):
    """Two columns of patches: too few for the window of the structural similarity."""
    samples = 1e-5 * np.random.default_rng(0).standard_normal(RATE // 2)
    samples[0] = 0.9
    audio = make_audio(samples)
    analysis = analysed(Features(audio, None, join(audio.mfcc, None)), random_model, load_backbone())
    assert len(analysis.lime.cells) < 3 * 8
    trust = assess_one(Question(analysis, 0), "lime")
    assert {score.measure.name for score in trust.scores} == NAMES["lime"]
    json.dumps(trust.to_dict(), allow_nan=False)

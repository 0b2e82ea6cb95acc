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
from scipy.stats import spearmanr

import xai.metrics.faithfulness
from features.audio import RATE
from models.networks.backbone import load_backbone
from tests.untrained import judged as judged_by_hand
from tests.xai.conftest import make_audio, recording, subject_of
from tests.xai.planted import BROKEN, PLANTS, TARGET, ColourDetector, Planted, analysed, broken
from xai.analysis import Analysis, check, check_one
from xai.explanation import Contrast, SoundPatches
from xai.masking import FRAMES, chosen_frames
from xai.methods import METHODS
from xai.methods.lime import fit
from xai.methods.shap import left_over
from xai.metrics.measures import LEARNED_CLASSIFIER, MEASURES
from xai.metrics.randomisation import compare, scrambled_model
from xai.metrics.stability import agreement
from xai.score import Trust

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


def afresh(analysis: Analysis) -> Analysis:
    """The same, with nothing remembered."""
    return replace(analysis, subject=replace(analysis.subject))


@cache
def judged(key: str, seed: int, target: int = TARGET, against: int | None = None) -> Trust:
    return check_one(planted(key, seed).analysis, key, Contrast(target, against))


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
        trust = check(spoiled, Contrast(TARGET))[key] if key != "shap" else check_one(spoiled, key, Contrast(TARGET))
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


def watch_faithfulness(monkeypatch) -> list[np.ndarray]:
    """The evidence of every call from now on."""
    ranked, whole = [], xai.metrics.faithfulness.faithfulness
    monkeypatch.setattr(xai.metrics.faithfulness, "faithfulness", lambda evidence, *rest: ranked.append(evidence) or whole(evidence, *rest))
    return ranked


def test_only_what_is_drawn_is_ranked(random_features, random_model, monkeypatch):
    """Grad-CAM of a class draws what speaks for it; against a rival, both sides are drawn."""
    analysis = analysed(random_features, random_model, ColourDetector())
    ranked = watch_faithfulness(monkeypatch)
    cam, frames = analysis.attributions["gradcam"], chosen_frames(analysis.subject)
    for against in (None, OTHER):
        next(METHODS["gradcam"].checks(analysis.subject, cam, Contrast(TARGET, against)))
    assert_allclose(ranked[0], np.maximum(cam.values[TARGET][frames], 0).ravel())
    assert_allclose(ranked[1], (cam.values[TARGET] - cam.values[OTHER])[frames].ravel())
    assert ranked[1].min() < 0 < ranked[1].max()


@pytest.mark.parametrize("key", ["occlusion", "layercam"])
def test_another_method_is_judged_by_its_own_values_and_by_faithfulness_only(key):
    analysis = planted("gradcam", 0).analysis
    cam = analysis.attributions["gradcam"]
    own = judged("gradcam", 0, TARGET, OTHER).of("faithfulness")
    for sign in (1, -1):
        other = replace(analysis, attributions={key: replace(cam, method=key, values=sign * cam.values)})
        (score,) = check_one(other, key, Contrast(TARGET, OTHER)).scores
        assert score.measure.name == "faithfulness"
        assert score.value == pytest.approx(sign * own.value, abs=2e-3)


def test_scores_that_are_known_already_are_not_measured_otherwise():
    lime, shap = (planted(key, 0).analysis.attributions[key] for key in ("lime", "shap"))
    for against in (None, OTHER):
        contrast = Contrast(TARGET, against)
        assert judged("lime", 0, TARGET, against).of("fit").value == fit(lime, contrast)
        assert judged("shap", 0, TARGET, against).of("left_over").value == left_over(shap, contrast)


def test_lime_is_compared_with_nine_other_seeds_and_with_scrambled_classifiers():
    subject = planted("lime", 0).analysis.subject
    trust = judged("lime", 0)

    def again(model, seed: int) -> np.ndarray:
        return METHODS["lime"].explain(replace(subject, model=model), seed).values[TARGET].reshape(-1, 8)

    for score in agreement([again(subject.model, seed) for seed in range(10)]):
        assert trust.of(score.measure.name).value == pytest.approx(score.value)
        assert trust.of(score.measure.name).details["seeds"] == 10
    scrambled = [again(scrambled_model(subject.model, seed), 0) for seed in range(4)]
    expected = compare(LEARNED_CLASSIFIER, again(subject.model, 0), scrambled)
    assert trust.of("sanity_classifier").value == pytest.approx(expected.value)
    assert trust.of("sanity_classifier").spread == pytest.approx(expected.spread)


def test_shap_is_compared_with_scrambled_classifiers_by_integration(random_features, random_model):
    """Also where the values themselves were drawn by the library."""
    subject = subject_of(random_features, random_model, estimator="shap")
    own = METHODS["shap"].explain(subject, 3)
    scores = list(METHODS["shap"].checks(subject, own, Contrast(TARGET)))
    plain = subject_of(random_features, random_model)
    others = [METHODS["shap"].explain(replace(plain, model=scrambled_model(random_model, k))).values[TARGET] for k in range(4)]
    expected = np.mean([spearmanr(own.values[TARGET], other).statistic for other in others])
    assert {score.measure.name: score.value for score in scores}["sanity_classifier"] == pytest.approx(expected, abs=1e-6)


def test_the_badge_of_an_integral_does_not_depend_on_a_seed(random_features, random_model):
    subject = subject_of(random_features, random_model)
    first, other = (
        [score.to_dict() for score in METHODS["shap"].checks(subject, METHODS["shap"].explain(subject, seed), Contrast(TARGET))]
        for seed in (0, 3)
    )
    assert first == other


@pytest.mark.parametrize("key", ["lime", "shap"])
def test_a_second_measurement_gives_the_same(key):
    first, again = judged(key, 0), check_one(afresh(planted(key, 0).analysis), key, Contrast(TARGET))
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
    check_one(afresh(analysis), key, Contrast(TARGET), said.append)
    assert len(said) >= least
    assert all(words.startswith("Checking") for words in said)
    for after in (0, 1, len(said) // 2, len(said) - 1):
        with pytest.raises(CancelledError):
            check_one(afresh(analysis), key, Contrast(TARGET), cancel(after))


@given(st.lists(st.booleans(), min_size=1, max_size=300).filter(any))
def test_a_few_frames_stand_for_a_long_clip(used):
    class Video:
        pass

    class Recording:
        video = Video()

    Recording.video.used = np.array(used)
    frames = chosen_frames(subject_of(Recording(), None))
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
    analysis = analysed(recording(None, video), clip.model, Counting())
    trust = check_one(analysis, "gradcam", Contrast(TARGET))
    states = 7 * 9 + 1  # two orders and five random ones in ten steps, and nothing at all
    assert 0 < len(seen) <= FRAMES * (states + 5 + 3)
    assert trust.level != "red"
    assert len(trust.of("faithfulness").details["deletion"]) == 11


def test_the_sample_has_every_score_and_all_can_be_written_down(sample_analysis):
    before = {name: tensor.clone() for name, tensor in sample_analysis.model.classifier.state_dict().items()}
    trusts = check(sample_analysis)
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
    own, shap = trusts["shap"].of("left_over").value, sample_analysis.attributions["shap"]
    assert own == left_over(shap, Contrast(sample_analysis.predicted))
    assert own != left_over(shap, Contrast((sample_analysis.predicted + 1) % 8))
    after = sample_analysis.model.classifier.state_dict()
    assert all(bool((after[name] == tensor).all()) for name, tensor in before.items())


def test_a_model_of_sequences_has_every_score_too(random_features, token_model, backbone):
    analysis = analysed(random_features, token_model, backbone)
    trusts = check(analysis, Contrast(2, 4))
    assert {name: {score.measure.name for score in trust.scores} for name, trust in trusts.items()} == NAMES
    json.dumps({name: trust.to_dict() for name, trust in trusts.items()}, allow_nan=False)
    assert trusts["lime"].of("faithfulness").value > trusts["lime"].of("faithfulness").chance  # it does hear the voice
    assert trusts["lime"].of("stability").details["seeds"] == 4  # a copy costs a hundred times what a vector does
    assert trusts["lime"].of("sanity_classifier").details["networks"] == 2


def test_only_what_is_there_is_checked(random_features, voice, face, random_model, backbone):
    for features, there in ((voice, ["lime", "shap"]), (face, ["shap", "gradcam"]), (random_features, ["lime", "shap", "gradcam"])):
        assert list(analysed(features, random_model, backbone).attributions) == there
    analysis = analysed(voice, random_model, backbone)
    assert list(check(replace(analysis, attributions={"shap": analysis.attributions["shap"]}))) == ["shap"]


def test_a_missing_modality_is_not_ranked(voice, random_model, backbone, monkeypatch):
    """512 features that are not there would be 512 ties."""
    analysis = analysed(voice, random_model, backbone)
    ranked = watch_faithfulness(monkeypatch)
    trust = check_one(analysis, "shap", Contrast(1))
    assert_allclose(ranked[0], analysis.attributions["shap"].values[1, :40])
    own = analysis.model.predict(voice)
    nothing = judged_by_hand(random_model, random_model.standardise.mean[:40, None], None) / analysis.model.softening
    deletion = trust.of("faithfulness").details["deletion"]
    assert_allclose((deletion[0], deletion[-1]), (own[1], nothing[1]), atol=1e-4)


def test_a_click_and_then_quiet_is_checked_like_any_other_sound(random_model):
    """Two columns of patches: too few for the window of the structural similarity."""
    samples = 1e-5 * np.random.default_rng(0).standard_normal(RATE // 2)
    samples[0] = 0.9
    analysis = analysed(recording(make_audio(samples)), random_model, load_backbone())
    parts = analysis.attributions["lime"].parts
    assert isinstance(parts, SoundPatches)
    assert len(parts.cells) < 3 * 8
    trust = check_one(analysis, "lime", Contrast(0))
    assert {score.measure.name for score in trust.scores} == NAMES["lime"]
    json.dumps(trust.to_dict(), allow_nan=False)


def test_another_class_needs_no_new_look_at_changed_pictures():
    """Grad-CAM under slight changes and of scrambled networks is there for all eight classes; the scores are as from scratch."""
    seen: list[int] = []

    class Counting(ColourDetector):
        def maps(self, crops: np.ndarray) -> np.ndarray:
            seen.append(len(crops))
            return super().maps(crops)

    clip = planted("gradcam", 0).analysis
    analysis = analysed(clip.features, clip.model, Counting())
    frames = len(chosen_frames(analysis.subject))
    check_one(analysis, "gradcam", Contrast(TARGET))
    first = sum(seen)
    seen.clear()
    again = check_one(analysis, "gradcam", Contrast(OTHER, TARGET))
    assert first >= frames * (5 + 3 + 20)
    assert 0 < sum(seen) <= 18 * frames
    fresh = check_one(afresh(analysis), "gradcam", Contrast(OTHER, TARGET))
    for score, expected in zip(again.scores, fresh.scores, strict=True):
        assert score.value == pytest.approx(expected.value, abs=1e-6)
        assert score.spread == pytest.approx(expected.spread, abs=1e-6)

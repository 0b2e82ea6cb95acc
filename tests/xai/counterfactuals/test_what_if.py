"""What if: the changed recording takes the same path as one that was recorded so."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose

from features import SPACE, MediaError, Modality, extract
from features.audio import mfcc_features
from models.checkpoint import load_model
from models.data.augmentation import low_pass, noise
from models.evaluation.metrics import softmax
from models.model import EmotionModel
from models.registry import MODELS
from tests.conftest import wav
from tests.xai.conftest import recording
from tests.xai.planted import TARGET, linear_model, put_patch
from xai.analysis import analyse
from xai.counterfactuals.what_if import (
    EYES,
    FACE_CHANGES,
    MOUTH,
    NO_CHANGE,
    OTHER_VOICE,
    VOICE_CHANGES,
    WhatIf,
    changed_features,
    cover,
    covered_picture,
    in_points,
    judge,
    largest_remainder,
    what_if,
)
from xai.modality_split import split_modalities


def probabilities(model: EmotionModel, voice: np.ndarray, face: np.ndarray) -> np.ndarray:
    """(8,) of 40 and 512 raw numbers, by a model of vectors."""
    return softmax(model.logits(model.inputs(np.concatenate([voice, face])[None])))[0]


def ask(analysis, **change) -> np.ndarray:
    other = change.pop("other", None)
    return what_if(analysis.features, analysis.model, analysis.backbone.maps, WhatIf(**change), other)


@pytest.mark.parametrize("name", MODELS)
def test_as_it_is_muted_and_hidden_are_the_four_coalitions(sample, name):
    analysis = analyse(*sample, model=load_model(name))
    split = split_modalities(analysis.subject)
    assert_allclose(ask(analysis), analysis.probabilities, atol=1e-6)
    if all(analysis.model.judges(modality) for modality in Modality):
        assert_allclose(ask(analysis, voice="muted"), split.alone(Modality.VIDEO), atol=1e-6)
        assert_allclose(ask(analysis, face="hidden"), split.alone(Modality.AUDIO), atol=1e-6)
    with pytest.raises(MediaError, match="nothing is left"):
        ask(analysis, voice="muted", face="hidden")


@pytest.mark.parametrize("name", ["fused", "av-tokens"])
@pytest.mark.parametrize(
    "change", [("low notes only", lambda s: low_pass(s, 800.0)), ("noisy", lambda s: noise(s, 5.0, np.random.default_rng(0)))]
)
def test_a_changed_voice_is_as_if_it_had_been_recorded_so(sample, name, change):
    analysis = analyse(*sample, model=load_model(name))
    voice, alter = change
    file = wav(alter(analysis.features.audio.samples), subtype="FLOAT")
    recorded = analyse(file, sample[1], model=analysis.model)
    asked = ask(analysis, voice=voice, cut=800.0, snr=5.0)
    assert_allclose(asked, recorded.probabilities, atol=2e-4)
    assert np.abs(asked - analysis.probabilities).max() > 1e-3


def test_the_other_voice_takes_its_place(sample, clips):
    analysis = analyse(*sample)
    other = extract(clips[3][0], None, {Modality.AUDIO: mfcc_features})
    expected = probabilities(analysis.model, other.audio.vector, analysis.features.video.vector)
    assert_allclose(ask(analysis, voice=OTHER_VOICE, other=other.audio), expected, atol=1e-6)
    assert_allclose(ask(analysis, voice=OTHER_VOICE), analysis.probabilities, atol=1e-6)  # there is none


@pytest.mark.parametrize(("change", "place"), [("eyes covered", EYES), ("mouth covered", MOUTH)])
def test_a_covered_face_goes_through_the_backbone_again(sample_analysis, backbone, change, place):
    features, model = sample_analysis.features, sample_analysis.model
    crops = features.video.crops.copy()
    top, bottom, left, right = (round(share * 224) for share in place)
    for crop in crops:
        crop[top:bottom, left:right] = crop.mean(axis=(0, 1)).round()
    expected = probabilities(model, features.audio.vector, backbone.maps(crops).mean(axis=(0, 2, 3)))
    assert_allclose(ask(sample_analysis, face=change), expected, atol=1e-5)
    assert (covered_picture(features.video, change) == crops[0]).all()


def test_covering_the_mouth_removes_a_cause_that_was_planted_there(sample_analysis, backbone):
    """A classifier that goes by a patch on the mouth no longer finds it; covering the eyes takes nothing from it."""
    video = sample_analysis.features.video
    clean, marked = video.crops.copy(), video.crops.copy()
    for crop in marked:
        put_patch(crop, 5, 3)
    weights = np.zeros(len(SPACE))
    SPACE.part(weights, Modality.VIDEO)[:] = 4 * (backbone.maps(marked).mean(axis=(0, 2, 3)) - backbone.maps(clean).mean(axis=(0, 2, 3)))
    seen = replace(video, crops=marked, maps=backbone.maps(marked))
    features = recording(None, seen)
    model = linear_model(weights, 0)
    answers = {
        face: what_if(features, model, backbone.maps, WhatIf(face=face))[TARGET] for face in (NO_CHANGE, "eyes covered", "mouth covered")
    }
    assert answers["mouth covered"] < 0.5 * answers[NO_CHANGE]
    assert answers["eyes covered"] > answers["mouth covered"]


def test_frames_without_a_face_stay_out(random_features, random_model, backbone):
    asked = what_if(random_features, random_model, backbone.maps, WhatIf(face="eyes covered"))
    crops = random_features.video.crops[[0, 2]].copy()
    for crop in crops:
        cover(crop, EYES)
    expected = probabilities(random_model, random_features.audio.vector, backbone.maps(crops).mean(axis=(0, 2, 3)))
    assert_allclose(asked, expected, atol=1e-5)


def test_the_recording_itself_is_left_alone(sample_analysis):
    before = sample_analysis.features.video.crops.copy(), sample_analysis.features.audio.samples.copy()
    for voice in VOICE_CHANGES[2:]:
        for face in FACE_CHANGES:
            answer = ask(sample_analysis, voice=voice, face=face)
            assert answer.sum() == pytest.approx(1.0)
    assert (sample_analysis.features.video.crops == before[0]).all()
    assert (sample_analysis.features.audio.samples == before[1]).all()


@pytest.mark.parametrize("name", ["fused", "late-fusion", "linear"])
@pytest.mark.parametrize("modality", list(Modality))
def test_what_is_left_is_mixed_with_the_mean_of_training(sample, name, modality):
    """The same vector by hand: a quarter of the recording and three quarters of the mean, in raw numbers."""
    analysis = analyse(*sample, model=load_model(name))
    model, vector = analysis.model, analysis.features.vector.copy()
    part, mean = SPACE.part(vector, modality), SPACE.part(model.standardise.mean, modality)
    part[:] = 0.25 * part + 0.75 * mean
    expected = softmax(model.logits(model.inputs(vector[None])))[0]
    found = judge(analysis.features, model, {modality: 0.25}).everything
    assert_allclose(found, expected, atol=1e-5)
    assert np.abs(found - analysis.probabilities).max() > 1e-3


def test_what_is_left_of_a_sequence_is_mixed_frame_by_frame(sample):
    """With the silence cut off where it was in the recording as it is."""
    analysis = analyse(*sample, model=load_model("av-tokens"))
    model, space = analysis.model, analysis.model.standardise.space
    inputs = model.encode(analysis.features)
    batch = replace(inputs.batch, voice=0.25 * inputs.batch.voice, faces=0.5 * inputs.batch.faces)
    expected = softmax(model.logits(replace(inputs, batch=batch)))[0]
    assert space is SPACE
    assert_allclose(judge(analysis.features, model, {Modality.AUDIO: 0.25, Modality.VIDEO: 0.5}).everything, expected, atol=1e-5)


@pytest.mark.parametrize("name", MODELS)
def test_nothing_left_is_a_missing_modality_and_all_left_changes_nothing(sample, name):
    analysis = analyse(*sample, model=load_model(name))
    split = judge(analysis.features, analysis.model, dict.fromkeys(Modality, 1.0))
    for shown, expected in split_modalities(analysis.subject).coalitions.items():
        assert_allclose(split.coalitions[shown], expected, atol=1e-6)
    for modality in analysis.modalities.present if analysis.modalities.several else ():
        without = judge(analysis.features, analysis.model, {modality: 0.0})
        (other,) = set(Modality) - {modality}
        assert_allclose(without.everything, split.alone(other), atol=1e-6)
        assert without.present == {other}
    with pytest.raises(MediaError, match="nothing is left"):
        judge(analysis.features, analysis.model, dict.fromkeys(Modality, 0.0))


def test_what_is_left_combines_with_a_change(sample_analysis, backbone):
    a = sample_analysis
    changed = changed_features(a.features, backbone.maps, WhatIf(face="mouth covered"))
    left = {Modality.AUDIO: 0.5}
    asked = what_if(a.features, a.model, backbone.maps, WhatIf(face="mouth covered"), left=left)
    assert_allclose(asked, judge(changed, a.model, left).everything, atol=1e-7)
    assert np.abs(asked - ask(a, face="mouth covered")).max() > 1e-3
    assert changed.video.maps[0].nbytes == 512 * 4  # what is kept for the next move of a slider


def test_rows_add_up_to_the_totals_that_are_shown(sample):
    """For every model, class and share that is left; no row is a whole point from the truth."""
    for name in ("fused", "voice", "linear"):
        analysis = analyse(*sample, model=load_model(name))
        for share in (1.0, 0.7, 0.35, 0.05):
            split = judge(analysis.features, analysis.model, {Modality.AUDIO: share})
            for target in range(8):
                points = in_points(split, target)
                assert points.nothing + sum(points.added.values()) == points.total
                assert (points.nothing, points.total) == tuple(round(100 * p[target]) for p in (split.none, split.everything))
                assert set(points.added) == set(split.present)
                for modality, whole in points.added.items():
                    assert abs(whole - 100 * split.contribution(modality)[target]) < 1.0


def test_rounding_each_row_by_itself_would_not_add_up():
    assert sum(round(v) for v in (30.4, 30.4, 39.2)) == 99
    assert largest_remainder(np.array([30.4, 30.4, 39.2]), 100) == [31, 30, 39]
    assert largest_remainder(np.array([-5.6, 80.3]), 75) == [-5, 80]
    rng = np.random.default_rng(0)
    for _ in range(500):
        values = rng.normal(0, 40, rng.integers(1, 6))
        whole = largest_remainder(values, round(values.sum()))
        assert sum(whole) == round(values.sum())
        assert np.abs(np.array(whole) - values).max() < 1.0

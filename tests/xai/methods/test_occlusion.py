"""Occlusion: an explicit loop through the backbone, a planted cause, and no more work than is allowed."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
from numpy.testing import assert_allclose

import xai.methods.occlusion
from features.extract import join
from tests.xai.planted import TARGET, marked_face
from xai.masking import BLUR, blend
from xai.methods.occlusion import explain_occlusion


def test_equals_one_pass_for_each_cell(random_features, random_model, backbone):
    video = random_features.video
    found = explain_occlusion(random_features, random_model, backbone.maps).maps
    whole = random_model.logits(random_features.vector[None])[0]
    for frame, row, column in ((0, 0, 0), (2, 3, 5)):
        crops = video.crops.copy()
        kept = np.ones((1, 7, 7), bool)
        kept[0, row, column] = False
        blurred = cv2.GaussianBlur(crops[frame], (0, 0), BLUR)
        crops[frame] = blend(crops[frame][None], blurred[None], kept)[0]
        face = backbone.maps(crops[[0, 2]]).mean(axis=(0, 2, 3))
        expected = whole - random_model.logits(join(random_features.audio.mfcc, face)[None])[0]
        assert_allclose(found[:, frame, row, column], expected, atol=1e-4)
    assert not found[:, 1].any()  # no face there


@pytest.mark.parametrize("seed", range(6))
def test_finds_a_planted_patch(seed):
    planted = marked_face(seed)
    analysis = planted.analysis
    cam = explain_occlusion(analysis.features, analysis.model, analysis.backbone.maps)
    assert int(cam.heat(TARGET).argmax()) in planted.cause


def test_of_a_sequence_as_of_averages(sample_analysis, token_model, backbone):
    """The same question to a model of sequences: the fall is that of its own logits."""
    features = sample_analysis.features
    found = explain_occlusion(features, token_model, backbone.maps).maps
    crops = features.video.crops.copy()
    kept = np.ones((1, 7, 7), bool)
    kept[0, 2, 2] = False
    crops[1] = blend(crops[1][None], cv2.GaussianBlur(crops[1], (0, 0), BLUR)[None], kept)[0]
    changed = replace(features, video=replace(features.video, crops=crops, maps=backbone.maps(crops)))
    assert_allclose(found[:, 1, 2, 2], token_model.predict(features) - token_model.predict(changed), atol=1e-4)


def test_long_clips_cost_no_more(sample_analysis, backbone, monkeypatch):
    monkeypatch.setattr(xai.methods.occlusion, "FRAMES", 2)
    told = []
    cam = explain_occlusion(sample_analysis.features, sample_analysis.model, backbone.maps, lambda *at: told.append(at))
    assert told == [(0, 2), (1, 2)]
    assert cam.maps.any(axis=(0, 2, 3)).tolist() == [True, False, False, True]

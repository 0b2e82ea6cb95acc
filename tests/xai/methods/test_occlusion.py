"""Occlusion: an explicit loop through the backbone, a planted cause, and no more work than is allowed."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
from numpy.testing import assert_allclose

import xai.methods.occlusion
from features import Modality
from features.patches import patch_grid
from tests.xai.conftest import subject_of
from tests.xai.planted import TARGET, marked_face
from xai.explanation import Attribution, Contrast, FrameCells
from xai.masking import BLUR, FaceCellMasker, FeatureMasker, FrameMasker, ModalityMasker, PatchMasker, blend, chosen_frames
from xai.methods import METHODS
from xai.methods.occlusion import leave_one_out


def explain(subject, say=lambda words: None) -> Attribution:
    return METHODS["occlusion"].explain(subject, 0, say)


class Table:
    """A game of five parts: what each set is worth was written down."""

    effort = (1, 1)

    def __init__(self) -> None:
        self.worth = np.random.default_rng(0).normal(size=(2**5, 8))

    def __len__(self) -> int:
        return 5

    def __call__(self, kept: np.ndarray) -> np.ndarray:
        return self.worth[kept @ (1 << np.arange(5))]


def test_leaving_one_out_is_the_difference_that_it_makes():
    game = Table()
    found = leave_one_out(game)
    assert found.shape == (8, 5)
    for part in range(5):
        assert_allclose(found[:, part], game.worth[0b11111] - game.worth[0b11111 & ~(1 << part)], atol=0)


@pytest.mark.parametrize("kind", ["patches", "features", "frames", "cells", "modalities"])
def test_leaving_one_out_of_any_masker(random_features, any_model, backbone, kind):
    """Its parts, one by one, each asked about by itself."""
    subject = subject_of(random_features, any_model, backbone)
    patches = patch_grid(random_features.audio.mel_db)
    masker = {
        "patches": lambda: PatchMasker(subject, patches, exact=True),
        "features": lambda: FeatureMasker(subject),
        "frames": lambda: FrameMasker(subject),
        "cells": lambda: FaceCellMasker(subject, np.array([2])),
        "modalities": lambda: ModalityMasker(subject),
    }[kind]()
    found, own = leave_one_out(masker), any_model.predict(random_features)
    assert found.shape == (8, len(masker))
    for part in {0, len(masker) // 2, len(masker) - 1}:
        kept = np.ones((1, len(masker)), bool)
        kept[0, part] = False
        assert_allclose(found[:, part], own - masker(kept)[0], atol=2e-5)
    assert np.abs(found).max() > 1e-4


def test_equals_one_pass_for_each_cell(random_features, any_model, backbone):
    """The same question to a model of sequences: the fall is that of its own logits."""
    video = random_features.video
    occlusion = explain(subject_of(random_features, any_model, backbone))
    assert occlusion.method == "occlusion"
    assert isinstance(occlusion.parts, FrameCells)
    found = occlusion.values
    assert found.shape == (8, 3, 7, 7)
    whole = any_model.predict(random_features)
    for frame, row, column in ((0, 0, 0), (2, 3, 5)):
        crops = video.crops.copy()
        kept = np.ones((1, 7, 7), bool)
        kept[0, row, column] = False
        blurred = cv2.GaussianBlur(crops[frame], (0, 0), BLUR)
        crops[frame] = blend(crops[frame][None], blurred[None], kept)[0]
        maps = video.maps.copy()
        maps[[0, 2]] = backbone.maps(crops[[0, 2]])
        changed = random_features.with_part(Modality.VIDEO, replace(video, crops=crops, maps=maps))
        assert_allclose(found[:, frame, row, column], whole - any_model.predict(changed), atol=1e-4)
    assert not found[:, 1].any()  # no face there


@pytest.mark.parametrize("seed", range(6))
def test_finds_a_planted_patch(seed):
    planted = marked_face(seed)
    found = explain(planted.analysis.subject)
    assert int(found.heat(Contrast(TARGET)).argmax()) in planted.cause


def test_long_clips_cost_no_more(sample_analysis, monkeypatch):
    monkeypatch.setattr(xai.methods.occlusion, "FRAMES", 2)
    told = []
    found = explain(sample_analysis.subject, told.append)
    assert list(dict.fromkeys(told)) == [f"Blurring frame {k} of 2, cell by cell…" for k in (1, 2)]
    assert found.values.any(axis=(0, 2, 3)).tolist() == [True, False, False, True]


@pytest.mark.parametrize("count", [1, 5, 6, 7, 23, 24, 25, 26, 50, 51, 97, 121, 600])
def test_what_is_checked_was_asked_about(count):
    """The frames that stand for all in checks are among those that were blurred, in a clip of any length."""

    class Video:
        used = np.ones(count, bool)

    class Recording:
        video = Video()

    subject = subject_of(Recording(), None)
    asked = chosen_frames(subject, xai.methods.occlusion.FRAMES)
    assert len(asked) <= 24
    assert set(chosen_frames(subject)) <= set(asked)

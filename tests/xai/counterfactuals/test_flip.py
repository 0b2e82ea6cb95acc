"""The smallest change that flips: what is found does flip, and a planted cause is found with as little as it takes."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from features import Features, Modality
from models.labels import LABELS
from models.model import EmotionModel
from tests.xai.planted import TARGET, analysed, marked_face, tone_burst
from xai.analysis import analyse
from xai.counterfactuals.flip import fewest, margin, smallest_flips, withstood
from xai.masking import FaceCellMasker, PatchMasker
from xai.methods.lime import patches_of


@dataclass(frozen=True)
class Rules:
    """A game with ``parts`` parts: bool (n, p) → (n, 8) logits by a function."""

    parts: int
    logits: Callable[[np.ndarray], np.ndarray]

    def __len__(self) -> int:
        return self.parts

    def __call__(self, kept: np.ndarray) -> np.ndarray:
        return self.logits(kept)


def additive(weights: np.ndarray, threshold: float) -> Rules:
    """Class 0 is named as long as enough weight is there, else class 1."""

    def judge(kept: np.ndarray) -> np.ndarray:
        logits = np.full((len(kept), 8), -9.0)
        logits[:, 0], logits[:, 1] = kept @ weights, threshold
        return logits

    return Rules(len(weights), judge)


def logits_of(model: EmotionModel, features: Features) -> np.ndarray:
    """(8,) of a recording, from its vector alone."""
    return model.logits(model.inputs(features.vector[None]))[0]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(0.1, 5), min_size=2, max_size=8), st.floats(0.05, 0.95))
def test_where_parts_add_up_the_fewest_are_found(values, share):
    weights = np.array(values)
    threshold = share * weights.sum()
    removed = fewest(additive(weights, threshold), 0, len(weights))
    count = next(k for k in range(1, len(weights) + 1) if weights.sum() - np.sort(weights)[::-1][:k].sum() < threshold)
    assert len(removed) == count
    assert np.delete(weights, removed).sum() < threshold


def test_what_is_not_needed_is_put_back():
    """Greedy takes part 0 first, which two others make superfluous later."""
    answers = {
        frozenset(): 3.0,
        frozenset({0}): 1.0,
        frozenset({1}): 2.0,
        frozenset({2}): 2.0,
        frozenset({1, 2}): -1.0,
        frozenset({0, 1}): 0.5,
    }

    def judge(kept: np.ndarray) -> np.ndarray:
        logits = np.zeros((len(kept), 8))
        logits[:, 1:] = -9
        logits[:, 1] = [-answers.get(frozenset(np.flatnonzero(~keep).tolist()), 0.6 if (~keep).sum() < 3 else -2.0) for keep in kept]
        return logits

    assert fewest(Rules(3, judge), 0, 3) == (1, 2)


def test_none_where_nothing_flips_or_too_much_would_have_to_go():
    assert fewest(additive(np.ones(4), -1.0), 0, 4) is None
    assert fewest(additive(np.ones(10), 0.5), 0, 5) is None


def test_margin_is_the_lead_over_the_best_of_the_others():
    logits = np.array([[1.0, 3, 2, 0, 0, 0, 0, 0], [4, 3, 2, 0, 0, 0, 0, 0]])
    assert_allclose(margin(logits, 0), [-2, 1])


@pytest.mark.parametrize("seed", range(3))
def test_a_planted_burst_is_all_it_takes(seed):
    """A classifier that names the class because of the burst alone: nothing else has to go, and little of it remains."""
    planted = tone_burst(seed)
    features, model = planted.analysis.features, planted.analysis.model
    model = replace(model, softening=1.0)
    logits = logits_of(model, features)
    model.classifier.bias[TARGET] += float(np.delete(logits, TARGET).max() - logits[TARGET] + 1.0)
    analysis = analysed(features, model, planted.analysis.backbone)
    assert analysis.predicted == TARGET
    (flip,) = [flip for flip in smallest_flips(analysis) if flip.kind == "patches"]
    assert set(flip.removed) <= set(planted.cause.tolist())


@pytest.fixture(scope="module")
def flipped(clips):
    """Analyses of three pairs, and what was found for them."""
    analyses = [analyse(*pair) for pair in clips[:3]]
    return [(analysis, smallest_flips(analysis)) for analysis in analyses]


@pytest.mark.parametrize("pair", range(3))
def test_what_is_found_does_flip_and_says_how_much_it_took(flipped, pair):
    analysis, flips = flipped[pair]
    features, model, video = analysis.features, analysis.model, analysis.features.video
    shares = [len(flip.removed) / flip.total for flip in flips]
    assert shares
    assert shares == sorted(shares)
    for flip in flips:
        assert flip.label != analysis.label
        assert f"it would say {flip.label}" in flip.words
        kept = np.ones((1, flip.total), bool)
        kept[0, list(flip.removed)] = False
        if flip.kind == "patches":
            patches = patches_of(analysis.subject)
            assert_array_equal(patches.cells, analysis.attributions["lime"].parts.cells)
            logits = PatchMasker(analysis.subject, patches, exact=True)(kept)
        elif flip.kind == "cells":
            frames = np.flatnonzero(video.used)
            parts = np.repeat(kept.reshape(1, 1, 7, 7), len(frames), axis=1)
            logits = FaceCellMasker(analysis.subject, frames)(parts.reshape(1, -1))
        else:
            shown = features.with_part(Modality.VIDEO, replace(video, used=kept[0]))
            assert video.used.all()
            logits = logits_of(model, shown)[None]
        assert LABELS[int(logits[0].argmax())] == flip.label
        assert f"{len(flip.removed)} " in flip.words


@pytest.mark.parametrize("pair", range(3))
def test_no_fewer_frames_do_it(flipped, pair):
    """All combinations are tried: the smallest that flips is as large as what was found, or there is none and none was found."""
    analysis, flips = flipped[pair]
    features, video = analysis.features, analysis.features.video
    rows = video.maps[video.used].mean(axis=(2, 3))

    def flips_it(option: tuple[int, ...]) -> bool:
        vector = np.concatenate([features.audio.vector, np.delete(rows, option, axis=0).mean(axis=0)])
        return bool(analysis.model.logits(analysis.model.inputs(vector[None]))[0].argmax() != analysis.predicted)

    counts = [count for count in range(1, len(rows)) for option in combinations(range(len(rows)), count) if flips_it(option)]
    found = [flip for flip in flips if flip.kind == "frames"]
    assert [len(flip.removed) for flip in found] == counts[:1]
    assert all(flip.exact for flip in found)


def test_what_did_not_flip_is_said_too(flipped):
    analysis, flips = flipped[0]
    used = int(analysis.features.video.used.sum())
    words = f"up to {used - 1} of the pictures or 40 patches of sound or 25 of 49 cells of the face, it still said {analysis.label}."
    assert words in withstood(analysis, [])
    names = {"frames": "of the pictures", "patches": "patches of sound", "cells": "cells of the face"}
    for flip in flips:
        assert names[flip.kind] not in (withstood(analysis, [flip]) or "")
    faceless = replace(analysis.features.video, faces=[None] * len(analysis.features.video.faces))
    silent = analysis.features.with_part(Modality.AUDIO, None).with_part(Modality.VIDEO, faceless)
    alone = replace(analysis, subject=replace(analysis.subject, features=silent))
    assert names["frames"] in withstood(alone, [])
    assert "sound" not in withstood(alone, [])
    assert "cells" not in withstood(alone, [])


def test_parts_of_the_face_are_named_where_they_are():
    planted = marked_face(0)  # on the mouth
    analysis = replace(planted.analysis, probabilities=np.eye(8)[TARGET])
    flips = [flip for flip in smallest_flips(analysis) if flip.kind == "cells"]
    for flip in flips:
        assert "the lower face" in flip.words


def test_the_work_can_be_cancelled(sample_analysis):
    def leave(_: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        smallest_flips(sample_analysis, leave)

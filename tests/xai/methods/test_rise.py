"""RISE: its masks, its estimate against known weights, and a planted patch."""

from dataclasses import replace

import numpy as np
from numpy.testing import assert_allclose

from tests.xai.planted import TARGET, marked_face
from xai.explanation import Contrast
from xai.methods import rise
from xai.methods.rise import Rise, random_masks, weigh


def test_masks_keep_half_in_smooth_patches():
    masks = random_masks(400, 2, 0).reshape(-1, 7, 7)
    assert abs(masks.mean() - 0.5) < 0.1
    beside = (masks[:, :, 1:] == masks[:, :, :-1]).mean()
    apart = (masks[:, :, :-4] == masks[:, :, 4:]).mean()
    assert beside > apart + 0.15
    assert (random_masks(5, 2, 3) == random_masks(5, 2, 3)).all()
    assert (random_masks(5, 2, 3) != random_masks(5, 2, 4)).any()


def test_the_weight_of_independent_parts_is_what_each_adds():
    rng = np.random.default_rng(0)
    kept, worth = rng.random((20_000, 6)) < 0.5, rng.normal(size=(6, 8))
    assert_allclose(weigh(kept, kept @ worth), worth.T, atol=0.1)
    assert_allclose(weigh(kept, np.full((20_000, 8), 3.0)), 0, atol=1e-9)


def test_a_planted_patch_is_found_and_shifts_of_all_logits_change_nothing():
    hits = []
    for seed in range(6):
        clip = marked_face(seed)
        found = Rise().explain(clip.analysis.subject, seed)
        own = found.of(Contrast(TARGET)).reshape(-1, 49).mean(axis=0)
        cause = np.unique(clip.cause % 49)
        hits.append(int(own.argmax()) in cause)
    assert sum(hits) >= 5


def test_what_is_left_of_chance_is_measured(monkeypatch):
    subject = marked_face(0).analysis.subject
    found = Rise().explain(subject)
    scores = {s.measure.name: s for s in Rise().checks(subject, found, Contrast(TARGET))}
    assert set(scores) == {"faithfulness", "stability"}
    monkeypatch.setattr(rise, "MASKS", 12)
    few = Rise().explain(subject)
    noisy = {s.measure.name: s for s in Rise().checks(subject, few, Contrast(TARGET))}
    assert noisy["stability"].value < scores["stability"].value


def test_frames_that_are_not_asked_about_have_zeros():
    subject = marked_face(1).analysis.subject
    video = subject.features.video
    many = replace(
        video,
        times=np.arange(12.0),
        faces=video.faces[:1] * 12,
        squares=video.squares[:1] * 12,
        pictures=video.pictures[:1] * 12,
        crops=np.repeat(video.crops[:1], 12, axis=0),
        maps=np.repeat(video.maps[:1], 12, axis=0),
        used=np.ones(12, bool),
    )
    from features import Modality

    long = replace(subject, features=subject.features.with_part(Modality.VIDEO, many))
    found = Rise().explain(long)
    assert found.values.any(axis=(0, 2, 3)).sum() == 6

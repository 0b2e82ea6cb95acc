"""Samplers: copies, chances and moments, each against the definition."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose

from features import Modality
from models.data.copies import CLEAN
from models.training.recipe import Recipe
from models.training.samplers import (
    DB_TO_MFCC0,
    VoiceSampler,
    cut_closer,
    draw_label,
    face_sampler,
    reference_rows,
    reference_vectors,
    speaker_means,
    standardiser,
    subset,
    voice_sampler,
)
from models.training.sequence_teacher import soft_targets
from models.training.teachers import label_weights


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


@pytest.fixture
def sampler(corpus, rng) -> VoiceSampler:
    return voice_sampler(corpus[0], rng, 1.0)


def recipe(altered: float = 0.0, levelled: float = 0.0, cut: float = 0.0, recast: float = 0.0) -> Recipe:
    return Recipe(altered=altered, levelled=levelled, gain_db=6.0, cut=cut, recast=recast)


def is_one_of(copies: np.ndarray, drawn: np.ndarray) -> np.ndarray:
    """bool (n, copies): which of its copies (n, copies, 40) each drawn voice (n, 40) is."""
    return (copies == drawn[:, None]).all(axis=2)


def test_clean_speech_and_augmented_copies_are_kept_apart(corpus, sampler):
    voices, _ = corpus
    assert_allclose(np.concatenate([sampler.clean, sampler.augmented], axis=1), voices.mfcc)
    assert sampler.clean.shape[1] == CLEAN.stop
    for label in range(8):
        assert sampler.weights[sampler.labels == label].sum() == pytest.approx(1 / 8)


def test_a_cut_copy_has_half_to_all_of_the_words_in_a_row_and_some_of_what_is_around(corpus, rng):
    """MFCC k is the share of the frames 5k to 5k + 4 in a mean, the last MFCC that of the whole."""
    voices = corpus[0].where(np.arange(len(corpus[0].label)) < 20)
    frame = np.arange(voices.sequence.shape[3])
    sequence = np.broadcast_to(frame // 5 == np.arange(40)[:, None], voices.sequence.shape).astype(np.float16)
    cut = cut_closer(replace(voices, sequence=sequence, mfcc=np.broadcast_to(np.eye(40, dtype=np.float32)[39], voices.mfcc.shape)), rng)
    around = cut[..., 39]
    assert 0 <= around.min() < 0.02
    assert 0.98 < around.max() <= 1
    assert around.mean() == pytest.approx(0.5, abs=0.05)
    enough = around < 0.9  # else the words are drowned in rounding
    words, heard_there = cut[enough][:, :39] / (1 - around[enough, None]), voices.heard[enough]
    assert_allclose(words.sum(axis=1), 1, rtol=1e-3)
    shares = 5 / words.max(axis=1) / heard_there
    assert 0.48 < shares.min() < 0.52
    assert 0.98 < shares.max() < 1 + 1e-3
    for row, heard in zip(words, heard_there, strict=True):
        present = np.flatnonzero(row > 1e-6)
        assert (np.diff(present) == 1).all()
        assert 5 * present[-1] < heard
    assert len(np.unique((words > 1e-6).argmax(axis=1))) > 5  # not always from the first word on


def test_a_drawn_voice_is_one_of_its_copies(sampler, rng):
    rows = rng.integers(len(sampler.labels), size=1000)
    speeds = sampler.clean.shape[1]
    for cut, kinds in ((0.0, (sampler.clean, sampler.augmented)), (1.0, (sampler.cut[:, :speeds], sampler.cut[:, speeds:]))):
        for altered, copies in zip((0.0, 1.0), kinds, strict=True):
            _, drawn = sampler.draw(rows, rng, recipe(altered, cut=cut))
            same = is_one_of(copies[rows], drawn)
            assert (same.sum(axis=1) == 1).all()
            assert same.any(axis=0).all()  # every copy has its turn


def test_augmented_and_cut_copies_come_as_often_as_asked(sampler, rng):
    rows = rng.integers(len(sampler.labels), size=4000)
    _, drawn = sampler.draw(rows, rng, recipe(altered=0.3, cut=0.6))
    cut = is_one_of(sampler.cut[rows], drawn)
    augmented = is_one_of(sampler.augmented[rows], drawn).any(axis=1) | cut[:, sampler.clean.shape[1] :].any(axis=1)
    assert augmented.mean() == pytest.approx(0.3, abs=0.03)
    assert cut.any(axis=1).mean() == pytest.approx(0.6, abs=0.03)


def test_beside_an_augmented_copy_is_the_same_recording_clean_and_whole(sampler, rng):
    rows = rng.integers(len(sampler.labels), size=800)
    clean, drawn = sampler.draw(rows, rng, recipe(altered=0.5, levelled=1.0, cut=0.5))
    speed = is_one_of(sampler.clean[rows], clean)
    assert (speed.sum(axis=1) == 1).all()  # no level was changed
    cut = is_one_of(sampler.cut[rows][..., 1:], drawn[:, 1:])
    assert (cut[:, : speed.shape[1]] <= speed).all()  # cut from the speed of the clean copy
    augmented = is_one_of(sampler.augmented[rows][..., 1:], drawn[:, 1:]).any(axis=1) | cut[:, speed.shape[1] :].any(axis=1)
    assert speed[augmented, 0].all()
    untouched = ~augmented & ~cut.any(axis=1)
    assert_allclose(clean[untouched, 1:], drawn[untouched, 1:])


def test_the_level_moves_mfcc_0_alone_and_within_its_range(sampler, rng):
    rows = np.full(4000, 7)
    _, drawn = sampler.draw(rows, rng, recipe(altered=1.0, levelled=1.0))
    moved = drawn[:, None] - sampler.augmented[7]
    copy = np.abs(moved[..., 1:]).max(axis=2).argmin(axis=1)
    moved = moved[np.arange(4000), copy]
    assert_allclose(moved[:, 1:], 0, atol=1e-5)
    assert pytest.approx(np.sqrt(128)) == DB_TO_MFCC0
    db = moved[:, 0] / np.sqrt(128)
    assert -6 <= db.min() < -5.9
    assert 5.9 < db.max() <= 6
    assert db.std() == pytest.approx(12 / np.sqrt(12), rel=0.03)
    spared = sampler.draw(rows, rng, recipe(altered=0.25, levelled=0.4))[1][:, 0]
    clean = np.isin(spared.astype(np.float32), sampler.clean[7, :, 0])
    assert clean.mean() == pytest.approx(0.75 * 0.6, abs=0.03)  # neither another microphone nor another level


def test_drawing_twice_does_not_change_the_sampler(sampler, rng):
    before = [part.copy() for part in (sampler.clean, sampler.augmented, sampler.cut)]
    for part in sampler.draw(np.arange(50), rng, Recipe()):
        part += 1
    assert all((a == b).all() for a, b in zip((sampler.clean, sampler.augmented, sampler.cut), before, strict=True))


@pytest.mark.parametrize(("frames", "fewest"), [(1, 1), (2, 1), (3, 1), (9, 3)])
def test_a_subset_is_a_third_to_all_of_the_frames(rng, frames, fewest):
    drawn = [subset(np.arange(frames), rng) for _ in range(300)]
    assert {len(d) for d in drawn} == set(range(fewest, frames + 1))
    assert all(len(set(d.tolist())) == len(d) for d in drawn)
    assert set(np.concatenate(drawn).tolist()) == set(range(frames))


def test_a_face_is_a_mean_of_some_of_its_frames(corpus, rng):
    _, faces = corpus
    sampler = face_sampler(faces, rng, 2, 3, 0.4)
    filmed = [k for k, actor in enumerate(faces.actor) if actor]
    views, draws = faces.frames[0].shape[0], 3
    assert len(sampler.labels) == len(filmed) * views * draws + (faces.actor == 0).sum()
    assert_allclose(sampler.labels[: len(filmed) * views * draws], np.repeat(faces.label[filmed], views * draws))
    for row in range(views * draws):
        view = faces.frames[filmed[0]][row // draws]
        low, high = view.min(axis=0), view.max(axis=0)
        assert ((sampler.vectors[row] >= low - 1e-5) & (sampler.vectors[row] <= high + 1e-5)).all()
        parts = [view[list(p)].mean(axis=0) for p in ((0,), (1,), (2,), (0, 1), (0, 2), (1, 2), (0, 1, 2))]
        assert min(np.abs(part - sampler.vectors[row]).max() for part in parts) < 1e-5
        assert_allclose(sampler.clean[row], faces.frames[filmed[0]][0].mean(axis=0))


def test_only_so_many_views_of_a_face_are_drawn_from(corpus, rng):
    """One view is the face as it was filmed."""
    _, faces = corpus
    filmed = faces.where(faces.actor > 0)
    sampler = face_sampler(filmed, rng, 1, 2, 0.4)
    assert_allclose(sampler.labels, np.repeat(filmed.label, 2))
    low, high = (np.array([getattr(f[0], side)(axis=0) for f in filmed.frames]).repeat(2, axis=0) for side in ("min", "max"))
    assert ((sampler.vectors >= low - 1e-5) & (sampler.vectors <= high + 1e-5)).all()


def test_photographs_are_taken_as_they_are_and_weigh_their_share(corpus, rng):
    _, faces = corpus
    sampler = face_sampler(faces, rng, 2, 2, 0.4)
    pictures = faces.actor == 0
    photographs = np.arange(len(sampler.labels)) >= len(sampler.labels) - pictures.sum()
    assert_allclose(sampler.clean[photographs], sampler.vectors[photographs])
    assert_allclose(sampler.vectors[photographs], [f[0, 0] for f, p in zip(faces.frames, pictures, strict=True) if p])
    for label in range(8):
        mine = sampler.labels == label
        assert sampler.weights[mine].sum() == pytest.approx(1 / 8)
        assert sampler.weights[mine & photographs].sum() == pytest.approx(0.4 / 8)


def test_the_expert_of_the_sampler_recognises_the_planted_emotion(corpus, rng):
    _, faces = corpus
    sampler = face_sampler(faces, rng, 2, 2, 0.4)
    assert (sampler.expert.argmax(axis=1) == sampler.labels).mean() > 0.99
    assert_allclose(np.exp(sampler.expert).sum(axis=1), 1, atol=1e-6)


def test_moments_are_those_of_what_is_drawn(corpus, rng):
    """Mean and deviation of a large weighted sample; augmented copies do not count."""
    voices, faces = corpus
    heard, seen = voice_sampler(voices, rng, 1.0), face_sampler(faces, rng, 2, 2, 0.4)
    standardise = standardiser(heard, seen)
    mean, std = standardise.mean, standardise.std
    rows = rng.choice(len(heard.labels), 15_000, p=heard.weights)
    voice = heard.draw(rows, rng, recipe())[1]
    face = seen.vectors[rng.choice(len(seen.labels), 15_000, p=seen.weights)]
    for part, sample in ((slice(0, 40), voice), (slice(40, 552), face)):
        assert (np.abs(mean[part] - sample.mean(axis=0)) < 0.05 * std[part]).all()
        assert_allclose(std[part], sample.std(axis=0) + 1e-2, rtol=0.06)
    z = standardise.part(voice, Modality.AUDIO)
    assert z.dtype == np.float32
    assert_allclose(z.mean(axis=0), 0, atol=0.05)
    assert_allclose(standardise.part(face, Modality.VIDEO), (face - mean[40:]) / std[40:], atol=1e-4)


def test_reference_pairs_are_of_one_label_and_of_every_label(corpus, rng):
    voices, faces = corpus
    heard, seen = voice_sampler(voices, rng, 1.0), face_sampler(faces, rng, 2, 2, 0.4)
    i, j = reference_rows(heard, seen, 20, rng)
    assert (heard.labels[i] == seen.labels[j]).all()
    assert heard.labels[i].tolist() == [k % 8 for k in range(20)]
    again = reference_rows(heard, seen, 20, np.random.default_rng(5))
    vectors = reference_vectors(heard, seen, 20, np.random.default_rng(5))
    assert_allclose(vectors, np.concatenate([voices.mfcc[again[0], 0], seen.vectors[again[1]]], axis=1))
    assert vectors.dtype == np.float32


def test_a_label_that_is_not_there_is_replaced_by_any_other(corpus, rng):
    voices, _ = corpus
    sampler = voice_sampler(voices.where(np.isin(voices.label, (0, 5))), rng, 1.0)
    drawn = np.array([draw_label(sampler, 3, rng) for _ in range(200)])
    assert set(sampler.labels[drawn]) == {0, 5}
    assert set(sampler.labels[[draw_label(sampler, 5, rng) for _ in range(50)]]) == {5}


@pytest.mark.parametrize("balance", [0.0, 1.0])
def test_voices_are_drawn_and_their_soft_targets_fitted_with_one_balance(corpus, rng, balance):
    voices = corpus[0].where((corpus[0].label != 4) | (np.arange(len(corpus[0].label)) % 2 == 0))
    found = voice_sampler(voices, rng, balance)
    assert_allclose(found.weights, label_weights(voices.label, balance))
    assert (found.soft_targets == soft_targets(voices, balance)).all()


def test_the_mean_voice_of_a_speaker_weighs_every_emotion_the_same():
    mfcc = np.array([[0.0], [2.0], [10.0], [7.0]]).repeat(40, axis=1)
    found = speaker_means(mfcc, np.array([0, 0, 1, 0]), np.array([1, 1, 1, 2]))
    assert_allclose(found, np.array([[5.5], [5.5], [5.5], [7.0]]).repeat(40, axis=1))


def test_a_recast_voice_lies_on_the_way_to_another_actors(sampler, rng):
    """With its clean copy moved the same way: what an emotion adds to a voice stays."""
    rows = rng.integers(len(sampler.labels), size=600)
    clean, drawn = sampler.draw(rows, rng, recipe(recast=1.0))
    assert_allclose(clean, drawn)
    speakers = np.unique(sampler.speaker_means, axis=0)
    assert len(speakers) == 4
    shares, targets = [], []
    for row, voice in zip(rows, drawn, strict=True):
        moved = voice - sampler.clean[row]  # (speeds, 40)
        ways = speakers - sampler.speaker_means[row]
        longest = np.maximum((ways**2).sum(axis=1), 1e-9)
        along = np.clip(moved @ ways.T / longest, 0, 1)
        errors = np.abs(moved[:, None] - along[..., None] * ways).max(axis=2)
        speed, other = np.unravel_index(errors.argmin(), errors.shape)
        assert errors[speed, other] < 1e-4
        if along[speed, other]:  # else it was moved to itself
            shares.append(along[speed, other])
            targets.append(other)
    assert 0 < min(shares) < 0.02
    assert 0.98 < max(shares) <= 1
    assert np.mean(shares) == pytest.approx(0.5, abs=0.05)
    assert set(targets) == {0, 1, 2, 3}


def test_as_many_voices_are_recast_as_asked(sampler, rng):
    rows = rng.integers(len(sampler.labels), size=4000)
    _, drawn = sampler.draw(rows, rng, recipe(recast=0.4))
    moved = 1 - is_one_of(sampler.clean[rows], drawn).any(axis=1).mean()
    assert moved == pytest.approx(0.4 * 3 / 4, abs=0.03)  # a fourth is moved to itself

"""The sequence teacher: its statistics against numpy, and that its probabilities are out of fold."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose

from models.data.copies import CLEAN
from models.labels import label_index
from models.training.sequence_teacher import fit_teacher, soft_targets, statistics
from tests.models.conftest import make_voices, planted

NEUTRAL = label_index("neutral")


def test_statistics_are_those_of_the_frames_that_are_there(corpus):
    voices = corpus[0].where(np.arange(len(corpus[0].label)) < 5)
    found = statistics(voices.sequence[:, 0], voices.heard[:, 0])
    for row, frames, count in zip(found, voices.sequence[:, 0].astype(float), voices.heard[:, 0], strict=True):
        there = frames[:, :count]
        wanted = np.concatenate([there.mean(axis=1), there.std(axis=1), (there[:, 2:] - there[:, :-2]).std(axis=1)])
        assert_allclose(row, wanted, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("count", [1, 2])
def test_a_single_frame_has_statistics_too(count):
    found = statistics(np.ones((1, 40, 8)), np.array([count]))
    assert_allclose(found, [[1.0] * 40 + [0.0] * 80], atol=1e-6)


def test_soft_targets_hold_what_no_average_does():
    """The emotion is only in how much MFCC 10 + label moves: all averages are the same."""
    voices = make_voices((1, 2, 3, 4), 0 * planted(40, 10, 1))
    sequence = voices.sequence.astype(np.float32)
    rows = np.arange(len(voices.label))
    sequence[rows, :, 10 + voices.label] *= 4
    still = sequence - sequence.mean(axis=3, keepdims=True)
    found = soft_targets(replace(voices, sequence=still.astype(np.float16), heard=np.full_like(voices.heard, still.shape[3])), 1.0)
    assert found.shape == (len(voices.label), 8)
    assert_allclose(found.sum(axis=1), 1)
    assert (found.argmax(axis=1) == voices.label).mean() > 0.9


def test_no_actor_is_judged_by_a_teacher_trained_on_that_actor():
    """Actor 3 has shifted labels: a teacher trained on the others uses theirs."""
    voices = make_voices((1, 2, 3, 4, 6), planted(40, 10, 1))
    odd = voices.actor == 3
    renamed = replace(voices, label=np.where(odd, (voices.label + 1) % 8, voices.label))
    assert (soft_targets(renamed, 1.0)[odd].argmax(axis=1) == voices.label[odd]).mean() > 0.9


def test_an_emotion_that_only_the_held_out_actor_portrayed_is_not_predicted(corpus):
    voices = corpus[0].where((corpus[0].label != 4) | (corpus[0].actor == 2))
    found = soft_targets(voices, 1.0)
    assert_allclose(found.sum(axis=1), 1)
    assert found[voices.actor == 2, 4].max() < 1e-6


@pytest.mark.parametrize(("balance", "share"), [(0.0, 1 / 15), (1.0, 1 / 8)])
def test_an_emotion_with_fewer_recordings_has_the_prior_that_balance_asks_for(balance, share):
    """Without a signal only the prior is left; RAVDESS has half as many neutral recordings."""
    voices = make_voices((1, 2, 3, 4), 0 * planted(40, 10, 1))
    assert (voices.label == NEUTRAL).mean() == pytest.approx(1 / 15)
    assert soft_targets(voices, balance)[:, NEUTRAL].mean() == pytest.approx(share, abs=0.025)


def test_for_one_actor_soft_targets_are_the_labels(corpus):
    voices = corpus[0].where(corpus[0].actor == 1)
    assert_allclose(soft_targets(voices, 1.0), np.eye(8)[voices.label])


def test_the_same_recordings_give_the_same_soft_targets(corpus):
    assert (soft_targets(corpus[0], 0.5) == soft_targets(corpus[0], 0.5)).all()
    heard = np.stack([statistics(corpus[0].sequence[:, k], corpus[0].heard[:, k]) for k in range(CLEAN.stop)], axis=1)
    expert = fit_teacher(heard[:64], corpus[0].label[:64], 0.5)
    assert expert.log_probabilities(heard[:, 0]).shape == (len(corpus[0].label), 8)

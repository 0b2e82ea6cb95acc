"""The Shapley split of voice and face."""

from itertools import permutations

import numpy as np
import pytest
from numpy.testing import assert_allclose

from features import N_AUDIO, Features
from features.extract import join
from xai.methods.modality_split import split_modalities


def test_equals_the_definition(random_features, random_model):
    """Mean gain over all orders of arrival."""
    split = split_modalities(random_features, random_model)
    players = {"audio": slice(0, N_AUDIO), "video": slice(N_AUDIO, None)}
    expected = dict.fromkeys(players, 0.0)
    for order in permutations(players):
        vector = np.full(552, np.nan)
        for player in order:
            before = random_model.probabilities(vector[None])[0]
            vector[players[player]] = random_features.vector[players[player]]
            expected[player] = expected[player] + (random_model.probabilities(vector[None])[0] - before) / 2
    assert_allclose(split.audio, expected["audio"], atol=1e-6)
    assert_allclose(split.video, expected["video"], atol=1e-6)


def test_efficiency(random_features, random_model):
    split = split_modalities(random_features, random_model)
    assert_allclose(split.audio + split.video, split.both - split.neither, atol=1e-12)
    assert sum(split.shares(0).values()) == pytest.approx(1)


def test_an_absent_player_adds_nothing(random_features, random_model):
    split = split_modalities(Features(random_features.audio, None, join(random_features.audio.mfcc, None)), random_model)
    assert_allclose(split.video, 0, atol=1e-6)
    assert split.verdict("video") is None
    assert not split.disagree


def test_disagreement_is_between_the_verdicts(random_features, random_model):
    split = split_modalities(random_features, random_model)
    assert split.disagree == (split.verdict("audio") != split.verdict("video"))

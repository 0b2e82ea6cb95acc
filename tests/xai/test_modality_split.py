"""The split between modalities: exact Shapley values, of any number of players."""

from itertools import chain, combinations, permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import softmax

from features import Modality
from models.labels import LABELS
from tests.xai.conftest import recording, subject_of
from xai.modality_split import ModalitySplit, about_equal, hundredths, play, shapley_values, split_modalities

AUDIO, VIDEO = Modality.AUDIO, Modality.VIDEO
PLAYERS = "abcd"


def sets_of(players: str) -> list[frozenset]:
    return [frozenset(s) for s in chain.from_iterable(combinations(players, size) for size in range(len(players) + 1))]


@st.composite
def games(draw, least: int = 1):
    """The values (8,) of all sets of one to four players."""
    players = PLAYERS[: draw(st.integers(least, 4))]
    rng = np.random.default_rng(draw(st.integers(0, 10**6)))
    return {s: rng.normal(size=8) for s in sets_of(players)}


def by_orders(values: dict) -> dict:
    """The definition: what each adds when it arrives, mean over all orders of arrival."""
    orders = list(permutations(max(values, key=len)))
    found = {player: np.zeros(8) for player in orders[0]}
    for order in orders:
        for k, player in enumerate(order):
            found[player] += (values[frozenset(order[: k + 1])] - values[frozenset(order[:k])]) / len(orders)
    return found


@given(games())
def test_shapley_values_are_means_over_all_orders(values):
    found, expected = shapley_values(values), by_orders(values)
    assert found.keys() == expected.keys()
    for player, value in expected.items():
        assert_allclose(found[player], value, atol=1e-12)


@given(games())
def test_they_add_up_to_what_all_have_over_nobody(values):
    assert_allclose(sum(shapley_values(values).values()), values[max(values, key=len)] - values[frozenset()], atol=1e-12)


@given(games(2))
def test_players_that_add_the_same_get_the_same(values):
    def swapped(s: frozenset) -> frozenset:
        return frozenset({"a": "b", "b": "a"}.get(player, player) for player in s)

    found = shapley_values({s: value + values[swapped(s)] for s, value in values.items()})
    assert_allclose(found["a"], found["b"], atol=1e-12)
    apart = shapley_values(values)
    assert_allclose(found["a"], apart["a"] + apart["b"], atol=1e-12)


@given(games(2))
def test_who_adds_nothing_gets_nothing(values):
    found = shapley_values({s: values[s - {"a"}] for s in values})
    assert_allclose(found["a"], 0, atol=1e-12)
    others = shapley_values({s: value for s, value in values.items() if "a" not in s})
    for player, value in others.items():
        assert_allclose(found[player], value, atol=1e-12)


class Sums:
    """A game whose logits are the sum of its players' rows, and something for the first two together."""

    effort = (1, 1)

    def __init__(self, rows: np.ndarray) -> None:
        self.rows = rows

    def __len__(self) -> int:
        return len(self.rows)

    def __call__(self, kept: np.ndarray) -> np.ndarray:
        return kept @ self.rows + (kept[:, :2].sum(axis=1) == 2)[:, None] * np.arange(8)


@pytest.mark.parametrize("n", [1, 2, 3, 4])
def test_every_set_of_players_is_played_once(n):
    rows = np.random.default_rng(n).normal(size=(n, 8))
    found = play(Sums(rows), tuple(PLAYERS[:n]))
    assert set(found) == set(sets_of(PLAYERS[:n]))
    for chosen, probabilities in found.items():
        there = np.array([player in chosen for player in PLAYERS[:n]])
        both = np.arange(8) if there[:2].sum() == 2 else 0
        assert_allclose(probabilities, softmax(rows[there].sum(axis=0) + both), atol=1e-12)


def test_equals_the_definition_on_a_recording(random_features, any_model):
    """Mean gain over all orders of arrival."""
    split = split_modalities(subject_of(random_features, any_model))
    expected = dict.fromkeys(Modality, 0.0)
    for order in permutations(Modality):
        shown = []
        for player in order:
            gains = []
            for there in (shown, [*shown, player]):
                drop = frozenset(Modality) - frozenset(there)
                gains.append(softmax(any_model.logits(any_model.encode(random_features, drop))[0]))
            expected[player] = expected[player] + (gains[1] - gains[0]) / 2
            shown.append(player)
    for modality in Modality:
        assert_allclose(split.contribution(modality), expected[modality], atol=1e-6)
    assert np.abs(split.contribution(AUDIO)).max() > 1e-3


def test_coalitions_are_recordings_without_one_or_the_other(random_features, voice, face, any_model):
    split = split_modalities(subject_of(random_features, any_model))
    for found, features in ((split.alone(AUDIO), voice), (split.alone(VIDEO), face), (split.everything, random_features)):
        assert_allclose(found, softmax(any_model.predict(features)), atol=1e-6)
    assert split.modalities == tuple(Modality)
    assert split.present == {AUDIO, VIDEO}
    assert split.several
    assert split.state == "both"


def test_efficiency(random_features, any_model):
    split = split_modalities(subject_of(random_features, any_model))
    total = sum(split.contribution(modality) for modality in Modality)
    assert_allclose(total, split.everything - split.none, atol=1e-12)
    shares = split.shares(0)
    assert sum(shares.values()) == pytest.approx(1)
    sizes = {modality: abs(split.contribution(modality)[0]) for modality in Modality}
    assert shares[AUDIO] / shares[VIDEO] == pytest.approx(sizes[AUDIO] / sizes[VIDEO])


def test_an_absent_player_adds_nothing(random_features, any_model):
    for there, absent in ((AUDIO, VIDEO), (VIDEO, AUDIO)):
        alone = recording(*(random_features.parts.get(m) if m is there else None for m in (AUDIO, VIDEO)))
        split = split_modalities(subject_of(alone, any_model))
        assert_allclose(split.contribution(absent), 0, atol=1e-6)
        assert_allclose(split.contribution(there), split.everything - split.none, atol=1e-6)
        assert split.verdict(absent) is None
        assert split.verdict(there) == LABELS[int(split.everything.argmax())]
        assert not split.disagree
        assert not split.several
        assert split.state == there.noun


def one_hot(label: str) -> np.ndarray:
    return 0.93 * np.eye(8)[LABELS.index(label)] + 0.01


@pytest.mark.parametrize(
    ("voice", "face", "both", "disagree", "words"),
    [
        ("happy", "happy", "happy", False, "followed the face"),
        ("happy", "sad", "sad", True, "followed the face"),
        ("happy", "sad", "happy", True, "followed the voice"),
        ("happy", "sad", "calm", True, "followed neither: together they look like calm to it"),
    ],
)
def test_disagreement_is_between_the_verdicts(voice, face, both, disagree, words):
    shown = {frozenset(): "neutral", frozenset({AUDIO}): voice, frozenset({VIDEO}): face, frozenset({AUDIO, VIDEO}): both}
    split = ModalitySplit({s: one_hot(label) for s, label in shown.items()}, frozenset({AUDIO, VIDEO}))
    assert (split.verdict(AUDIO), split.verdict(VIDEO)) == (voice, face)
    assert split.disagree == disagree
    assert split.followed() == words
    alone = ModalitySplit(split.coalitions, frozenset({AUDIO}))
    assert not alone.disagree


def test_nothing_to_share_is_shared_by_nobody():
    split = ModalitySplit({s: one_hot("calm") for s in map(frozenset, ((), (AUDIO,), (VIDEO,), (AUDIO, VIDEO)))}, frozenset({AUDIO}))
    assert split.shares(0) == {AUDIO: 0.0, VIDEO: 0.0}
    assert_array_equal(split.contribution(AUDIO), np.zeros(8))


def additive(voice: float, face: float, present=(AUDIO, VIDEO)) -> ModalitySplit:
    """A split in which voice and face add that much to the first class."""
    values = {frozenset(): 0.0, frozenset({AUDIO}): voice, frozenset({VIDEO}): face, frozenset({AUDIO, VIDEO}): voice + face}
    return ModalitySplit({s: np.full(8, 0.3 + value) for s, value in values.items()}, frozenset(present))


@pytest.mark.parametrize(
    ("voice", "face", "words"),
    [
        (0.29, 0.71, "From the face 71 %, from the voice 29 %"),
        (0.55001, 0.45, "From the face 45 %, from the voice 55 %"),
        (0.44, 0.56, "From the face 56 %, from the voice 44 %"),
        (0.1, 0.0, "From the face 0 %, from the voice 100 %"),
        (0.12, 0.1, "About equally from face and voice"),
        (0.1, 0.1, "About equally from face and voice"),
        (-0.1, 0.3, "The face speaks for it, the voice against it"),
        (0.1, -0.1, "The face speaks against it, the voice for it"),
        (-0.1, -0.2, "Face and voice speak against it"),
        (0.0, 0.0, "Neither face nor voice changes it"),
    ],
)
def test_the_headline_says_where_it_comes_from(voice, face, words):
    assert additive(voice, face).headline(0) == words


def test_the_headline_of_one_modality_names_it():
    assert additive(0.2, 0.0, [AUDIO]).headline(0) == "From the voice only"
    assert additive(0.0, 0.2, [VIDEO]).headline(0) == "From the face only"


@given(st.lists(st.floats(-5, 5).filter(lambda value: abs(value) > 1e-6), min_size=1, max_size=4))
def test_whole_shares_add_up_and_are_never_a_whole_unit_off(values):
    found = hundredths(values)
    exact = 100 * np.abs(values) / np.abs(values).sum()
    assert sum(found) == 100
    assert np.abs(found - exact).max() < 1


@given(st.floats(0.01, 1), st.floats(0.01, 1))
def test_no_share_is_printed_of_what_is_about_equal(voice, face):
    near = 0.45 <= voice / (voice + face) <= 0.55
    if abs(abs(voice / (voice + face) - 0.5) - 0.05) > 1e-9:
        assert about_equal([voice, face]) == near

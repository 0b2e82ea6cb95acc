"""Numbers of a session against their definitions, computed another way, and with what must not be invented."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyannote.core import Segment
from scipy.integrate import quad
from scipy.spatial.distance import jensenshannon

from models.labels import LABELS
from tests.xai.session.made import on_any, probabilities, session_of, surely
from xai.session.baseline import baseline, centred, differences
from xai.session.numbers import counted, curve, disagreement, disagreements, distributions, divergence, keys_of, source_of, transitions
from xai.session.session import UNKNOWN, Moment, Recognised


def spoken(start, end, label="happy", person="A", probability=0.65):
    return Moment(start, end, person, True, voice=surely(label, probability))


def at_random(seed=0, n=20):
    """Moments of 1 to 3 s with pauses, of A's voice."""
    random, moments, start = np.random.default_rng(seed), [], 0.0
    for _ in range(n):
        start += random.exponential(2)
        end = start + random.uniform(1, 3)
        moments.append(Moment(start, end, "A", True, voice=Recognised("fused", random.dirichlet(np.ones(8)))))
        start = end
    return moments


def test_without_a_window_a_curve_is_the_moments_as_they_are():
    session = session_of([spoken(0, 2), Moment(2, 4, "A", False), spoken(4, 6, "sad"), spoken(4, 6, "angry", "B")])
    found = curve(session, "A", "voice")
    np.testing.assert_array_equal(found.times, [1, 3, 5])
    np.testing.assert_array_equal(found.probabilities[[0, 2]], [surely("happy").probabilities, surely("sad").probabilities])
    assert np.isnan(found.probabilities[1]).all()
    assert found.moments == ((0,), (), (2,))
    assert found.held.tolist() == [True, False, True]


def test_a_smoothed_curve_is_the_integral_that_it_says():
    session = session_of(moments := at_random())
    for t in np.linspace(0, 60, 7):
        found = curve(session, "A", "voice", 8.0, [t])
        weights = [
            quad(lambda s, t=t: max(0, 1 - 2 * abs(s - t) / 8), *np.clip((m.start, m.end), t - 4, t + 4), points=[t])[0] for m in moments
        ]
        expected = np.average([m.voice.probabilities for m in moments], axis=0, weights=weights)
        np.testing.assert_allclose(found.probabilities[0], expected, rtol=1e-6)
        assert found.moments[0] == tuple(np.flatnonzero(np.array(weights) > 1e-12))


@given(st.integers(0, 99), st.floats(0, 30))
@on_any
def test_smoothing_invents_nothing(seed, window):
    """Where nothing lies within the window there is a gap, elsewhere no probability beyond those behind it."""
    session = session_of(moments := at_random(seed, 8))
    found = curve(session, "A", "voice", window, np.linspace(-20, 60, 30))
    for t, row, behind in zip(found.times, found.probabilities, found.moments, strict=True):
        near = [m for m in moments if m.start < t + window / 2 - 1e-6 and m.end > t - window / 2 + 1e-6]
        assert len(near) <= len(behind) <= sum(m.start <= t + window / 2 + 1e-3 and m.end >= t - window / 2 - 1e-3 for m in moments)
        assert np.isnan(row).all() if not behind else np.isclose(row.sum(), 1)
        if behind:
            values = np.array([moments[i].voice.probabilities for i in behind])
            assert (row >= values.min(0) - 1e-12).all()
            assert (row <= values.max(0) + 1e-12).all()


def test_what_touches_an_excluded_stretch_counts_for_nothing():
    moments = [spoken(0, 2), spoken(2, 4, "sad"), spoken(4, 6)]
    session = session_of(moments, excluded=[(3.5, 3.8)])
    assert [i for i, _ in counted(session)] == [0, 2]
    assert curve(session, "A", "voice", 9).moments == ((0, 2), (0, 2))
    assert transitions(session, "A").counts.sum() == 0
    assert distributions(session, "A", parts=1)[0].seconds["sad"].value == 0
    assert [i for i, _ in counted(session_of(moments, excluded=[(2, 4)]))] == [0, 2]  # what only touches at a border stays


def test_unknown_people_are_not_taken_for_one():
    session = session_of([spoken(0, 2, person=UNKNOWN), spoken(2, 4, "sad", UNKNOWN), spoken(4, 6)])
    assert keys_of(session) == ("A", "B", UNKNOWN)
    np.testing.assert_array_equal(curve(session, UNKNOWN, "voice", 9).probabilities[1], surely("sad").probabilities)
    assert transitions(session, UNKNOWN).counts.sum() == 0
    assert baseline(session, UNKNOWN, Segment(0, 9), "voice", 2) is None
    assert distributions(session, "A", parts=1)[0].expected["happy"].moments == (2,)


@given(probabilities, probabilities)
@on_any
def test_the_divergence_is_that_of_scipy(p, q):
    assert divergence(p, q) == pytest.approx(jensenshannon(p, q, base=2) ** 2, abs=1e-7)
    assert divergence(p, p) == pytest.approx(0, abs=1e-12)


def test_disagreement_is_weighted_by_time():
    both = Moment(0, 3, "A", True, voice=surely("happy"), face=surely("sad"))
    agreed = Moment(3, 4, "A", True, voice=surely("happy"), face=surely("happy"))
    session = session_of([both, agreed, spoken(4, 5)])
    found = disagreements(session)
    assert [(one.moment, one.voice, one.face, one.labels_differ) for one in found] == [
        (0, "happy", "sad", True),
        (1, "happy", "happy", False),
    ]
    bits, share = disagreement(session, "A")
    assert share.value == 0.75
    assert bits.value == pytest.approx(0.75 * found[0].divergence)
    assert bits.moments == share.moments == (0, 1)
    assert np.isnan(disagreement(session, "B")[0].value)


def test_a_moment_counts_in_each_quarter_with_its_time_there():
    session = session_of([spoken(20, 30, "happy", probability=0.9), spoken(30, 45, "sad", probability=0.8), spoken(45, 50, "sad", "B")])
    first, second, third, _ = distributions(session, "A")
    assert (first.part, second.part) == (Segment(0, 25), Segment(25, 50))
    assert (first.seconds["happy"].value, second.seconds["happy"].value, second.seconds["sad"].value) == (5, 5, 15)
    assert second.expected["happy"].value == pytest.approx((5 * 0.9 + 15 * 0.2 / 7) / 20)
    assert sum(number.value for number in second.expected.values()) == pytest.approx(1)
    assert second.expected["happy"].moments == (0, 1)
    assert second.seconds["sad"].moments == (1,)
    assert np.isnan(third.expected["sad"].value)
    assert third.seconds["sad"].value == 0


def test_transitions_are_those_of_successive_moments():
    labels = ["happy", "sad", "sad", "happy", "sad"]
    starts = [0, 2, 4, 20, 22]
    moments = [spoken(start, start + 2, label) for start, label in zip(starts, labels, strict=True)]
    found = transitions(session_of([*moments[:2], spoken(3, 4, "angry", "B"), *moments[2:]]), "A")
    happy, sad = LABELS.index("happy"), LABELS.index("sad")
    assert (found.counts[happy, sad], found.counts[sad, sad], found.counts.sum()) == (2, 1, 3)
    assert found.pairs == {("happy", "sad"): ((0, 1), (4, 5)), ("sad", "sad"): ((1, 3),)}
    assert transitions(session_of(moments), "A", longest_gap=14).counts.sum() == 4
    assert transitions(session_of(moments, excluded=[(7, 8)]), "A", longest_gap=14).counts.sum() == 3


def test_a_shift_of_the_logits_is_found_in_units_of_the_baselines_noise():
    random = np.random.default_rng(0)
    logits = random.normal(0, 0.5, (12, 8))
    logits[10] = logits[:10].mean(0) + 2 * np.eye(8)[3]
    values = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    moments = [Moment(2 * i, 2 * i + 2, "A", True, voice=Recognised("fused", p)) for i, p in enumerate(values)]
    session = session_of(moments)
    usual = baseline(session, "A", Segment(0, 20), "voice")
    assert usual.moments == tuple(range(10))
    found = differences(session, usual)
    np.testing.assert_allclose(found[10].value, 2 * (np.eye(8)[3] - 1 / 8), atol=1e-12)
    spread = (logits[:10] - logits[:10].mean(1, keepdims=True)).std(0, ddof=1)
    np.testing.assert_allclose(found[10].z, found[10].value / spread)
    np.testing.assert_allclose(np.mean([one.value for one in found[:10]], axis=0), 0, atol=1e-12)
    assert [one.inside for one in found] == [True] * 10 + [False] * 2
    assert found[11].moments == (11, *range(10))
    assert baseline(session, "A", Segment(0, 9.9), "voice") is None  # four lie wholly in it
    assert baseline(session, "A", Segment(0, 20), "face") is None
    with pytest.raises(ValueError, match="of voice, face or both"):
        baseline(session, "A", Segment(0, 20), "best")


def test_a_baseline_that_does_not_vary_gives_no_z():
    session = session_of([spoken(i, i + 1) for i in range(6)])
    usual = baseline(session, "A", Segment(0, 5), "voice")
    assert np.isnan(differences(session, usual)[5].z).all()


@given(probabilities)
@on_any
def test_centred_logits_give_the_probabilities_again(p):
    logits = centred(p)
    assert logits.mean() == pytest.approx(0, abs=1e-9)
    np.testing.assert_allclose(np.exp(logits) / np.exp(logits).sum(), p, rtol=1e-9)
    assert np.isfinite(centred(np.eye(8))).all()


def test_the_source_is_that_of_the_best():
    voice, face, both = surely("sad"), surely("happy"), surely("calm")
    for given_, source in (({"voice": voice, "face": face}, "voice"), ({"face": face}, "face"), ({"both": both, "voice": voice}, "both")):
        moment = Moment(0, 1, "A", True, **given_)
        assert source_of(moment) == source
        assert getattr(moment, source) is moment.best
    assert source_of(Moment(0, 1, "A", True)) is None

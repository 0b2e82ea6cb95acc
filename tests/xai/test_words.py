"""Sentences say what the numbers say."""

from dataclasses import replace

import numpy as np
import pytest

from models.labels import LABELS
from xai.words import in_words, kilohertz, odds, strongest_frame, strongest_patch


@pytest.mark.parametrize(
    ("p", "words"),
    [(0.62, "about 6 in 10"), (0.97, "more than 9 in 10"), (0.01, "less than 1 in 10"), (0.06, "about 1 in 10"), (0.5, "about 5 in 10")],
)
def test_odds(p, words):
    assert odds(p) == words


def test_kilohertz():
    assert kilohertz(500, 1000) == "0.5–1 kHz"
    assert kilohertz(0, 340) == "0–0.3 kHz"
    assert kilohertz(9040, 10_030) == "9–10 kHz"


@pytest.mark.parametrize(("row", "part"), [(1, "upper face"), (3, "middle"), (6, "lower face")])
def test_the_strongest_frame_and_part(row, part):
    heat = np.zeros((3, 7, 7))
    heat[2, row, 3] = 0.5
    frame, words = strongest_frame(heat)
    assert frame == 2
    assert part in words


def test_nothing_is_named_where_nothing_speaks_for_it():
    assert strongest_frame(-np.ones((2, 7, 7))) is None
    assert strongest_patch(np.array([-1.0, 0.0])) is None


def test_every_claim_has_its_figure(sample_analysis):
    a = sample_analysis
    for target in range(8):
        verdict, source, evidence = in_words(a, target)
        assert (
            f"{LABELS[target]} ({odds(a.probabilities[target])})" in verdict
            or f"{LABELS[target]} {odds(a.probabilities[target])}" in verdict
        )
        shares = a.modalities.shares(target)
        strong = "face" if shares["video"] >= shares["audio"] else "voice"
        assert source.startswith(f"The {strong} weighs most ({max(shares.values()):.0%})")
        value = (a.modalities.video if strong == "face" else a.modalities.audio)[target]
        assert source.split(";")[0].endswith(f"speaks {'for' if value > 0 else 'against'} {LABELS[target]}")
        patch = a.lime.weights[target].argmax()
        assert f"between {a.lime.segments[patch][0]:.1f} s and {a.lime.segments[patch][1]:.1f} s" in evidence
        frame = a.cam.heat(target).max(axis=(1, 2)).argmax()
        if a.cam.heat(target).max() > 0:
            assert f"at {a.features.video.times[frame]:.1f} s" in evidence


def test_never_says_that_a_person_is(sample_analysis):
    for target in range(8):
        text = " ".join(in_words(sample_analysis, target, (target + 1) % 8))
        assert "person" not in text
        assert " is sad" not in text


def test_a_comparison_speaks_of_the_comparison(sample_analysis):
    a = sample_analysis
    for target, against in ((0, 1), (6, 5), (4, 2)):
        _, source, evidence = in_words(a, target, against)
        values = {
            "face": a.modalities.video[target] - a.modalities.video[against],
            "voice": a.modalities.audio[target] - a.modalities.audio[against],
        }
        strong = max(values, key=lambda name: abs(values[name]))
        side = "for" if values[strong] > 0 else "against"
        assert f"The {strong} weighs most" in source
        assert f"speaks {side} {LABELS[target]} rather than {LABELS[against]}" in source
        assert f"for {LABELS[target]} rather than {LABELS[against]}" in evidence


def test_a_weak_surrogate_is_called_weak(sample_analysis):
    for quality, weak in ((0.49, True), (0.51, False)):
        lime = replace(sample_analysis.lime, r2=np.full(8, quality))
        (*_, evidence) = in_words(replace(sample_analysis, lime=lime), 0)
        assert ("a weak explanation" in evidence) == weak

"""Sentences say what the numbers say."""

from dataclasses import replace

import numpy as np
import pytest

from models.labels import LABELS
from xai.render.text import in_words, kilohertz, odds, strongest_frame, strongest_patch
from xai.score import FIT, Score, Trust


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


@pytest.mark.parametrize(
    ("heard", "seen", "faces", "part"),
    [(True, False, True, "voice"), (False, True, True, "face"), (False, True, False, "picture"), (True, False, False, "voice")],
)
def test_who_alone_was_judged(sample_analysis, heard, seen, faces, part):
    """A model of the voice is shown a film, too; and a picture without a face is not called one."""
    a = sample_analysis
    video = a.features.video if faces else replace(a.features.video, faces=[None] * len(a.features.video.faces))
    alone = replace(a, features=replace(a.features, video=video), modalities=replace(a.modalities, has_audio=heard, has_video=seen))
    assert in_words(alone, 0)[1] == f"Only the {part} was judged."


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


GREEN, AMBER, RED = (Trust((Score(FIT, value),)) for value in (0.9, 0.6, 0.1))


@pytest.fixture
def both_places(sample_analysis):
    """A class for which the picture and the sound each have a strongest place, and these two places in words."""
    a = sample_analysis
    for target in range(8):
        evidence = in_words(a, target)[2]
        if "within the picture" in evidence and "within the sound" in evidence:
            seen, heard = evidence.removesuffix(".").split(": ")[1].split("; ")
            return a, target, seen, heard
    return pytest.fail("no class has both")


@pytest.mark.parametrize("trust", [None, {"gradcam": GREEN, "lime": AMBER}, {"gradcam": GREEN, "lime": GREEN, "shap": RED}])
def test_what_passed_or_was_not_asked_for_changes_no_word(both_places, trust):
    a, target, _, _ = both_places
    assert in_words(a, target, None, trust) == in_words(a, target)
    assert in_words(a, target, (target + 1) % 8, trust) == in_words(a, target, (target + 1) % 8)


@pytest.mark.parametrize(("failed", "name"), [("gradcam", "picture"), ("lime", "sound")])
def test_a_place_that_failed_its_checks_is_not_read_out(both_places, failed, name):
    a, target, seen, heard = both_places
    first, second, evidence = in_words(a, target, None, {"gradcam": GREEN, "lime": GREEN} | {failed: RED})
    assert [first, second] == in_words(a, target)[:2]
    gone, left = (seen, heard) if failed == "gradcam" else (heard, seen)
    assert gone not in evidence
    assert left in evidence
    assert evidence.endswith(f"Do not rely on what is marked in the {name}: checks failed.")


def test_where_both_failed_no_place_is_named(both_places):
    a, target, seen, heard = both_places
    evidence = in_words(a, target, None, {"gradcam": RED, "lime": RED})[2]
    assert evidence.startswith("No place that could be relied on")
    assert LABELS[target] in evidence
    assert "picture" in evidence
    assert "sound" in evidence
    assert not any(part in evidence for part in (seen, heard, "kHz", "face (", "The strongest evidence"))


def test_what_marks_nothing_is_not_said_to_have_failed(both_places):
    a, target, _, heard = both_places
    dark = replace(a, cam=replace(a.cam, maps=-np.abs(a.cam.maps)))
    evidence = in_words(dark, target, None, {"gradcam": RED, "lime": GREEN})[2]
    assert heard in evidence
    assert "Do not rely" not in evidence
    silent = replace(dark, lime=replace(a.lime, weights=-np.abs(a.lime.weights)))
    assert in_words(silent, target, None, {"gradcam": RED, "lime": RED})[2] == f"No single place speaks for {LABELS[target]}."


def test_what_is_still_being_checked_is_not_read_out_as_settled(sample_analysis):
    green = Trust((Score(FIT, 0.9),))
    sentence = {
        name: in_words(sample_analysis, sample_analysis.predicted, None, trust)[2]
        for name, trust in (("none", None), ("nothing yet", {}), ("sound", {"lime": green}), ("all", {"lime": green, "gradcam": green}))
    }
    assert sentence["nothing yet"].count("(not checked yet)") == 2
    picture, sound = sentence["sound"].split("; ")
    assert "not checked yet" in picture
    assert "not checked" not in sound
    assert sentence["all"] == sentence["none"]
    assert "not checked" not in sentence["all"]

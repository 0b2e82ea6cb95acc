"""Sentences say what the numbers say."""

from dataclasses import replace

import numpy as np
import pytest

from features import Modality
from models.labels import LABELS
from xai.analysis import Analysis
from xai.explanation import Attribution, Contrast
from xai.render.text import in_words, kilohertz, odds, place_of, strongest_frame, strongest_patch
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


def with_(analysis: Analysis, *attributions: Attribution) -> Analysis:
    """The analysis with other explanations by the same methods."""
    return replace(analysis, attributions={**analysis.attributions, **{a.method: a for a in attributions}})


def test_every_claim_has_its_figure(sample_analysis):
    a = sample_analysis
    for target in range(8):
        verdict, source, evidence = in_words(a, Contrast(target))
        assert (
            f"{LABELS[target]} ({odds(a.probabilities[target])})" in verdict
            or f"{LABELS[target]} {odds(a.probabilities[target])}" in verdict
        )
        shares = a.modalities.shares(target)
        strong = Modality.VIDEO if shares[Modality.VIDEO] >= shares[Modality.AUDIO] else Modality.AUDIO
        assert source.startswith(f"The {strong.noun} weighs most ({max(shares.values()):.0%})")
        value = a.modalities.contribution(strong)[target]
        assert source.split(";")[0].endswith(f"speaks {'for' if value > 0 else 'against'} {LABELS[target]}")
        lime, cam = a.attributions["lime"], a.attributions["gradcam"]
        t0, t1, hz0, hz1 = lime.parts.segments[lime.values[target].argmax()]
        assert f"{kilohertz(hz0, hz1)} between {t0:.1f} s and {t1:.1f} s" in evidence
        frame = cam.values[target].max(axis=(1, 2)).argmax()
        if cam.values[target].max() > 0:
            assert f"at {a.features.video.times[frame]:.1f} s" in evidence


@pytest.mark.parametrize(
    ("heard", "seen", "faces", "part"),
    [(True, False, True, "voice"), (False, True, True, "face"), (False, True, False, "picture"), (True, False, False, "voice")],
)
def test_who_alone_was_judged(sample_analysis, heard, seen, faces, part):
    """A model of the voice is shown a film, too; and a picture without a face is not called one."""
    a = sample_analysis
    video = a.features.video if faces else replace(a.features.video, faces=[None] * len(a.features.video.faces))
    present = frozenset(m for m, there in ((Modality.AUDIO, heard), (Modality.VIDEO, seen)) if there)
    film = replace(a.subject, features=a.features.with_part(Modality.VIDEO, video))
    alone = replace(a, subject=film, modalities=replace(a.modalities, present=present))
    assert in_words(alone, Contrast(0))[1] == f"Only the {part} was judged."


def test_never_says_that_a_person_is(sample_analysis):
    for target in range(8):
        text = " ".join(in_words(sample_analysis, Contrast(target, (target + 1) % 8)))
        assert "person" not in text
        assert " is sad" not in text


def test_a_comparison_speaks_of_the_comparison(sample_analysis):
    a = sample_analysis
    for target, against in ((0, 1), (6, 5), (4, 2)):
        _, source, evidence = in_words(a, Contrast(target, against))
        gains = {modality: a.modalities.contribution(modality) for modality in Modality}
        values = {modality.noun: gain[target] - gain[against] for modality, gain in gains.items()}
        strong = max(values, key=lambda name: abs(values[name]))
        side = "for" if values[strong] > 0 else "against"
        assert f"The {strong} weighs most" in source
        assert f"speaks {side} {LABELS[target]} rather than {LABELS[against]}" in source
        assert f"for {LABELS[target]} rather than {LABELS[against]}" in evidence


def test_a_weak_surrogate_is_called_weak(sample_analysis):
    for quality, weak in ((0.49, True), (0.51, False)):
        lime = replace(sample_analysis.attributions["lime"], extras={"r2": np.full(8, quality)})
        (*_, evidence) = in_words(with_(sample_analysis, lime), Contrast(0))
        assert ("a weak explanation" in evidence) == weak


GREEN, AMBER, RED = (Trust((Score(FIT, value),)) for value in (0.9, 0.6, 0.1))


@pytest.fixture
def both_places(sample_analysis):
    """A class for which the picture and the sound each have a strongest place, and these two places in words."""
    a = sample_analysis
    for target in range(8):
        evidence = in_words(a, Contrast(target))[2]
        if "within the picture" in evidence and "within the sound" in evidence:
            seen, heard = evidence.removesuffix(".").split(": ")[1].split("; ")
            return a, Contrast(target), seen, heard
    return pytest.fail("no class has both")


@pytest.mark.parametrize("trust", [None, {"gradcam": GREEN, "lime": AMBER}, {"gradcam": GREEN, "lime": GREEN, "shap": RED}])
def test_what_passed_or_was_not_asked_for_changes_no_word(both_places, trust):
    a, alone, _, _ = both_places
    rather = Contrast(alone.target, (alone.target + 1) % 8)
    for contrast in (alone, rather):
        assert in_words(a, contrast, trust) == in_words(a, contrast)


@pytest.mark.parametrize(("failed", "name"), [("gradcam", "picture"), ("lime", "sound")])
def test_a_place_that_failed_its_checks_is_not_read_out(both_places, failed, name):
    a, contrast, seen, heard = both_places
    first, second, evidence = in_words(a, contrast, {"gradcam": GREEN, "lime": GREEN} | {failed: RED})
    assert [first, second] == in_words(a, contrast)[:2]
    gone, left = (seen, heard) if failed == "gradcam" else (heard, seen)
    assert gone not in evidence
    assert left in evidence
    assert evidence.endswith(f"Do not rely on what is marked in the {name}: checks failed.")


def test_where_both_failed_no_place_is_named(both_places):
    a, contrast, seen, heard = both_places
    evidence = in_words(a, contrast, {"gradcam": RED, "lime": RED})[2]
    assert evidence.startswith("No place that could be relied on")
    assert contrast.label in evidence
    assert "picture" in evidence
    assert "sound" in evidence
    assert not any(part in evidence for part in (seen, heard, "kHz", "face (", "The strongest evidence"))


def test_what_marks_nothing_is_not_said_to_have_failed(both_places):
    a, contrast, _, heard = both_places
    dark, mute = (replace(a.attributions[key], values=-np.abs(a.attributions[key].values)) for key in ("gradcam", "lime"))
    evidence = in_words(with_(a, dark), contrast, {"gradcam": RED, "lime": GREEN})[2]
    assert heard in evidence
    assert "Do not rely" not in evidence
    said = in_words(with_(a, dark, mute), contrast, {"gradcam": RED, "lime": RED})[2]
    assert said == f"No single place speaks for {contrast.label}."


def test_what_is_still_being_checked_is_not_read_out_as_settled(sample_analysis):
    green = Trust((Score(FIT, 0.9),))
    sentence = {
        name: in_words(sample_analysis, Contrast(sample_analysis.predicted), trust)[2]
        for name, trust in (("none", None), ("nothing yet", {}), ("sound", {"lime": green}), ("all", {"lime": green, "gradcam": green}))
    }
    assert sentence["nothing yet"].count("(not checked yet)") == 2
    picture, sound = sentence["sound"].split("; ")
    assert "not checked yet" in picture
    assert "not checked" not in sound
    assert sentence["all"] == sentence["none"]
    assert "not checked" not in sentence["all"]


def test_of_several_methods_of_one_panel_those_in_the_foreground_are_read_out(sample_analysis):
    """A person who looks at Occlusion is told what Occlusion marks, and what failed its checks by that name of its panel."""
    a, contrast = sample_analysis, Contrast(sample_analysis.predicted)
    cam = a.attributions["gradcam"]
    values = np.zeros_like(cam.values)
    values[:, -1, 0, 3] = 1.0  # the brows, in the last frame
    with_more = with_(a, replace(cam, method="occlusion", values=values))
    place = f"the upper face (brows and eyes) at {a.features.video.times[-1]:.1f} s"
    assert place not in in_words(with_more, contrast)[2]
    assert in_words(with_more, contrast) == in_words(a, contrast)
    evidence = in_words(with_more, contrast, shown=["occlusion"])[2]
    assert evidence == f"The strongest evidence for {contrast.label}: within the picture, {place}."
    failed = in_words(with_more, contrast, {"occlusion": RED, "gradcam": GREEN, "lime": GREEN}, ["occlusion", "lime"])[2]
    assert place not in failed
    assert "within the sound" in failed
    assert failed.endswith("Do not rely on what is marked in the picture: checks failed.")


def test_weights_have_no_place(sample_analysis):
    a = sample_analysis
    assert place_of(a, a.attributions["shap"], Contrast(a.predicted)) == ""

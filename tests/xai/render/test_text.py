"""Sentences say what the numbers say."""

from dataclasses import replace

import numpy as np
import pytest

from features import Modality
from models.labels import LABELS
from xai.analysis import Analysis
from xai.explanation import Attribution, Contrast
from xai.metrics.measures import FIT
from xai.modality_split import ModalitySplit
from xai.model_level.second_opinion import Opinion
from xai.quality.checks import QualityCheck
from xai.render.text import cautions, in_one_line, in_words, kilohertz, odds, place_of, strongest_frame, strongest_patch
from xai.score import Level, Score, Trust


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
        side = "for" if a.modalities.contribution(strong)[target] > 0 else "against"
        if max(shares.values()) > 0.55:
            assert source.startswith(
                f"The {strong.noun} weighs most ({100 * max(shares.values()):.0f} %) and speaks {side} {LABELS[target]};"
            )
        else:
            assert source.startswith("Face and voice weigh about equally")
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


def split_of(voice: float, face: float, verdicts: tuple[str, str] = ("sad", "fearful"), target: int = 0) -> ModalitySplit:
    """Voice and face add that much to the target, and name these when alone."""
    alone = [np.eye(8)[LABELS.index(label)] for label in verdicts]
    values = {frozenset(): np.zeros(8), frozenset({Modality.AUDIO}): alone[0], frozenset({Modality.VIDEO}): alone[1]}
    values[frozenset(Modality)] = np.full(8, voice + face)
    values[frozenset({Modality.AUDIO})][target], values[frozenset({Modality.VIDEO})][target] = voice, face
    return ModalitySplit(values, frozenset(Modality))


@pytest.mark.parametrize(
    ("voice", "face", "verdicts", "words"),
    [
        (0.29, 0.71, ("sad", "fearful"), "The face weighs most (71 %) and speaks for angry; the voice speaks for it"),
        (0.51, 0.49, ("sad", "fearful"), "Face and voice weigh about equally and speak for angry"),
        (-0.51, -0.49, ("sad", "fearful"), "Face and voice weigh about equally and speak against angry"),
        (-0.51, 0.49, ("sad", "fearful"), "Face and voice weigh about equally: the voice speaks against angry, the face for it"),
        (0.56, 0.44, ("sad", "fearful"), "The voice weighs most (56 %) and speaks for angry; the face speaks for it"),
        (0.0, 0.0, ("sad", "fearful"), "Face and voice add nothing to angry"),
        (0.29, 0.71, ("sad", "sad"), "The face weighs most (71 %) and speaks for angry; the voice speaks for it"),
    ],
)
def test_what_weighs_about_the_same_is_not_called_the_most(sample_analysis, voice, face, verdicts, words):
    a = replace(sample_analysis, modalities=split_of(voice, face, verdicts))
    alone = "both, alone, say sad" if verdicts == ("sad", "sad") else "alone, the face would be fearful and the voice sad"
    assert in_words(a, Contrast(0))[1] == f"{words} ({alone})."


def test_what_is_still_being_checked_is_not_read_out(both_places):
    a, contrast, seen, heard = both_places
    said = {
        name: in_words(a, contrast, trust)[2]
        for name, trust in (
            ("none", None),
            ("nothing yet", {}),
            ("sound", {"lime": GREEN}),
            ("sound failed", {"lime": RED}),
            ("heat", {"gradcam": GREEN}),
            ("all", {"lime": GREEN, "gradcam": GREEN}),
        )
    }
    assert said["nothing yet"] == "The heat and patches of sound are still being checked."
    assert said["sound"] == f"The strongest evidence for {contrast.label}: {heard}. The heat is still being checked."
    assert said["sound failed"] == "Do not rely on what is marked in the sound: checks failed. The heat is still being checked."
    assert said["heat"] == f"The strongest evidence for {contrast.label}: {seen}. The patches of sound are still being checked."
    assert said["all"] == said["none"]
    assert "checked" not in said["all"]


def test_technical_words_name_the_method_and_its_fit_and_plain_ones_neither(both_places):
    a, contrast, seen, heard = both_places
    plain, technical = (in_words(a, contrast, technical=chosen) for chosen in (False, True))
    assert plain[:2] == technical[:2]
    r2 = a.attributions["lime"].extras["r2"][contrast.target]
    places = f"{seen} (by Grad-CAM); {heard} (by LIME, R² {r2:.2f})"
    assert technical[2] == f"The strongest evidence for {contrast.label}: {places}."
    assert not [word for word in ("MFCC", "logit", "R²", "LIME", "SHAP", "Grad-CAM") if word in " ".join(plain)]


def test_the_fit_that_is_told_stays_on_its_side_of_the_threshold(both_places):
    a, contrast, *_ = both_places
    lime = replace(a.attributions["lime"], extras={"r2": np.full(8, 0.4996)})
    assert "a weak explanation (by LIME, R² 0.4996)" in in_words(with_(a, lime), contrast, technical=True)[2]


def as_sure_as_it_is(analysis: Analysis) -> Analysis:
    """Nothing is lowered."""
    return replace(analysis, subject=replace(analysis.subject, model=replace(analysis.model, softening=1.0)))


def with_checks(analysis: Analysis, *levels: Level) -> Analysis:
    analysis = as_sure_as_it_is(analysis)
    checks = [QualityCheck(f"check {k}", "face", level, 0.0, f"check {k}.") for k, level in enumerate(levels)]
    return replace(analysis, checks=tuple(checks))


def test_the_first_caution_is_the_gravest(sample_analysis):
    a = with_checks(sample_analysis, Level.GREEN, Level.AMBER, Level.RED)
    calm = replace(a, modalities=split_of(0.3, 0.3, ("sad", "sad")))
    assert not calm.should_be_asked
    assert cautions(calm)[1:] == ["face: check 2.", "face: check 1.", *a.warnings]
    assert cautions(calm)[0].startswith("The model should not be asked this")
    split = replace(calm.modalities, coalitions={**calm.modalities.coalitions, frozenset(): np.full(8, 0.5)})
    torn = replace(with_checks(calm, Level.GREEN, Level.AMBER), modalities=replace(split, coalitions={**split.coalitions, **DISAGREE}))
    disagree, nothing, check, *_ = cautions(torn)
    assert disagree.startswith("Voice and face disagree")
    assert nothing.startswith(f"With nothing to see or hear this model would say {a.label} too (50 of 100)")
    assert check == "face: check 1."
    assert cautions(with_checks(calm, Level.GREEN)) == list(a.warnings)


OPINION = Opinion("av-tokens", "Second by second", "both", "sad", 0.62, 0.75, agrees=True)


def test_another_model_that_disagrees_comes_after_an_unfit_recording_and_before_everything_else(sample_analysis):
    second = replace(OPINION, agrees=False)
    a = replace(with_checks(sample_analysis, Level.AMBER, Level.RED), modalities=replace(split_of(0.3, 0.3), present=frozenset(Modality)))
    before = cautions(a)
    assert [words.split()[0] for words in before[:4]] == ["The", "face:", "Voice", "face:"]
    words = "Another model disagrees: Second by second recognises sad, about 6 in 10. Look at both before you rely on either."
    assert cautions(a, second) == [*before[:2], words, *before[2:]]
    assert cautions(a, OPINION) == before


def test_one_that_merely_guesses_disagrees_with_nobody(sample_analysis):
    guess = replace(OPINION, agrees=False, probability=0.14)
    assert in_one_line(guess) == "Second opinion: Second by second, the most accurate on unseen voices and faces (75 %), is undecided."
    assert cautions(sample_analysis, guess) == cautions(sample_analysis)
    assert replace(guess, probability=0.26).disagrees


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({}, "the most accurate on unseen voices and faces (75 %), recognises sad too"),
        (
            {"agrees": False, "state": "voice"},
            "the most accurate on unseen voices (75 %), recognises sad instead",
        ),
        (
            {"rank": 2, "state": "face"},
            "one of the most accurate on unseen faces (75 %), recognises sad too",
        ),
    ],
)
def test_a_second_opinion_in_one_line(change, words):
    second = replace(OPINION, **change)
    assert in_one_line(second) == f"Second opinion: Second by second, {words}, about 6 in 10."
    assert in_one_line(second, markdown=True).replace("*", "") == in_one_line(second)
    assert "*Second by second*" in in_one_line(second, markdown=True)
    assert "**sad**" in in_one_line(second, markdown=True)


DISAGREE = {frozenset({Modality.AUDIO}): np.eye(8)[6], frozenset({Modality.VIDEO}): np.eye(8)[3]}


def test_of_several_methods_of_one_panel_those_in_the_foreground_are_read_out(sample_analysis):
    """A person who looks at Occlusion reads what Occlusion marks, and what failed its checks by that name of its panel."""
    a, contrast = sample_analysis, Contrast(sample_analysis.predicted)
    cam = a.attributions["gradcam"]
    values = np.zeros_like(cam.values)
    values[:, -1, 0, 3] = 1.0  # the brows, in the last frame
    with_more = with_(a, replace(cam, method="occlusion", values=values))
    place = f"the upper face (brows and eyes) at {a.features.video.times[-1]:.1f} s"
    assert place not in in_words(with_more, contrast)[2]
    assert in_words(with_more, contrast) == in_words(a, contrast)
    evidence = in_words(with_more, contrast, shown=["occlusion"])[2]
    assert evidence == f"The strongest evidence for {contrast.label}: within the picture, {place} (by Occlusion)."
    failed = in_words(with_more, contrast, {"occlusion": RED, "gradcam": GREEN, "lime": GREEN}, ["occlusion", "lime"])[2]
    assert place not in failed
    assert "within the sound" in failed
    assert failed.endswith("Do not rely on what is marked in the picture: checks failed.")


def test_weights_have_no_place(sample_analysis):
    a = sample_analysis
    assert place_of(a, a.attributions["shap"], Contrast(a.predicted)) == ""

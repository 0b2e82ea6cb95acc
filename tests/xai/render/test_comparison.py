"""What is said about two models is what their numbers say."""

from dataclasses import replace

import numpy as np
import pytest

from features import Modality
from models.labels import LABELS, label_index
from xai.explanation import Contrast
from xai.render.comparison import differences, strongest_sound
from xai.render.text import kilohertz, odds

TITLES = ("first", "second")


def with_probabilities(analysis, **named):
    p = np.full(8, (1 - sum(named.values())) / (8 - len(named)))
    for label, value in named.items():
        p[label_index(label)] = value
    return replace(analysis, probabilities=p)


def test_two_verdicts_and_the_emotion_on_which_they_differ_most(sample_analysis):
    first, second = with_probabilities(sample_analysis, sad=0.7, calm=0.1), with_probabilities(sample_analysis, sad=0.2, calm=0.5)
    lines = differences(first, second, TITLES)
    assert lines[0] == f"first recognises sad ({odds(0.7)}), second recognises calm ({odds(0.5)})."
    assert lines[1] == f"They differ most on sad: first gives it {odds(0.7)}, second {odds(0.2)}."


def test_the_larger_one_is_named_first(sample_analysis):
    first, second = with_probabilities(sample_analysis, happy=0.3, sad=0.4), with_probabilities(sample_analysis, happy=0.8, sad=0.1)
    assert f"second gives it {odds(0.8)}, first {odds(0.3)}" in differences(first, second, TITLES)[1]


def test_models_that_agree_are_said_to_agree(sample_analysis):
    lines = differences(sample_analysis, sample_analysis, TITLES)
    assert lines[0].startswith(f"Both recognise {sample_analysis.label}")
    assert not any("differ most" in line for line in lines)


def test_the_reason_is_the_larger_share(sample_analysis):
    shares = sample_analysis.modalities.shares(sample_analysis.predicted)
    strong = "face" if shares[Modality.VIDEO] >= shares[Modality.AUDIO] else "voice"
    line = differences(sample_analysis, sample_analysis, TITLES)[1]
    assert max(shares.values()) > 0.55
    assert f"For first, the {strong} weighs most ({100 * max(shares.values()):.0f} %) and speaks for" in line


def test_the_strongest_sound_is_the_patch_of_largest_weight(sample_analysis):
    lime, target = sample_analysis.attributions["lime"], sample_analysis.predicted
    t0, t1, hz0, hz1 = lime.parts.segments[int(lime.values[target].argmax())]
    place = f"Sound at {kilohertz(hz0, hz1)}, from {t0:.1f} s to {t1:.1f} s, speaks most for"
    assert strongest_sound(lime, Contrast(target)) == f"{place} {LABELS[target]}."
    nothing = replace(lime, values=-np.abs(lime.values))
    assert strongest_sound(nothing, Contrast(target)) == f"No part of the sound speaks for {LABELS[target]}."


def test_the_strongest_sound_of_a_comparison_is_that_of_the_difference(sample_analysis):
    lime = sample_analysis.attributions["lime"]
    t0, t1, hz0, hz1 = lime.parts.segments[int((lime.values[6] - lime.values[4]).argmax())]
    place = f"Sound at {kilohertz(hz0, hz1)}, from {t0:.1f} s to {t1:.1f} s, speaks most for"
    assert strongest_sound(lime, Contrast(6, 4)) == f"{place} sad rather than happy."


def test_a_model_without_a_face_says_so(sample):
    from models.checkpoint import load_model
    from xai.analysis import analyse

    voice = analyse(sample[0], None, model=load_model("voice"))
    assert "second judges the voice alone" in " ".join(differences(voice, voice, TITLES))


@pytest.mark.parametrize("close", [0.05, 0.09])
def test_a_small_difference_is_none(sample_analysis, close):
    first, second = with_probabilities(sample_analysis, sad=0.5), with_probabilities(sample_analysis, sad=0.5 + close)
    assert not any("differ most" in line for line in differences(first, second, TITLES))

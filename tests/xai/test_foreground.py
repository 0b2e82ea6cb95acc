"""What is shown, and what is computed beside it: pure decisions over what is known of each explanation."""

from dataclasses import replace

import numpy as np
import pytest

from tests.xai.planted import TARGET, marked_face
from xai.analysis import Analysis
from xai.explanation import Attribution, Contrast, FrameCells, Panel
from xai.foreground import awaited, foreground, in_background, with_stand_ins
from xai.methods import METHODS
from xai.metrics.measures import FAITHFULNESS
from xai.score import Score, Trust

GREEN, AMBER, RED = (Trust((Score(FAITHFULNESS, value),)) for value in (0.3, 0.05, -0.1))


@pytest.fixture(scope="module")
def face() -> Analysis:
    """A face without a voice, with what is there at once: Grad-CAM and SHAP."""
    return marked_face(0).analysis


def occluded(analysis: Analysis, key: str = "occlusion") -> Analysis:
    """The same with one more heat."""
    heat = Attribution(key, np.zeros_like(analysis.attributions["gradcam"].values), FrameCells())
    return replace(analysis, attributions={**analysis.attributions, key: heat})


def test_levels_of_the_table_are_what_they_are_called():
    assert [trust.level for trust in (GREEN, AMBER, RED)] == ["green", "amber", "red"]


@pytest.mark.parametrize(
    ("computed", "trust", "shown"),
    [
        (False, {}, "gradcam"),
        (True, {}, "gradcam"),
        (True, {"occlusion": GREEN}, "gradcam"),
        (True, {"gradcam": GREEN, "occlusion": GREEN}, "gradcam"),
        (True, {"gradcam": AMBER, "occlusion": GREEN}, "gradcam"),
        (False, {"gradcam": RED}, "gradcam"),
        (True, {"gradcam": RED}, "gradcam"),
        (False, {"gradcam": RED, "occlusion": GREEN}, "gradcam"),
        (True, {"gradcam": RED, "occlusion": RED}, "gradcam"),
        (True, {"gradcam": RED, "occlusion": AMBER}, "occlusion"),
        (True, {"gradcam": RED, "occlusion": GREEN}, "occlusion"),
    ],
)
def test_a_stand_in_takes_the_place_of_what_fails_once_it_is_known_to_hold(face, computed, trust, shown):
    assert foreground(occluded(face) if computed else face, trust)[Panel.SAW] == shown


@pytest.mark.parametrize(
    ("trust", "expected"),
    [
        ({}, None),
        ({"gradcam": GREEN}, None),
        ({"gradcam": RED}, "occlusion"),
        ({"gradcam": RED, "occlusion": RED}, None),
        ({"gradcam": RED, "occlusion": GREEN}, None),
    ],
)
def test_a_stand_in_is_awaited_until_it_is_checked(face, trust, expected):
    assert awaited(face, "gradcam", trust) == expected
    assert awaited(face, "occlusion", {"occlusion": RED}) is None  # nothing stands in for it


@pytest.mark.parametrize("trust", [{}, {"gradcam": RED, "occlusion": GREEN}, {"gradcam": GREEN, "rise": RED}])
def test_the_readers_choice_is_shown_whatever_its_checks_say(face, trust):
    """As soon as it is there."""
    for key in ("gradcam", "rise"):
        there = occluded(occluded(face), "rise")
        assert foreground(there, trust, {Panel.SAW: key})[Panel.SAW] == key
    assert foreground(face, trust, {Panel.SAW: "rise"})[Panel.SAW] == foreground(face, trust)[Panel.SAW]
    assert foreground(face, {}, {Panel.SAW: "shap"}) == {Panel.SAW: "gradcam", Panel.WEIGHED: "shap"}  # of another panel


def test_a_panel_without_an_explanation_is_left_out(face):
    assert foreground(face, {}) == {Panel.SAW: "gradcam", Panel.WEIGHED: "shap"}
    assert foreground(replace(face, attributions={}), {}) == {}
    assert foreground(face, {"shap": RED})[Panel.WEIGHED] == "shap"  # nothing stands in for it


def test_the_heat_comes_first_and_its_first_stand_in_whether_or_not_it_is_needed(face, sample_analysis):
    assert in_background(sample_analysis, {}) == ["gradcam", "layercam3", "lime", "shap", "shap_face"]
    assert in_background(face, {}) == ["gradcam", "occlusion", "shap", "shap_face"]  # another network, without such a layer
    chosen = {Panel.SAW: "rise", Panel.WEIGHED: "integrated_gradients"}
    assert in_background(face, {}, chosen) == ["rise", "gradcam", "occlusion", "integrated_gradients", "shap", "shap_face"]
    assert in_background(occluded(face, "layercam"), {})[-1] == "layercam"  # what was computed is checked
    assert in_background(replace(face, attributions={}), {}) == ["gradcam", "shap"]  # where nothing is there at once, the first of each


@pytest.mark.parametrize(
    ("first", "second", "shown", "coming", "asked"),
    [
        (None, None, "gradcam", "layercam3", ["layercam3"]),
        (GREEN, None, "layercam3", None, ["layercam3"]),
        (RED, None, "gradcam", "occlusion", ["layercam3", "occlusion"]),
        (RED, GREEN, "occlusion", None, ["layercam3", "occlusion"]),
        (RED, RED, "gradcam", None, ["layercam3", "occlusion"]),
        (GREEN, GREEN, "layercam3", None, ["layercam3"]),
    ],
)
def test_the_first_stand_in_that_holds_is_shown_and_the_next_is_asked_where_it_does_not(
    sample_analysis, first, second, shown, coming, asked
):
    known = {"gradcam": RED, "layercam3": first, "occlusion": second}
    trust = {key: own for key, own in known.items() if own is not None}
    there = occluded(occluded(sample_analysis), "layercam3")
    assert foreground(there, trust)[Panel.SAW] == shown
    assert awaited(there, shown, trust) == coming
    assert [key for key in in_background(sample_analysis, trust) if key in ("layercam3", "occlusion")] == asked


def test_a_stand_in_that_fails_gives_way_to_the_next(sample_analysis, monkeypatch):
    checked = []
    monkeypatch.setattr("xai.foreground.check_one", lambda analysis, key, *_: checked.append(key) or (RED if key == "layercam3" else GREEN))
    monkeypatch.setattr(type(METHODS["occlusion"]), "explain", lambda *_: occluded(sample_analysis).attributions["occlusion"])
    found, trust = with_stand_ins(sample_analysis, {"gradcam": RED}, Contrast(TARGET))
    assert checked == ["layercam3", "occlusion"]
    assert foreground(found, trust)[Panel.SAW] == "occlusion"
    checked.clear()
    assert with_stand_ins(sample_analysis, {"gradcam": RED, "layercam3": GREEN}, Contrast(TARGET))[1].keys() == {"gradcam", "layercam3"}
    assert not checked


def test_without_a_face_nothing_is_drawn_on_one(sample_analysis):
    from features import Modality
    from xai.analysis import explain

    features = sample_analysis.features.with_part(Modality.VIDEO, None)
    voice = explain(replace(sample_analysis.subject, features=features))
    assert in_background(voice, {}, {Panel.SAW: "rise"}) == ["lime", "shap"]
    assert foreground(voice, {"gradcam": RED}) == {Panel.HEARD: "lime", Panel.WEIGHED: "shap"}


def test_what_fails_gets_its_stand_in_with_its_own_checks(face):
    found, trust = with_stand_ins(face, {"gradcam": RED, "shap": RED}, Contrast(TARGET))
    assert set(found.attributions) == {*face.attributions, "occlusion"}
    assert set(trust) == {"gradcam", "shap", "occlusion"}
    expected = METHODS["occlusion"].explain(face.subject).values
    assert np.allclose(found.attributions["occlusion"].values, expected)
    assert trust["occlusion"].of("faithfulness").value > 0.1
    assert foreground(found, trust)[Panel.SAW] == "occlusion"
    for fine in ({}, {"gradcam": GREEN}, {"gradcam": AMBER, "shap": GREEN}):
        assert with_stand_ins(face, fine, Contrast(TARGET)) == (face, fine)


def test_what_stands_in_and_what_is_drawn_belong_to_methods_of_a_panel():
    for method in METHODS.values():
        for key in method.stand_ins:
            assert METHODS[key].panel is method.panel
            assert key != method.key
        if method.picture:
            assert METHODS[method.picture].panel is Panel.SAW
    assert METHODS["gradcam"].stand_ins == ("layercam3", "occlusion")

"""The SHAP values of the face on the face: nothing is lost, a planted cause is marked, and a picture that is wrong gets a red badge."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from features import Modality
from tests.xai.conftest import subject_of
from tests.xai.planted import TARGET, marked_face
from xai.analysis import check_one
from xai.explanation import Contrast, FrameCells
from xai.methods import METHODS
from xai.methods.shap import face_picture, feature_values


class NoPass:
    """A backbone that must not be asked."""

    name = "none"

    def maps(self, pictures: np.ndarray) -> np.ndarray:
        raise AssertionError("a pass through the face network")


def test_it_is_the_face_picture_of_each_class_without_a_pass(random_features, any_model):
    subject = subject_of(random_features, any_model, NoPass())
    found, (values, _) = METHODS["shap_face"].explain(subject), feature_values(subject)
    faces = any_model.space.part(values, Modality.VIDEO)
    assert isinstance(found.parts, FrameCells)
    assert found.values.shape == (8, 3, 7, 7)
    for k in range(8):
        assert_allclose(found.values[k], face_picture(faces[k], random_features.video.maps), atol=1e-5)
    assert_allclose(found.values.sum(axis=(1, 2, 3)), faces.sum(axis=1), atol=1e-4)
    assert not found.values[:, 1].any()  # no face there


def test_the_seed_of_the_library_reaches_it_and_not_its_checks(random_features, random_model):
    """Which random orders it is held to must not depend on it: they are shared with all other heat."""
    subject = subject_of(random_features, random_model, NoPass(), estimator="shap")
    first, other = (METHODS["shap_face"].explain(subject, seed) for seed in (0, 1))
    assert np.abs(first.values - other.values).max() > 0
    assert_array_equal(first.values, METHODS["shap_face"].explain(subject, 0).values)
    assert "seed" not in first.settings


def test_no_face_no_picture(voice, any_model):
    assert not METHODS["shap_face"].applies(subject_of(voice, any_model))
    assert METHODS["shap_face"].modality is Modality.VIDEO


@pytest.mark.parametrize("seed", [0, 1])
def test_a_planted_cause_is_marked_and_badged_and_its_opposite_is_refused(seed):
    analysis = marked_face(seed).analysis.with_attribution("shap_face")
    found = analysis.attributions["shap_face"]
    assert int(found.heat(Contrast(TARGET)).argmax()) in marked_face(seed).cause
    trust = check_one(analysis, "shap_face", Contrast(TARGET))
    assert trust.of("faithfulness").level == "green"
    wrong = replace(analysis, attributions={"shap_face": replace(found, values=-found.values)})
    assert check_one(wrong, "shap_face", Contrast(TARGET)).level == "red"

"""Integrated Grad-CAM: complete along its path, Grad-CAM where the classifier is linear, and the planted cause."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from features import Modality
from tests.xai.conftest import subject_of
from tests.xai.planted import TARGET, marked_face
from xai.explanation import Contrast
from xai.masking import face_logits
from xai.methods import METHODS
from xai.methods.integrated_gradcam import averaged_gradients


def test_the_averaged_gradient_times_the_way_is_the_difference_of_the_logits(random_features, any_model):
    """Completeness (Sundararajan et al. 2017), and no gradient at one end of the way has it."""
    subject = subject_of(random_features, any_model)
    rows = random_features.video.frame_vectors
    start = np.broadcast_to(any_model.space.part(any_model.standardise.mean, Modality.VIDEO), rows.shape)
    first, last = face_logits(subject, np.stack([start, rows]))
    found = np.einsum("cmk,mk->c", averaged_gradients(subject, 100), rows - start)
    assert_allclose(found, last - first, atol=0.03 * np.abs(last - first).max())
    end = np.einsum("cmk,mk->c", any_model.frame_gradients(subject.inputs), rows - start)
    assert np.abs(end - (last - first)).max() > 0.1 * np.abs(last - first).max()


def test_the_maps_are_weighed_by_it(random_features, any_model):
    subject, video = subject_of(random_features, any_model), random_features.video
    found, gradients = METHODS["integrated_gradcam"].explain(subject).values, averaged_gradients(subject)
    for row, frame in enumerate((0, 2)):
        expected = np.tensordot(gradients[5, row], video.maps[frame], 1) / 49
        assert_allclose(found[5, frame], expected, atol=1e-4 * np.abs(expected).max())
    assert not found[:, 1].any()  # no face there


def test_it_is_gradcam_where_the_gradient_is_the_same_everywhere(random_features, random_model):
    torch.manual_seed(0)
    linear = replace(random_model, classifier=torch.nn.Linear(552, 8).requires_grad_(False))
    ours, cam = (METHODS[key].explain(subject_of(random_features, linear)).values for key in ("integrated_gradcam", "gradcam"))
    assert_allclose(ours, cam, atol=1e-5 * np.abs(cam).max())
    bent = [METHODS[key].explain(subject_of(random_features, random_model)).values for key in ("integrated_gradcam", "gradcam")]
    assert np.abs(bent[0] - bent[1]).max() > 0.05 * np.abs(bent[1]).max()


@pytest.mark.parametrize("seed", range(4))
def test_finds_a_planted_patch(seed):
    planted = marked_face(seed)
    found = METHODS["integrated_gradcam"].explain(planted.analysis.subject)
    assert int(found.heat(Contrast(TARGET)).argmax()) in planted.cause

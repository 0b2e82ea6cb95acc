"""Grad-CAM from the first pass against pytorch-grad-cam run end to end."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose

from features import Modality
from tests.untrained import Difference
from tests.xai.conftest import subject_of
from xai.explanation import Contrast
from xai.methods import METHODS
from xai.methods.gradcam import class_activation
from xai.methods.pytorch_grad_cam import library_maps


def test_equals_pytorch_grad_cam_end_to_end(random_features, any_model, backbone):
    ours = class_activation(random_features, any_model)
    theirs = library_maps(subject_of(random_features, any_model, backbone))
    assert np.abs(theirs).max(axis=(1, 2, 3)).min() > 0
    assert_allclose(ours, theirs, atol=1e-4 * np.abs(theirs).max())


def test_equals_pytorch_grad_cam_on_the_shipped_model(sample_analysis):
    theirs = library_maps(sample_analysis.subject)
    assert_allclose(sample_analysis.attributions["gradcam"].values, theirs, atol=1e-4 * np.abs(theirs).max())


def test_mean_of_the_maps_is_the_directional_derivative(random_features, random_model):
    """Σ maps = Σ_k ∂logit/∂feature_k · feature_k: what scaling the face's features by 1 + ε adds, per ε."""
    maps = class_activation(random_features, random_model)
    video, eps = random_features.video, 1e-3
    changed = [random_features.with_part(Modality.VIDEO, replace(video, maps=(1 + s * eps) * video.maps)) for s in (1, -1)]
    expected = np.subtract(*(random_model.predict(features) for features in changed)) / (2 * eps)
    assert_allclose(maps.sum(axis=(1, 2, 3)), expected, rtol=2e-2, atol=2e-2)


def test_heat_is_the_gradient_spread_over_the_map(random_features, any_model):
    """Σ map = Σ_k ∂logit/∂feature_k · feature_k, frame by frame; each map is a sum of layer4's, weighted by the gradient ÷ 49."""
    maps = class_activation(random_features, any_model)
    gradients = any_model.frame_gradients(any_model.encode(random_features))
    video = random_features.video
    assert maps.shape == (8, 3, 7, 7)
    for row, frame in enumerate((0, 2)):
        wanted = gradients[:, row] @ video.maps[frame].mean(axis=(1, 2))
        assert_allclose(maps[:, frame].sum(axis=(1, 2)), wanted, rtol=1e-3, atol=1e-4)
        one = np.tensordot(gradients[3, row], video.maps[frame], 1) / 49
        assert_allclose(maps[3, frame], one, atol=1e-4 * np.abs(one).max())


def test_frames_without_a_face_stay_dark(random_features, any_model):
    maps = class_activation(random_features, any_model)
    assert not maps[:, 1].any()
    assert maps[:, [0, 2]].any(axis=(2, 3)).all()


def test_contrast_is_the_difference_and_keeps_both_signs(random_features, random_model):
    cam = METHODS["gradcam"].explain(subject_of(random_features, random_model))
    maps, heat = cam.values, cam.heat(Contrast(0, 1))
    assert_allclose(heat * np.abs(maps[0] - maps[1]).max(), maps[0] - maps[1], atol=1e-6)
    assert heat.min() < 0 < heat.max()
    assert cam.heat(Contrast(0)).min() == 0
    assert cam.heat(Contrast(0)).max() == 1
    assert_allclose(cam.of(Contrast(0)), maps[0], atol=0)  # what is drawn is cut, the evidence is not


@pytest.mark.parametrize("pair", [(0, 1), (6, 2)])
def test_contrast_is_the_explanation_of_the_difference(random_features, any_model, pair):
    difference = replace(any_model, classifier=Difference(any_model.classifier, *pair))
    both = METHODS["gradcam"].explain(subject_of(random_features, any_model)).of(Contrast(*pair))
    assert_allclose(class_activation(random_features, difference)[5], both, atol=1e-4 * np.abs(both).max())


def test_no_video_no_map(voice, any_model):
    assert not METHODS["gradcam"].applies(subject_of(voice, any_model))

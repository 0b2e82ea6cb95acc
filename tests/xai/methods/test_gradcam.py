"""Grad-CAM from the first pass against pytorch-grad-cam run end to end."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from features import Features
from features.extract import join
from xai.methods.gradcam import explain_cam
from xai.methods.pytorch_grad_cam import METHODS, explain_cam_with


def test_equals_pytorch_grad_cam_end_to_end(random_features, random_model, backbone):
    ours = explain_cam(random_features, random_model).maps
    theirs = explain_cam_with(random_features, random_model, backbone, "GradCAM").maps
    assert_allclose(ours, theirs, atol=1e-4 * np.abs(theirs).max())


def test_equals_pytorch_grad_cam_on_the_shipped_model(sample_analysis):
    a = sample_analysis
    theirs = explain_cam_with(a.features, a.model, a.backbone, "GradCAM").maps
    assert_allclose(a.cam.maps, theirs, atol=1e-4 * np.abs(theirs).max())


def test_mean_of_the_maps_is_the_directional_derivative(random_features, random_model):
    """Σ maps = Σ_k ∂logit/∂feature_k · feature_k: what scaling the face's features by 1 + ε adds, per ε."""
    cam = explain_cam(random_features, random_model)
    face = random_features.video.mean
    eps = 1e-3
    up, down = (join(random_features.audio.mfcc, (1 + s * eps) * face) for s in (1, -1))
    expected = np.subtract(*random_model.logits(np.stack([up, down]))) / (2 * eps)
    assert_allclose(cam.maps.sum(axis=(1, 2, 3)), expected, rtol=2e-2, atol=2e-2)


def test_frames_without_a_face_stay_dark(random_features, random_model):
    assert not explain_cam(random_features, random_model).maps[:, 1].any()


def test_contrast_is_the_difference_and_keeps_both_signs(random_features, random_model):
    cam = explain_cam(random_features, random_model)
    heat = cam.heat(0, 1)
    assert_allclose(heat * np.abs(cam.maps[0] - cam.maps[1]).max(), cam.maps[0] - cam.maps[1], atol=1e-6)
    assert heat.min() < 0 < heat.max()
    assert cam.heat(0).min() == 0
    assert cam.heat(0).max() == 1


def test_no_video_no_map(random_features, random_model):
    voice = Features(random_features.audio, None, join(random_features.audio.mfcc, None))
    assert explain_cam(voice, random_model) is None


@pytest.mark.parametrize("method", METHODS)
def test_every_method_on_offer_runs_and_leaves_no_hook(random_features, random_model, backbone, method):
    maps = explain_cam_with(random_features, random_model, backbone, method).maps
    assert maps.shape == (8, 3, 7, 7)
    assert np.isfinite(maps).all()
    assert maps[:, random_features.video.used].any()
    assert not any(m._forward_hooks or m._backward_hooks for m in backbone.modules())


def test_an_unknown_method_is_refused(random_features, random_model, backbone):
    with pytest.raises(ValueError, match="choose one of"):
        explain_cam_with(random_features, random_model, backbone, "Voodoo")


def test_another_visitor_at_the_same_time_changes_nothing(random_features, random_model, backbone):
    """The library hooks a copy, so that passes of the shared network elsewhere do not end up in these maps."""
    import threading

    expected = explain_cam_with(random_features, random_model, backbone, "HiResCAM").maps
    stop = threading.Event()
    foreign = np.random.default_rng(9).integers(0, 255, (5, 224, 224, 3), np.uint8)

    def disturb() -> None:
        while not stop.is_set():
            backbone.maps(foreign)

    thread = threading.Thread(target=disturb)
    thread.start()
    try:
        found = explain_cam_with(random_features, random_model, backbone, "HiResCAM").maps
    finally:
        stop.set()
        thread.join()
    assert_allclose(found, expected, atol=1e-3 * np.abs(expected).max())

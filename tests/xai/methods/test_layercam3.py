"""LayerCAM one layer earlier: the library's own maps, cell by cell, and the planted cause through the shipped face network."""

from copy import deepcopy

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from pytorch_grad_cam import LayerCAM
from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget
from torch.nn.functional import avg_pool2d

from features import Modality
from models.networks.backbone import load_backbone
from tests.xai.conftest import subject_of
from tests.xai.planted import TARGET, ColourDetector, marked_face
from xai.explanation import Contrast
from xai.methods import METHODS
from xai.methods.layercam3 import layer_cam
from xai.methods.pytorch_grad_cam import FusedNetwork


def library_cam(subject, target: int) -> np.ndarray:
    """(n, 7, 7): ``pytorch_grad_cam.LayerCAM`` on the last block of ``layer3``, before it is rescaled, averaged to our cells."""
    backbone, video = deepcopy(subject.backbone), subject.features.video
    network, layer = FusedNetwork(backbone, subject.model, subject.inputs), backbone.layer3[-1]
    frames = backbone.preprocessing(video.crops[video.used]).requires_grad_(True)
    with LayerCAM(network, [layer]) as cam:
        ClassifierOutputTarget(target)(cam.activations_and_grads(frames)[0]).backward()
        found = cam.activations_and_grads
        maps = cam.get_cam_image(
            frames, layer, [ClassifierOutputTarget(target)], found.activations[0].numpy(), found.gradients[0].numpy(), eigen_smooth=False
        )
    return avg_pool2d(torch.from_numpy(np.maximum(maps, 0))[:, None], 2)[:, 0].numpy()


@pytest.mark.parametrize("target", [0, 4, 7])
def test_it_is_the_layercam_of_the_library(sample_analysis, target):
    subject = sample_analysis.subject
    ours = METHODS["layercam3"].explain(subject).values[target]
    theirs = library_cam(subject, target)
    assert_allclose(ours[subject.features.video.used], theirs, atol=2e-4 * theirs.max())
    assert not ours[~subject.features.video.used].any()


def test_each_frame_and_class_has_its_own_weights(sample_analysis):
    """A class that no feature speaks for has no heat, and a frame's heat does not depend on the others."""
    crops = sample_analysis.features.video.crops[:3]
    weights = np.random.default_rng(0).normal(size=(2, 3, 512))
    weights[1, 1] = 0
    found = layer_cam(load_backbone(), crops, weights)
    assert found.shape == (2, 3, 7, 7)
    assert (found >= 0).all()
    assert not found[1, 1].any()
    for k in range(3):
        alone = layer_cam(load_backbone(), crops[k : k + 1], weights[:, k : k + 1])[:, 0]
        assert_allclose(found[:, k], alone, atol=1e-3 * found.max())


def test_it_needs_a_network_with_such_a_layer(random_features, random_model, sample_analysis):
    method = METHODS["layercam3"]
    assert not method.applies(subject_of(random_features, random_model, ColourDetector()))
    assert method.applies(sample_analysis.subject)
    assert not method.applies(subject_of(random_features.with_part(Modality.VIDEO, None), random_model, load_backbone()))


def test_the_shared_network_is_left_as_it_was(sample_analysis):
    backbone = load_backbone()
    before = backbone.maps(sample_analysis.features.video.crops[:1])
    METHODS["layercam3"].explain(sample_analysis.subject)
    assert all(not parameter.requires_grad and parameter.grad is None for parameter in backbone.parameters())
    assert np.array_equal(backbone.maps(sample_analysis.features.video.crops[:1]), before)


def test_finds_planted_patches():
    """Through the shipped ResNet-18, on six faces; the misses of a sound method are few."""
    clips = [marked_face(seed, real=True) for seed in range(6)]
    hits = [int(METHODS["layercam3"].explain(clip.analysis.subject).heat(Contrast(TARGET)).argmax()) in clip.cause for clip in clips]
    assert sum(hits) >= 5

"""Our backbone against torchvision's own network and preprocessing."""

import cv2
import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from safetensors.torch import load_file
from skimage.data import astronaut
from torch import nn
from torchvision.models import resnet18

from features.faces import Box, cut
from models.data.ferplus import FERPLUS_VOTES
from models.networks.backbone import BACKBONES, WEIGHTS, Preprocessing, load_backbone


@pytest.fixture(scope="module")
def crops() -> np.ndarray:
    portrait = astronaut()
    return np.stack([cut(portrait, Box(170 + i, 60, 120, 120)) for i in (0, 10, 20)])


def test_features_are_torchvisions(backbone, crops):
    state = load_file(WEIGHTS / "face_resnet18_ferplus.safetensors")
    reference = resnet18()
    reference.fc = nn.Identity()
    reference.load_state_dict({k: v.float() if v.is_floating_point() else v for k, v in state.items() if "expression" not in k})
    grey = np.stack([cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY) for crop in crops])
    x = ((torch.from_numpy(grey).float() / 255 - 0.5077) / 0.2550)[:, None].expand(-1, 3, -1, -1)
    with torch.inference_mode():
        expected = reference.eval()(x).numpy()
    maps = backbone.maps(crops)
    assert maps.shape == (3, 512, 7, 7)
    # OpenCV rounds grey to whole numbers, we do not.
    assert_allclose(maps.mean(axis=(2, 3)), expected, atol=0.02)
    assert (maps >= 0).all()


def test_preprocessing_of_imagenet_weights_is_torchvisions(crops):
    from torchvision.models import ResNet18_Weights

    colour = Preprocessing(False, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
    transform = ResNet18_Weights.IMAGENET1K_V1.transforms(crop_size=224, resize_size=224)
    expected = transform(torch.from_numpy(crops).permute(0, 3, 1, 2))
    assert_allclose(colour(crops).numpy(), expected.numpy(), atol=1e-5)


def test_the_channel_order_matters_and_is_rgb(backbone, crops):
    red = np.zeros((1, 224, 224, 3), np.uint8)
    red[..., 0] = 255
    assert backbone.preprocessing(red)[0, 0, 0, 0].item() == pytest.approx((0.299 - 0.5077) / 0.2550, abs=1e-4)
    assert np.abs(backbone.maps(crops) - backbone.maps(crops[..., ::-1])).max() > 0.01


def test_batches_do_not_change_the_result(backbone, crops):
    many = np.concatenate([crops] * 7)
    assert_allclose(backbone.maps(many)[:3], backbone.maps(crops), atol=1e-4)


def test_it_recognises_expressions_it_was_trained_on(data, backbone):
    """The head that came with the weights names most of the first FER+ test faces: nothing was lost on the way."""
    head = load_file(WEIGHTS / "face_resnet18_ferplus.safetensors")
    with np.load(data / "ferplus.npz") as f:
        votes, split, jpeg, off = f["votes"], f["split"], f["jpeg"], f["off"]
        top = votes.argmax(axis=1)
        index = np.flatnonzero((split == 2) & (votes.max(axis=1) > votes.sum(axis=1) / 2) & (top < 8))[:200]
        grey = [cv2.imdecode(jpeg[off[i] : off[i + 1]], cv2.IMREAD_GRAYSCALE) for i in index]
    faces = np.stack([cv2.cvtColor(cv2.resize(g, (224, 224)), cv2.COLOR_GRAY2RGB) for g in grey])
    features = torch.from_numpy(backbone.maps(faces).mean(axis=(2, 3)))
    named = (features @ head["expression.weight"].float().T + head["expression.bias"].float()).argmax(dim=1).numpy()
    assert (named == top[index]).mean() > 0.84
    assert FERPLUS_VOTES[:8] == ("neutral", "happiness", "surprise", "sadness", "anger", "disgust", "fear", "contempt")


def test_backbones_on_offer():
    assert BACKBONES == ("ferplus", "imagenet")
    with pytest.raises(KeyError):
        load_backbone("vgg")

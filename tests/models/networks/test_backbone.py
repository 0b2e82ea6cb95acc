"""Our backbone against torchvision's own network and preprocessing."""

import cv2
import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from safetensors.torch import load_file
from skimage.data import astronaut
from torch import nn
from torchvision.models import ResNet, ResNet18_Weights, resnet18

from features.faces import Box, cut
from models.data.ferplus import FERPLUS_VOTES
from models.networks.backbone import BACKBONES, WEIGHTS, FaceBackbone, Preprocessing, _load_imagenet, load_backbone

COLOUR = Preprocessing(False, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225))


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
    transform = ResNet18_Weights.IMAGENET1K_V1.transforms(crop_size=224, resize_size=224)
    expected = transform(torch.from_numpy(crops).permute(0, 3, 1, 2))
    assert_allclose(COLOUR(crops).numpy(), expected.numpy(), atol=1e-5)


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


def random_resnet() -> ResNet:
    """Normalised by moments and scales that differ from map to map, as after a training."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        resnet = resnet18()
        for module in resnet.modules():
            if isinstance(module, nn.BatchNorm2d):
                for name, low, high in (("running_mean", -0.5, 0.5), ("running_var", 0.5, 2), ("weight", 0.5, 1.5), ("bias", -0.5, 0.5)):
                    nn.init.uniform_(getattr(module, name), low, high)
    return resnet.eval()


def normalisations(network: nn.Module) -> int:
    return sum(isinstance(module, nn.BatchNorm2d) for module in network.modules())


def assert_same_maps(found: np.ndarray, expected: np.ndarray) -> None:
    assert expected.max() > 1
    assert_allclose(found, expected, rtol=0, atol=1e-5 * expected.max())


def test_folding_changes_no_map(backbone, crops):
    trained = backbone.unfolded()
    assert (normalisations(trained), normalisations(backbone)) == (20, 0)
    assert (trained.stem[0].in_channels, backbone.stem[0].in_channels) == (3, 1)
    assert_same_maps(backbone.maps(crops), trained.maps(crops))
    assert_array_equal(backbone.fold().maps(crops), trained.fold().maps(crops))  # a second time, too


@pytest.mark.parametrize("grey", [False, True])
def test_a_folded_network_is_torchvisions(crops, grey):
    preprocessing = Preprocessing(True, (0.5,) * 3, (0.25,) * 3) if grey else COLOUR
    with torch.inference_mode():
        expected = random_resnet_maps(preprocessing(crops))
    backbone = FaceBackbone("random", random_resnet(), preprocessing, "", "").fold()
    assert normalisations(backbone) == 0
    assert_same_maps(backbone.maps(crops), expected)


def random_resnet_maps(x: torch.Tensor) -> np.ndarray:
    """By torchvision's own order of layers."""
    return nn.Sequential(*list(random_resnet().children())[:-2])(x).numpy()


def test_the_imagenet_weights_are_all_read_but_those_of_the_last_layer(crops, monkeypatch):
    monkeypatch.setattr(ResNet18_Weights, "get_state_dict", lambda self, **options: random_resnet().state_dict())
    before = torch.get_rng_state()
    backbone = _load_imagenet()
    assert torch.equal(torch.get_rng_state(), before)
    with torch.inference_mode():
        assert_same_maps(backbone.maps(crops), random_resnet_maps(COLOUR(crops)))


def test_who_changes_an_unfolded_network_changes_nobody_elses(backbone, crops):
    expected = backbone.maps(crops)
    for parameter in backbone.unfolded().parameters():
        parameter.zero_()
    assert_array_equal(backbone.maps(crops), expected)
    assert_same_maps(backbone.unfolded().maps(crops), expected)


def test_backbones_on_offer():
    assert BACKBONES == ("ferplus", "imagenet", "r3d_18")
    with pytest.raises(KeyError):
        load_backbone("vgg")

"""Scrambling takes the knowledge and leaves the numbers; structural similarity is scikit-image's."""

import hashlib
import threading

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from skimage.metrics import structural_similarity as reference

from models.checkpoint import load_model
from models.registry import MODELS
from xai.metrics.measures import LEARNED_BACKBONE, LEARNED_CLASSIFIER
from xai.metrics.randomisation import compare, scramble, scrambled_backbone, scrambled_model, structural_similarity

RNG = np.random.default_rng


def state(network: torch.nn.Module) -> str:
    """Hash of every parameter and buffer, and of whether each module is in training."""
    total = hashlib.sha256()
    for name, tensor in network.state_dict().items():
        total.update(name.encode() + tensor.contiguous().numpy().tobytes())
    total.update(str([module.training for module in network.modules()]).encode())
    return total.hexdigest()


@pytest.mark.parametrize("name", MODELS)
def test_every_parameter_keeps_its_values_in_another_order(name):
    network = load_model(name).classifier
    copy = scramble(network, 0)
    changed = 0
    for (key, own), (other_key, other) in zip(network.named_parameters(), copy.named_parameters(), strict=True):
        assert key == other_key
        assert own.shape == other.shape
        assert own.data_ptr() != other.data_ptr()
        assert torch.equal(own.flatten().sort().values, other.flatten().sort().values)
        if len(own.unique()) > 8:
            assert not torch.equal(own, other), key
            changed += 1
    assert changed
    moved = [rank for own, other in zip(network.parameters(), copy.parameters(), strict=True) if (rank := _corr(own, other)) is not None]
    assert np.abs(moved).mean() < 0.1


def _corr(a: torch.Tensor, b: torch.Tensor) -> float | None:
    return float(torch.corrcoef(torch.stack([a.flatten(), b.flatten()]))[0, 1]) if a.numel() > 1000 else None


@pytest.mark.parametrize("name", MODELS)
def test_the_shared_model_is_left_alone(name):
    model = load_model(name)
    before = state(model.classifier), model.digest
    other = scrambled_model(model, 3)
    assert (state(model.classifier), model.digest) == before
    assert load_model(name) is model
    assert state(other.classifier) != before[0]
    assert other.digest != model.digest
    assert not any(module.training for module in other.classifier.modules())
    assert not any(parameter.requires_grad for parameter in other.classifier.parameters())
    assert other.temperature == model.temperature


def test_the_shared_backbone_is_left_alone(backbone):
    before = state(backbone)
    scrambled_backbone(backbone, 0)(np.zeros((1, 224, 224, 3), np.uint8))
    assert state(backbone) == before


def test_the_same_seed_scrambles_the_same_way(random_model):
    first, again, other = (scrambled_model(random_model, seed) for seed in (4, 4, 5))
    assert state(first.classifier) == state(again.classifier) != state(other.classifier)
    assert first.digest == again.digest != other.digest


def test_a_scrambled_model_says_something_else_and_still_says_something(random_features, token_model, random_model):
    for model in (random_model, token_model):
        own, other = model.predict(random_features), scrambled_model(model, 0).predict(random_features)
        assert np.isfinite(other).all()
        assert np.ptp(other) > 1e-4
        assert np.abs(own - other).max() > 1e-2


def test_random_numbers_of_torch_are_neither_used_nor_moved(random_model, backbone):
    torch.manual_seed(0)
    numpy_state = np.random.get_state()[1].copy()
    before = torch.get_rng_state()
    first = state(scrambled_model(random_model, 1).classifier)
    scrambled_backbone(backbone, 1)
    assert torch.equal(torch.get_rng_state(), before)
    assert_array_equal(np.random.get_state()[1], numpy_state)
    torch.manual_seed(99)
    assert state(scrambled_model(random_model, 1).classifier) == first


def test_visitors_at_the_same_time_get_what_they_would_get_alone(random_model, backbone):
    alone = [state(scrambled_model(random_model, seed).classifier) for seed in range(4)]
    found: dict[int, str] = {}

    def visit(seed: int) -> None:
        scrambled_backbone(backbone, seed)
        found[seed] = state(scrambled_model(random_model, seed).classifier)

    threads = [threading.Thread(target=visit, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [found[seed] for seed in range(4)] == alone


def test_a_scrambled_backbone_sees_something_else_of_the_same_size(random_features, backbone):
    crops = random_features.video.crops
    own = backbone.maps(crops)
    for seed in range(3):
        maps = scrambled_backbone(backbone, seed)
        other = maps(crops)
        assert other.shape == own.shape
        assert other.dtype == own.dtype
        assert np.isfinite(other).all()
        assert own.std() / 10 < other.std() < 10 * own.std()
        assert (other.std(axis=(0, 2, 3)) > 1e-3).all()  # no map is dead, as some are behind the moments that were learned
        assert abs(np.corrcoef(own.ravel(), other.ravel())[0, 1]) < 0.5
        assert_allclose(maps(crops), other)  # it does not learn from what it sees


@pytest.mark.parametrize(("shape", "window"), [((7, 7), 7), ((10, 8), 7), ((4, 9), 3), ((5, 12), 5)])
def test_structural_similarity_is_that_of_scikit_image(shape, window):
    """Of pictures scaled by their strongest value."""
    a, b = RNG(0).normal(size=(2, *shape))
    expected = reference(a / np.abs(a).max(), (a + b) / np.abs(a + b).max(), win_size=window, data_range=2.0)
    assert structural_similarity(a, a + b) == pytest.approx(expected)
    assert structural_similarity(5 * a, 0.1 * (a + b)) == pytest.approx(expected)


def test_structural_similarity_is_that_of_quantus_on_one_scale():
    quantus = pytest.importorskip("quantus")
    a, b = RNG(0).uniform(-1, 1, (2, 9, 9))
    a[0, :2] = b[5, 5:7] = (1, -1)  # then its range, too, is 2
    assert structural_similarity(a, b) == pytest.approx(quantus.similarity_func.ssim(a, b, win_size=7))


def test_structural_similarity_of_several_pictures_is_their_mean_on_one_scale():
    a, b = RNG(1).normal(size=(2, 3, 7, 7))
    a[0, 0, 0] = 9.0
    scaled = [x / np.abs(x).max() for x in (a, b)]
    expected = np.mean([reference(x, y, win_size=7, data_range=2.0) for x, y in zip(*scaled, strict=True)])
    assert structural_similarity(a, b) == pytest.approx(expected)


@pytest.mark.parametrize("shape", [(1, 8), (2, 8), (3, 8), (8, 2), (2, 1, 1)])
def test_structural_similarity_of_a_picture_of_few_cells(shape):
    """A click and then quiet: the spectrogram has one or two columns of patches."""
    a, b = RNG(0).normal(size=(2, *shape))
    assert structural_similarity(a, a) == pytest.approx(1)
    assert -1 <= structural_similarity(a, b) < 0.95


def test_an_empty_picture_has_a_similarity_too():
    assert structural_similarity(np.zeros((7, 7)), np.zeros((7, 7))) == pytest.approx(1)
    assert np.isfinite(structural_similarity(np.zeros((7, 7)), RNG(0).normal(size=(7, 7))))


@pytest.mark.parametrize("measure", [LEARNED_CLASSIFIER, LEARNED_BACKBONE])
def test_an_explanation_that_does_not_change_is_red(measure):
    own = RNG(0).normal(size=(2, 7, 7))
    score = compare(measure, own, [own, own])
    assert score.value == pytest.approx(1)
    assert score.level == "red"
    assert score.details["structural_similarity"] == pytest.approx(1, abs=1e-4)


def test_an_explanation_that_becomes_another_is_green():
    rng = RNG(0)
    score = compare(LEARNED_CLASSIFIER, rng.normal(size=552), list(rng.normal(size=(4, 552))))
    assert abs(score.value) < 0.1
    assert score.level == "green"
    assert score.details == {"networks": 4}  # weights are no picture


def test_the_mean_and_the_ends_are_those_of_all_networks():
    own = RNG(0).normal(size=(7, 7))
    score = compare(LEARNED_CLASSIFIER, own, [own, -own, own, own])
    assert score.value == pytest.approx(0.5)
    assert score.spread == pytest.approx((-1, 1))
    assert score.details["networks"] == 4
    similar = structural_similarity(own, -own)
    assert score.details["structural_similarity"] == pytest.approx((3 + similar) / 4, abs=1e-4)

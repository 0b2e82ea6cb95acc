"""The networks beside the fused Transformer: what each reads, and late fusion against its formula written out."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from torch.nn.functional import linear

from features import Modality
from models.networks.fusion import LateFusion, LinearClassifier, SingleModality
from models.networks.sequence import TokenTransformer
from models.networks.tokens import MomentTransformer
from models.networks.transformer import TransformerEmotionClassifier
from models.registry import MODELS
from models.vector_model import VectorModel

OF_VECTORS = [name for name, spec in MODELS.items() if spec.model_class is VectorModel]


@pytest.fixture
def x() -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(0).normal(size=(5, 552)).astype(np.float32))


def softmax(rows: torch.Tensor) -> np.ndarray:
    return torch.softmax(rows.double(), dim=1).numpy()


def test_every_model_on_offer_has_its_network():
    assert {name: type(spec.network()) for name, spec in MODELS.items()} == {
        "fused": TransformerEmotionClassifier,
        "voice": SingleModality,
        "face": SingleModality,
        "late-fusion": LateFusion,
        "linear": LinearClassifier,
        "av-tokens": TokenTransformer,
        "whisper-tokens": MomentTransformer,
    }


@pytest.mark.parametrize(("modality", "own"), [(Modality.AUDIO, slice(0, 40)), (Modality.VIDEO, slice(40, 552))])
def test_a_single_modality_is_the_same_transformer_on_its_own_numbers(modality, own, x):
    torch.manual_seed(0)
    single = SingleModality(modality).eval()
    whole = TransformerEmotionClassifier(own.stop - own.start).eval()
    whole.load_state_dict(single.network.state_dict())
    other = x.clone()
    other[:, np.delete(np.arange(552), np.r_[own])] = 100.0
    with torch.inference_mode():
        torch.testing.assert_close(single(x), whole(x[:, own]), rtol=0, atol=0)
        torch.testing.assert_close(single(other), single(x), rtol=0, atol=0)
        torch.testing.assert_close(single.network.head(single.embedding(x)), single(x))
        assert (single(x + 1) - single(x)).abs().max() > 1e-3


def test_the_linear_baseline_is_linear(x):
    network = LinearClassifier()
    with torch.inference_mode():
        torch.testing.assert_close(network(x), linear(x, network.layer.weight, network.layer.bias))
        torch.testing.assert_close(network.embedding(x), network(x))
        middle = network((x[:2] + x[2:4]) / 2)
        torch.testing.assert_close(middle, (network(x[:2]) + network(x[2:4])) / 2, rtol=1e-4, atol=1e-5)


@pytest.fixture
def late() -> LateFusion:
    torch.manual_seed(0)
    network = LateFusion().eval().requires_grad_(False)
    network.temperatures.copy_(torch.tensor([0.4, 1.7]))
    return network


def test_late_fusion_weighs_each_by_its_confidence(late, x):
    """w = conf / Σ conf, conf the highest probability after each one's own temperature."""
    voice, face = softmax(late.voice(x) / 0.4), softmax(late.face(x) / 1.7)
    for row in range(len(x)):
        w = voice[row].max(), face[row].max()
        expected = (w[0] * voice[row] + w[1] * face[row]) / sum(w)
        assert_allclose(softmax(late(x))[row], expected, atol=1e-6)
        assert expected.sum() == pytest.approx(1)


def test_in_late_fusion_a_missing_modality_weighs_nothing(late, x):
    no_voice, no_face, neither = x.clone(), x.clone(), torch.zeros_like(x)
    no_voice[:, :40] = 0
    no_face[:, 40:] = 0
    assert_allclose(softmax(late(no_voice)), softmax(late.face(x) / 1.7), atol=1e-6)
    assert_allclose(softmax(late(no_face)), softmax(late.voice(x) / 0.4), atol=1e-6)
    voice, face = softmax(late.voice(neither) / 0.4), softmax(late.face(neither) / 1.7)
    w = voice.max(axis=1, keepdims=True), face.max(axis=1, keepdims=True)
    assert_allclose(softmax(late(neither)), (w[0] * voice + w[1] * face) / (w[0] + w[1]), atol=1e-6)


def test_late_fusion_treats_every_row_by_itself(late, x):
    mixed = x.clone()
    mixed[1, :40] = 0
    mixed[3, 40:] = 0
    torch.testing.assert_close(late(mixed)[[0, 2, 4]], late(x)[[0, 2, 4]])
    torch.testing.assert_close(late(mixed)[1:2], late(mixed[1:2]))


def test_late_fusion_keeps_its_temperatures_with_its_weights(late):
    again = LateFusion()
    again.load_state_dict(late.state_dict())
    torch.testing.assert_close(again.temperatures, torch.tensor([0.4, 1.7]))
    assert not any(name == "temperatures" for name, _ in again.named_parameters())


@pytest.mark.parametrize("name", OF_VECTORS)
def test_gradients_reach_exactly_what_a_model_reads(name, x):
    torch.manual_seed(0)
    z = x.clone().requires_grad_(True)
    MODELS[name].network().eval()(z)[:, 0].sum().backward()
    assert bool(z.grad[:, :40].abs().max() > 0) == (name != "face")
    assert bool(z.grad[:, 40:].abs().max() > 0) == (name != "voice")

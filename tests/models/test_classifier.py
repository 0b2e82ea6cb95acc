"""The architecture is the one that was agreed."""

import pytest
import torch
from torch import nn

from models.classifier import TransformerEmotionClassifier


def test_layers():
    network = TransformerEmotionClassifier()
    linear, norm, *_ = network.embed
    assert (linear.in_features, linear.out_features) == (552, 256)
    assert isinstance(norm, nn.LayerNorm)
    assert len(network.encoder.layers) == 2
    layer = network.encoder.layers[0]
    assert (layer.self_attn.num_heads, layer.linear1.out_features, layer.self_attn.batch_first) == (4, 512, True)
    assert network.head[-1].out_features == 8


def test_shapes_and_independence_of_the_batch():
    network = TransformerEmotionClassifier().eval()
    x = torch.randn(5, 552)
    with torch.inference_mode():
        torch.testing.assert_close(network(x)[2:3], network(x[2:3]))
        assert network(x).shape == (5, 8)
        assert network.embedding(x).shape == (5, 256)


@pytest.mark.parametrize("rows", [3, 700])  # many rows take a shorter way
def test_equals_its_layers_written_out(rows):
    """One token: attention is a linear map, so the whole encoder can be written down."""
    network = TransformerEmotionClassifier().eval()
    for layer in network.encoder.layers:
        nn.init.normal_(layer.self_attn.in_proj_bias)  # zeros at first
        nn.init.normal_(layer.self_attn.out_proj.bias)
    x = torch.randn(rows, 552)
    with torch.inference_mode():
        h = network.embed(x)
        for layer in network.encoder.layers:
            v = h @ layer.self_attn.in_proj_weight[512:].T + layer.self_attn.in_proj_bias[512:]
            h = layer.norm1(h + layer.self_attn.out_proj(v))
            h = layer.norm2(h + layer.linear2(torch.relu(layer.linear1(h))))
        torch.testing.assert_close(network(x), network.head(h), rtol=1e-4, atol=1e-5)
        encoded = network.encoder(network.embed(x).unsqueeze(1)).squeeze(1)  # as PyTorch has it
        torch.testing.assert_close(network.embedding(x), encoded, rtol=1e-5, atol=1e-5)

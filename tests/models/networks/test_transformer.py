"""The architecture is the one that was agreed."""

import pytest
import torch
from torch import nn

from models.networks.transformer import TransformerEmotionClassifier, _attend_to_itself


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


def test_learns_as_pytorchs_encoder_does():
    """In training, too: the same slopes without dropout; with it, which heads and units are dropped is drawn from the same law."""
    network = TransformerEmotionClassifier(dropout=0.0).train()
    x = torch.randn(6, 552)
    slopes = []
    for encode in (network.embedding, lambda x: network.encoder(network.embed(x).unsqueeze(1)).squeeze(1)):
        network.zero_grad()
        encode(x).pow(3).sum().backward()
        slopes.append([p.grad.clone() for p in network.encoder.parameters()])
    for ours, theirs in zip(*slopes, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-3, atol=1e-4)


def test_drops_what_pytorchs_encoder_drops():
    torch.manual_seed(0)
    network = TransformerEmotionClassifier(dropout=0.3)
    network.train()
    network.embed.eval()
    x = torch.randn(1, 552).expand(20_000, -1)
    with torch.inference_mode():
        ours = network.embedding(x)
        theirs = network.encoder(network.embed(x).unsqueeze(1)).squeeze(1)
    for moment in (lambda v: v.mean(dim=0), lambda v: v.std(dim=0), lambda v: v.T.cov().flatten()):
        torch.testing.assert_close(moment(ours), moment(theirs), rtol=0.05, atol=0.05)
    assert ours.std() > 0.1


def test_drops_whole_heads_each_by_itself():
    attention = nn.MultiheadAttention(8, num_heads=4, dropout=0.5)
    nn.init.eye_(attention.out_proj.weight)
    heads = _attend_to_itself(attention, torch.ones(400, 8)).unflatten(1, (4, 2))
    assert len({tuple(row) for row in (heads != 0).any(dim=2).tolist()}) == 2**4
    assert ((heads != 0).any(dim=2) == (heads != 0).all(dim=2)).all()

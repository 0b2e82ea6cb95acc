"""The Transformer on sequences, against its layers written out token by token, and what it must not depend on."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from features import SPACE, Standardiser
from models.networks.sequence import TOKEN_FRAMES, TokenBatch, TokenTransformer
from models.sequence_model import encoded

RAW = Standardiser(np.zeros(len(SPACE)), np.ones(len(SPACE)), SPACE)  # leaves features as they are


@pytest.fixture(scope="module")
def network() -> TokenTransformer:
    """Untrained, but with running moments of batches, an order of modalities and a time that matter."""
    torch.manual_seed(0)
    network = TokenTransformer()
    nn.init.normal_(network.modality, std=0.5)
    rng = np.random.default_rng(0)
    with torch.inference_mode():
        for _ in range(3):
            network.train()(clip(rng, 100, 3))
    return network.eval().requires_grad_(False)


def clip(rng: np.random.Generator, frames: int, shown: int) -> TokenBatch:
    """A recording of noise that rises and falls."""
    mfccs = 0.5 * rng.normal(size=(40, frames)).cumsum(axis=1) if frames else None
    return encoded(mfccs, rng.normal(size=(shown, 512)), np.arange(shown) * 1.1, RAW)


def stretched(batch: TokenBatch, frames: int, shown: int, fill: float = 7.0) -> TokenBatch:
    """The same in a batch of longer ones: the last MFCCs repeated, and rows for faces that are not there."""
    voice = nn.functional.pad(batch.voice, (0, frames), mode="replicate") if batch.voice.shape[2] else torch.zeros(1, 40, frames)
    faces = nn.functional.pad(batch.faces, (0, 0, 0, shown), value=fill)
    seconds, seen = nn.functional.pad(batch.seconds, (0, shown), value=fill), nn.functional.pad(batch.seen, (0, shown))
    return TokenBatch(voice, batch.heard, faces, seconds, seen)


def stacked(*batches: TokenBatch) -> TokenBatch:
    return TokenBatch(*(torch.cat([getattr(b, name) for b in batches]) for name in ("voice", "heard", "faces", "seconds", "seen")))


def written_out(network: TokenTransformer, batch: TokenBatch) -> torch.Tensor:
    """One recording, one token after another: only what is there is ever computed."""
    frames, heard = batch.voice.shape[2], int(batch.heard[0])
    tokens = [network.modality[2]]
    if heard:
        x = batch.voice[0]
        at = np.clip(np.arange(frames)[:, None] + [-2, 2], 0, frames - 1)
        slopes = x[:, at[:, 1]] - x[:, at[:, 0]]
        steps = network.listen(torch.cat([x, slopes])[None])[0]
        for second in range(frames // TOKEN_FRAMES):
            inside = [s for s in range(11 * second, 11 * second + 11) if 4 * s < heard]
            if inside:
                part = steps[:, inside]
                mean = part.mean(dim=1)
                spread = (((part - mean[:, None]) ** 2).mean(dim=1) + 1e-4).sqrt()
                tokens.append(network.voice(torch.cat([mean, spread])) + network.modality[0] + network.time(clock(second)))
    for face, second, seen in zip(batch.faces[0], batch.seconds[0], batch.seen[0], strict=True):
        if seen:
            tokens.append(network.face(face) + network.modality[1] + network.time(clock(float(second))))
    h = network.embed(torch.stack(tokens))
    for layer in network.encoder.layers:
        q, k, v = (h @ layer.self_attn.in_proj_weight.T + layer.self_attn.in_proj_bias).chunk(3, dim=1)
        heads = []
        for part in range(4):
            own = slice(64 * part, 64 * part + 64)
            heads.append(torch.softmax(q[:, own] @ k[:, own].T / 8, dim=1) @ v[:, own])
        h = layer.norm1(h + layer.self_attn.out_proj(torch.cat(heads, dim=1)))
        h = layer.norm2(h + layer.linear2(torch.relu(layer.linear1(h))))
    return network.head(h.mean(dim=0))


def clock(second: float) -> torch.Tensor:
    phase = [2 * np.pi * min(second, 6.0) / period for period in (1, 2, 4, 8, 16)]
    return torch.tensor([*np.sin(phase), *np.cos(phase)], dtype=torch.float32)


def test_layers():
    network = TokenTransformer()
    assert len(network.encoder.layers) == 2
    layer = network.encoder.layers[0]
    assert (layer.self_attn.embed_dim, layer.self_attn.num_heads, layer.linear1.out_features) == (256, 4, 512)
    assert network.head[-1].out_features == 8


@pytest.mark.parametrize(("frames", "shown"), [(100, 3), (60, 1), (44, 0), (7, 2), (0, 2), (0, 0), (170, 5)])
def test_equals_its_layers_written_out(network, frames, shown):
    batch = clip(np.random.default_rng(1), frames, shown)
    torch.testing.assert_close(network(batch)[0], written_out(network, batch), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("frames", "shown"),
    [(100, 3), (60, 1), (20, 0), (150, 4), (0, 2), (44, 3), (85, 3)],
)
def test_a_clip_is_the_same_in_a_longer_batch(network, frames, shown):
    """What is padded, and who else is in the batch, changes nothing."""
    alone = clip(np.random.default_rng(2), frames, shown)
    other = clip(np.random.default_rng(3), 200 if frames else 0, 6)
    longer = stretched(alone, other.voice.shape[2] - alone.voice.shape[2], 6 - shown)
    together = network(stacked(other, longer, other))
    torch.testing.assert_close(together[1:2], network(alone), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(together[0:1], network(other), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(network.embedding(stacked(longer, other))[:1], network.embedding(alone), rtol=1e-4, atol=1e-5)


def test_absent_frames_of_a_face_are_ignored(network):
    alone = clip(np.random.default_rng(4), 60, 2)
    for fill in (-3.0, 1000.0):
        torch.testing.assert_close(network(stretched(alone, 0, 3, fill)), network(alone), rtol=1e-4, atol=1e-5)


def test_a_voice_that_is_missing_is_ignored(network):
    face = clip(np.random.default_rng(5), 0, 3)
    for voice in (torch.zeros(1, 40, 44), torch.randn(1, 40, 132)):
        torch.testing.assert_close(network(replace(face, voice=voice)), network(face), rtol=1e-4, atol=1e-5)


def test_the_order_of_the_rows_is_irrelevant_the_time_is_not(network):
    batch = stretched(clip(np.random.default_rng(6), 60, 4), 0, 2)
    order = torch.tensor([4, 2, 0, 5, 3, 1])
    shuffled = replace(batch, faces=batch.faces[:, order], seconds=batch.seconds[:, order], seen=batch.seen[:, order])
    torch.testing.assert_close(network(shuffled), network(batch), rtol=1e-4, atol=1e-5)
    swapped = replace(batch, faces=batch.faces[:, [1, 0, 2, 3, 4, 5]])
    assert (network(swapped) - network(batch)).abs().max() > 1e-3


def test_all_that_is_later_than_any_training_clip_is_late(network):
    batch = clip(np.random.default_rng(7), 60, 2)
    at = {s: network(replace(batch, seconds=torch.tensor([[0.0, s]]))) for s in (2.0, 6.0, 40.0)}
    torch.testing.assert_close(at[40.0], at[6.0])
    assert (at[6.0] - at[2.0]).abs().max() > 1e-3


def test_every_part_of_a_recording_counts(network):
    batch = clip(np.random.default_rng(8), 130, 3)
    before = network(batch)
    for frame in (5, 60, 125):
        voice = batch.voice.clone()
        voice[:, :, frame] += 2
        assert (network(replace(batch, voice=voice)) - before).abs().max() > 1e-4
    for row in range(3):
        faces = batch.faces.clone()
        faces[:, row] += 1
        assert (network(replace(batch, faces=faces)) - before).abs().max() > 1e-4
    for state in (replace(batch, heard=torch.tensor([0])), replace(batch, seen=torch.zeros(1, 3, dtype=torch.bool))):
        assert (network(state) - before).abs().max() > 1e-3

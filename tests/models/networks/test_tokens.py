"""The Transformer on tokens, against its layers written out for one recording, and what it must not depend on."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from features import Modality
from models.networks.tokens import Moments, MomentTransformer
from models.token_model import together

WIDTH = 24


@pytest.fixture(scope="module")
def network() -> MomentTransformer:
    """Untrained, but with modalities and a time that matter."""
    torch.manual_seed(0)
    network = MomentTransformer(WIDTH)
    nn.init.normal_(network.modality, std=0.5)
    return network.eval().requires_grad_(False)


def clip(tokens: int, frames: int, seed: int = 0) -> Moments:
    rng = np.random.default_rng(seed)
    voice, faces = (torch.from_numpy(rng.normal(size=(1, *shape)).astype(np.float32)) for shape in ((tokens, WIDTH), (frames, 512)))
    there = [torch.ones(part.shape[:2], dtype=torch.bool) for part in (voice, faces)]
    return Moments(voice, there[0], faces, there[1], 1.1 * torch.arange(frames)[None].float())


def padded(batch: Moments, tokens: int, frames: int, fill: float = 7.0) -> Moments:
    """The same in a batch of longer ones, with numbers in what is not there."""
    more = {
        name: nn.functional.pad(getattr(batch, name), (0, 0, 0, count), value=fill)
        for name, count in (("voice", tokens), ("faces", frames))
    }
    more |= {name: nn.functional.pad(getattr(batch, name), (0, count)) for name, count in (("spoken", tokens), ("seen", frames))}
    return Moments(**more, seconds=nn.functional.pad(batch.seconds, (0, frames), value=fill))


def written_out(network: MomentTransformer, batch: Moments) -> torch.Tensor:
    """One recording, layer by layer: only what is there is ever computed."""
    tokens = [network.modality[2]]
    for token, there in zip(batch.voice[0], batch.spoken[0], strict=True):
        tokens += [network.voice(token) + network.modality[0]] * bool(there)
    for face, there, second in zip(batch.faces[0], batch.seen[0], batch.seconds[0], strict=True):
        angles = [2 * np.pi * min(float(second), 6.0) / period for period in (1, 2, 4, 8, 16)]
        times = torch.tensor([*np.sin(angles), *np.cos(angles)]).float()
        tokens += [network.face(face) + network.modality[1] + network.time(times)] * bool(there)
    x = network.embed(torch.stack(tokens))
    for layer in network.encoder.layers:
        attended, _ = layer.self_attn(x[None], x[None], x[None])
        x = layer.norm1(x + attended[0])
        x = layer.norm2(x + layer.linear2(torch.relu(layer.linear1(x))))
    return network.head(x.mean(dim=0))


@pytest.mark.parametrize(("tokens", "frames"), [(5, 3), (1, 1), (6, 0), (0, 4), (0, 0)])
def test_it_is_its_layers_written_out(network, tokens, frames):
    batch = clip(tokens, frames)
    torch.testing.assert_close(network(batch)[0], written_out(network, batch), rtol=1e-4, atol=1e-5)


def test_it_has_one_layer_and_eight_answers(network):
    assert len(network.encoder.layers) == 1
    assert network(clip(3, 2)).shape == (1, 8)
    assert network.embedding(clip(3, 2)).shape == (1, 256)


@pytest.mark.parametrize(("tokens", "frames"), [(5, 3), (2, 0), (0, 2)])
def test_padding_changes_nothing(network, tokens, frames):
    own = network(clip(tokens, frames))
    for more in ((4, 0), (0, 4), (3, 6)):
        torch.testing.assert_close(network(padded(clip(tokens, frames), *more)), own, rtol=1e-4, atol=1e-5)


def test_a_batch_is_its_recordings_one_by_one(network):
    clips = [clip(5, 3, 1), clip(2, 0, 2), clip(0, 4, 3), clip(7, 1, 4), clip(0, 0, 5)]
    torch.testing.assert_close(network(together(clips)), torch.cat([network(one) for one in clips]), rtol=1e-4, atol=1e-5)


def test_what_is_absent_changes_nothing_whatever_it_holds(network):
    batch = clip(5, 3)
    spoken, seen = torch.tensor([[True, False, True, True, False]]), torch.tensor([[False, True, True]])
    kept = batch.kept(spoken, seen)
    shorter = Moments(
        batch.voice[:, spoken[0]],
        torch.ones(1, 3, dtype=torch.bool),
        batch.faces[:, seen[0]],
        torch.ones(1, 2, dtype=torch.bool),
        batch.seconds[:, seen[0]],
    )
    torch.testing.assert_close(network(kept), network(shorter), rtol=1e-4, atol=1e-5)
    wild = replace(kept, voice=torch.where(spoken[..., None], kept.voice, 50.0), faces=torch.where(seen[..., None], kept.faces, -50.0))
    torch.testing.assert_close(network(wild), network(kept), rtol=1e-4, atol=1e-5)
    assert (network(kept) - network(batch)).abs().max() > 1e-3


def test_the_order_of_voices_is_in_their_tokens_and_that_of_frames_in_their_seconds(network):
    batch, order = clip(5, 3), torch.tensor([2, 0, 1])
    turned = replace(batch, voice=batch.voice.flip(1))
    torch.testing.assert_close(network(turned), network(batch), rtol=1e-4, atol=1e-5)
    moved = replace(batch, faces=batch.faces[:, order], seconds=batch.seconds[:, order])
    torch.testing.assert_close(network(moved), network(batch), rtol=1e-4, atol=1e-5)
    swapped = replace(batch, faces=batch.faces[:, order])
    assert (network(swapped) - network(batch)).abs().max() > 1e-4


def test_what_is_there():
    batch = together([clip(2, 1), clip(0, 2), clip(3, 0), clip(0, 0)])
    assert len(batch) == 4
    assert {m: there.tolist() for m, there in batch.present().items()} == {
        Modality.AUDIO: [True, False, True, False],
        Modality.VIDEO: [True, True, False, False],
    }
    assert batch.spoken.sum(dim=1).tolist() == [2, 0, 3, 0]
    assert batch.seen.sum(dim=1).tolist() == [1, 2, 0, 0]


def test_copies_of_one():
    batch = clip(4, 2)
    three = batch.repeated(3)
    assert [len(part) for part in vars(three).values()] == [3] * 5
    assert all((part == own).all() for part, own in zip(vars(three).values(), vars(batch).values(), strict=True))
    assert three.voice.untyped_storage().data_ptr() == batch.voice.untyped_storage().data_ptr()


def test_mixup_interpolates_what_both_say_and_keeps_what_one_says():
    """What padding holds is never heard."""
    batch = together([clip(4, 0, 1), clip(2, 0, 2), clip(3, 0, 3)])
    batch = replace(batch, voice=torch.where(batch.spoken[..., None], batch.voice, 99.0))
    rows, partners, share = np.array([0, 1]), np.array([1, 0]), torch.tensor([0.25, 0.9])
    found = batch.mixed(rows, partners, share)
    assert found.spoken.tolist() == [[True] * 4, [True] * 4, [True, True, True, False]]
    torch.testing.assert_close(found.voice[0, :2], 0.25 * batch.voice[0, :2] + 0.75 * batch.voice[1, :2])
    torch.testing.assert_close(found.voice[1, :2], 0.9 * batch.voice[1, :2] + 0.1 * batch.voice[0, :2])
    torch.testing.assert_close(found.voice[0, 2:], batch.voice[0, 2:])
    torch.testing.assert_close(found.voice[1, 2:], batch.voice[0, 2:])
    assert (found.voice[2] == batch.voice[2]).all()
    assert not batch.spoken[1, 2:].any()  # the batch itself is left alone

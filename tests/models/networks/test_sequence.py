"""The Transformer on sequences, against its layers written out token by token, and what it must not depend on."""

from dataclasses import replace

import librosa
import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from torch import nn

from features import Features
from features.extract import join
from features.video import VideoFeatures
from models.networks.sequence import TOKEN_FRAMES, TokenBatch, TokenTransformer, sequences, speech_span, token_batch
from tests.conftest import tone
from tests.xai.conftest import make_audio

ZERO, ONE = np.zeros(552), np.ones(552)


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
    return token_batch(mfccs, rng.normal(size=(shown, 512)), np.arange(shown) * 1.1, ZERO, ONE)


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


def test_a_voice_that_is_not_heard_is_ignored(network):
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


def test_token_batch_standardises_and_repeats_the_end():
    rng = np.random.default_rng(9)
    mean, std = rng.normal(size=552), rng.uniform(0.5, 2, 552)
    mfccs, faces = rng.normal(size=(40, 50)), rng.normal(size=(3, 512))
    batch = token_batch(mfccs, faces, np.array([0.0, 0.9, 2.1]), mean, std)
    assert batch.voice.shape[2] % TOKEN_FRAMES == 0
    assert_allclose(batch.voice[0, :, :50], (mfccs - mean[:40, None]) / std[:40, None], rtol=1e-5, atol=1e-6)
    assert (batch.voice[0, :, 50:] == batch.voice[0, :, 49:50]).all()
    assert batch.heard.tolist() == [50]
    assert_allclose(batch.faces[0], (faces - mean[40:]) / std[40:], rtol=1e-5, atol=1e-6)
    assert_allclose(batch.seconds, [[0.0, 0.9, 2.1]])
    assert batch.seen.tolist() == [[True] * 3]
    assert len(batch) == 1


def test_token_batch_of_what_is_missing_is_empty(network):
    rng = np.random.default_rng(10)
    mfccs, faces = rng.normal(size=(40, 50)), rng.normal(size=(3, 512))
    voice, face = token_batch(mfccs, None, None, ZERO, ONE), token_batch(None, faces, np.arange(3.0), ZERO, ONE)
    neither = token_batch(None, None, None, ZERO, ONE)
    assert voice.faces.shape == (1, 0, 512)
    assert face.voice.shape == (1, 40, 0)
    assert face.heard.tolist() == neither.heard.tolist() == [0]
    both = token_batch(mfccs, faces, np.arange(3.0), ZERO, ONE)
    deaf, blind = replace(both, heard=torch.tensor([0])), replace(both, seen=torch.zeros(1, 3, dtype=torch.bool))
    torch.testing.assert_close(network(voice), network(blind), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(network(face), network(deaf), rtol=1e-4, atol=1e-5)
    assert torch.isfinite(network(neither)).all()


def test_the_silence_around_a_recording_is_cut_off_and_the_pause_within_is_not():
    mfccs = np.zeros((40, 10))
    mfccs[0] = [-900, -600, -310, -100, -590, -300, -100, -340, -400, -800]
    assert speech_span(mfccs) == (2, 8)  # 22 dB below the loudest: √128 · 22 = 249
    assert speech_span(np.zeros((40, 4))) == (0, 4)


def test_sequences_of_a_recording_are_what_librosa_computes():
    samples = np.concatenate([np.zeros(11_025), tone(1.0, 500), np.zeros(22_050)]) + 1e-6
    audio = make_audio(samples)
    mfccs, faces, seconds = sequences(Features(audio, None, join(audio.mfcc, None)))
    assert faces is None
    assert seconds is None
    theirs = librosa.feature.mfcc(y=samples.astype(np.float32), sr=22_050, n_mfcc=40)
    start = int(np.argmin([np.abs(theirs[:, k : k + mfccs.shape[1]] - mfccs).max() for k in range(theirs.shape[1] - mfccs.shape[1] + 1)]))
    assert_allclose(mfccs, theirs[:, start : start + mfccs.shape[1]], atol=2e-2)
    assert start * 512 / 22_050 == pytest.approx(0.5, abs=0.1)
    assert mfccs.shape[1] * 512 / 22_050 == pytest.approx(1.0, abs=0.2)


def test_sequences_leave_out_frames_without_a_face():
    rng = np.random.default_rng(11)
    maps, used = rng.random((3, 512, 7, 7)).astype(np.float32), np.array([True, False, True])
    film = VideoFeatures(
        np.array([0.0, 1.1, 2.2]), [], 1.0, [None] * 3, [None] * 3, np.zeros((3, 224, 224, 3), np.uint8), maps, used, False
    )
    mfccs, faces, seconds = sequences(Features(None, film, join(None, film.mean)))
    assert mfccs is None
    assert_allclose(seconds, [0.0, 2.2])
    assert_allclose(faces, [maps[0].mean(axis=(1, 2)), maps[2].mean(axis=(1, 2))], rtol=1e-5)
    assert_allclose(faces.mean(axis=0), film.mean, rtol=1e-5)

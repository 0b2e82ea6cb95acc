"""Our encoder against OpenAI's own, with the same weights."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from safetensors.torch import load_file

from features.log_mel import log_mel
from models.networks.whisper import (
    CONTEXT,
    POSITIONS,
    STAGES,
    WEIGHTS,
    WhisperEncoder,
    load_whisper,
    positions_of,
    windows,
)
from tests.features.test_log_mel import speech

PER_SECOND = 100  # frames of a log-mel spectrogram


@pytest.fixture(scope="module")
def encoder() -> WhisperEncoder:
    return load_whisper()


@pytest.fixture(scope="module")
def heard() -> np.ndarray:
    """24 s of speech: (80, 2400)."""
    return log_mel(np.tile(speech(), 10)[: 24 * 16_000])


@pytest.fixture
def counted(monkeypatch) -> list[tuple[int, int]]:
    """(copies, positions) of each pass through the encoder."""
    passes, stages = [], WhisperEncoder.stages

    def spy(self, x, *args):
        passes.append((len(x), positions_of(x.shape[2])))
        return stages(self, x, *args)

    monkeypatch.setattr(WhisperEncoder, "stages", spy)
    return passes


def reference(positions: int = POSITIONS):
    """OpenAI's network; it takes as many positions as its table has."""
    network = pytest.importorskip("whisper.model").AudioEncoder(80, POSITIONS, 384, 6, 4)
    state = {name: value.float() for name, value in load_file(WEIGHTS / "whisper_tiny_en_encoder.safetensors").items()}
    network.load_state_dict(state)
    network.positional_embedding = network.positional_embedding[:positions]
    return network.eval()


@pytest.mark.parametrize("frames", [3000, 2400, 399, 98, 1])
def test_it_is_openais(encoder, heard, frames):
    x = torch.from_numpy(np.tile(heard, 2)[None, :, :frames])
    with torch.inference_mode():
        expected = reference(positions_of(frames))(x)
        assert_allclose(encoder(x).numpy(), expected.numpy(), rtol=0, atol=1e-4)
    assert expected.abs().max() > 1


def test_each_stage_is_openais(encoder, heard):
    network = reference(200)
    expected: list[torch.Tensor] = []
    for block in network.blocks:
        block.register_forward_hook(lambda module, inputs, output: expected.extend([inputs[0], output][bool(expected) :]))
    with torch.inference_mode():
        network(torch.from_numpy(heard[None, :, :400]))
    found = encoder.encode(heard[:, :400])
    assert found.dtype == np.float32
    assert found.shape == (5, 200, 384)
    assert_allclose(found, torch.cat(expected).numpy(), rtol=0, atol=1e-4)


def test_positions_are_sinusoids(encoder):
    """Vaswani et al. 2017, at half precision: sines of 192 frequencies from 1 to 1/10,000, then their cosines."""
    phase = np.arange(POSITIONS)[:, None] * 10_000 ** (-np.arange(192) / 191)
    assert_allclose(encoder.positional_embedding.numpy(), np.concatenate([np.sin(phase), np.cos(phase)], axis=1), atol=1e-3)


def test_stages_come_in_the_order_asked_for_and_no_block_runs_in_vain(encoder, heard):
    ran = []
    hooks = [block.register_forward_hook(lambda *_, i=i: ran.append(i)) for i, block in enumerate(encoder.blocks)]
    every = encoder.encode(heard[:, :400])
    ran.clear()
    some = encoder.encode(heard[:, :400], (2, 0))
    for hook in hooks:
        hook.remove()
    assert ran == [0, 1]
    assert_array_equal(some, every[[2, 0]])


def test_samples_are_turned_into_what_it_reads(encoder):
    assert_array_equal(encoder.hear(speech(), (1,)), encoder.encode(log_mel(speech()), (1,)))


def test_many_are_each_as_if_alone(encoder, heard):
    rng = np.random.default_rng(0)
    copies = [heard[:, :399] * (rng.random((80, 1)) > 0.3) for _ in range(17)]
    batches = list(encoder.many(iter(copies), (1, 3)))
    assert [len(batch) for batch in batches] == [7, 7, 3]
    found = np.concatenate(batches)
    for row, copy in zip(found, copies, strict=True):
        assert_allclose(row, encoder.encode(copy, (1, 3)), rtol=0, atol=1e-4 * np.abs(row).max())
    assert np.abs(found[0] - found[1]).max() > 0.1


def test_many_are_asked_for_one_batch_after_the_other(encoder, heard):
    copies = iter([heard[:, :1000]] * 100)
    assert next(encoder.many(copies)).shape == (3, 5, 500, 384)
    assert len(list(copies)) == 97


def test_cost_grows_with_the_length(encoder, heard, counted):
    for seconds in (1, 4, 20):
        encoder.encode(heard[:, : seconds * PER_SECOND], (0,))
    assert counted == [(1, 50), (1, 200), (1, 1000)]


def test_five_minutes_take_no_more_room_than_half_a_minute(encoder, heard, counted):
    five_minutes = np.tile(heard, 13)[:, : 300 * PER_SECOND]
    shapes = [piece.shape for piece in encoder.pieces(five_minutes, (0,))]
    assert sum(positions for _, positions, _ in shapes) == 15_000
    assert max(copies * positions for copies, positions in counted) <= POSITIONS
    assert sum(positions for _, positions in counted) < 1.1 * 15_000
    counted.clear()
    assert sum(len(batch) for batch in encoder.many([heard[:, :400]] * 100, (0,))) == 100
    assert max(copies * positions for copies, positions in counted) <= POSITIONS


def test_long_copies_are_read_in_the_same_windows(encoder, heard):
    copies = np.stack([heard[:, :1500], heard[:, 500:2000]])
    found = list(encoder.many(copies, (2,), longest=300))
    assert [batch.shape for batch in found] == [(1, 1, 750, 384)] * 2
    assert_array_equal(found[1][0], encoder.encode(copies[1], (2,), longest=300))
    assert np.abs(found[1][0] - encoder.encode(copies[1], (2,))).max() > 1


@given(st.integers(1, 60_000), st.integers(2 * CONTEXT + 1, POSITIONS))
@settings(deadline=None)
def test_windows_cover_a_clip_once_and_leave_context_at_every_border(positions, longest):
    found = list(windows(positions, longest))
    kept = [(window.start + part.start, window.start + part.stop) for window, part in found]
    assert kept[0][0] == 0
    assert kept[-1][1] == positions
    assert all(before[1] == after[0] for before, after in pairwise(kept))
    lengths = [stop - start for start, stop in kept]
    assert max(lengths) - min(lengths) <= 1
    for (window, _), (start, stop) in zip(found, kept, strict=True):
        assert window.stop - window.start <= longest
        assert window.start == max(0, start - CONTEXT)
        assert window.stop == min(positions, stop + CONTEXT)


def test_pieces_are_what_windows_say(encoder, heard):
    pieces = list(encoder.pieces(heard, (3,), longest=500))
    assert len(pieces) == 3
    for piece, (window, kept) in zip(pieces, windows(1200, 500), strict=True):
        alone = encoder.encode(heard[:, 2 * window.start : 2 * window.stop], (3,))
        assert_array_equal(piece, alone[:, kept])


def joined(encoder, clip: np.ndarray, parts) -> np.ndarray:
    """Windows that count their positions on from the clip's start, as the whole clip does."""

    def encoded(window: slice) -> np.ndarray:
        return encoder.stages(torch.from_numpy(clip[None, :, 2 * window.start : 2 * window.stop].copy()), STAGES, window.start)[0].numpy()

    return np.concatenate([encoded(window)[:, kept] for window, kept in parts], axis=1)


def deviation(found: np.ndarray, expected: np.ndarray) -> np.ndarray:
    """(stages, positions): distance, in mean distances of the positions of a clip from their mean."""
    spread = np.linalg.norm(expected - expected.mean(axis=1, keepdims=True), axis=2).mean(axis=1, keepdims=True)
    return np.linalg.norm(found - expected, axis=2) / spread


def test_windows_join_without_a_seam(encoder, heard):
    """With context a position beside a join deviates from the whole clip hardly more than any other; without, four times as much."""
    whole = encoder.encode(heard)
    beside = np.r_[395:405, 795:805]
    apart = deviation(joined(encoder, heard, [(slice(s, s + 400), slice(0, 400)) for s in (0, 400, 800)]), whole)
    found = deviation(joined(encoder, heard, windows(1200, 400 + 2 * CONTEXT)), whole)
    assert found[0].max() < 1e-5
    assert (found[1:4, beside].mean(axis=1) < 0.15).all()
    assert (found[1:4, beside].mean(axis=1) < 1.5 * found[1:4].mean(axis=1)).all()
    assert (apart[1:4, beside].mean(axis=1) > 4 * found[1:4, beside].mean(axis=1)).all()


def test_gradients_reach_the_spectrogram_and_nothing_else(encoder, heard):
    x = torch.from_numpy(heard[None, :, :100].copy()).requires_grad_()
    direction = torch.from_numpy(np.random.default_rng(0).standard_normal((1, 80, 100)).astype(np.float32))
    encoder.stages(x, (2,)).square().sum().backward()
    assert x.grad is not None
    with torch.inference_mode():
        up, down = (encoder.stages(x + sign * 1e-2 * direction, (2,)).double().square().sum() for sign in (1, -1))
    assert (x.grad * direction).sum().item() == pytest.approx((up - down).item() / 2e-2, rel=0.02)
    assert not any(parameter.requires_grad for parameter in encoder.parameters())


def test_what_does_not_fit_is_refused(encoder, heard):
    x = torch.from_numpy(np.tile(heard, 2)[None, :, :3001])
    with pytest.raises(ValueError, match="1501"):
        encoder(x)
    with pytest.raises(ValueError, match="1400 to 1501"):
        encoder.stages(x[:, :, :202], (0,), 1400)
    with pytest.raises(ValueError, match="stages"):
        encoder.stages(x[:, :, :100], (5,))
    with pytest.raises(ValueError, match="1501"):
        list(windows(2000, POSITIONS + 1))
    with pytest.raises(ValueError, match=str(2 * CONTEXT)):
        list(windows(2000, 2 * CONTEXT))


def test_it_says_where_it_comes_from_and_makes_no_random_weights(encoder):
    before = torch.get_rng_state()
    again = load_whisper.__wrapped__()
    assert torch.equal(torch.get_rng_state(), before)
    assert again.digest == encoder.digest
    assert len(encoder.digest) == 16
    assert "tiny.en" in encoder.provenance
    assert "MIT" in encoder.provenance
    assert load_whisper() is encoder
    assert all(value.dtype == torch.float32 and not value.is_meta for value in encoder.state_dict().values())

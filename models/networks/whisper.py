"""The encoder of OpenAI's Whisper tiny.en: a voice → 50 positions a second, after each of its stages.

Radford et al. 2022, arXiv:2212.04356. ``whisper.model.AudioEncoder(80, 1500, 384, 6, 4)`` is the reference in the tests. Unlike there, a
clip is not padded to 30 s: the table of positions is cut to its length, so that the cost grows with the length.

When a sound comes is a large part of its encoding: two seconds later the mean of block 2 over a sentence has moved by more than from a
neutral sentence to a sad one (1.7 times on RAVDESS). A model that learned from short clips reads a long one in windows of about
their length (``longest``).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from safetensors import safe_open
from torch import nn
from torch.nn import functional as F

from features.log_mel import N_MELS, log_mel

WEIGHTS = Path(__file__).parents[1] / "weights"
WIDTH = 384
HEADS = 6
BLOCKS = 4
STAGES = tuple(range(BLOCKS + 1))
"""What comes out of the convolutions with positions added (0), and of the blocks 1 to 4, before the last normalisation."""
POSITIONS = 1500  # of one window: 30 s
POSITIONS_PER_SECOND = 50
_STRIDE = 2  # frames of the log-mel spectrogram of one position
CONTEXT = 50  # positions that a window reads before and after what is kept of it: 1 s


class Attention(nn.Module):
    """Self-attention with 6 heads (Vaswani et al. 2017); keys have no bias."""

    def __init__(self) -> None:
        super().__init__()
        self.query, self.value, self.out = nn.Linear(WIDTH, WIDTH), nn.Linear(WIDTH, WIDTH), nn.Linear(WIDTH, WIDTH)
        self.key = nn.Linear(WIDTH, WIDTH, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(n, positions, 384) → the same shape."""
        query, key, value = (part(x).unflatten(2, (HEADS, -1)).transpose(1, 2) for part in (self.query, self.key, self.value))
        return self.out(F.scaled_dot_product_attention(query, key, value).transpose(1, 2).flatten(2))


class Block(nn.Module):
    """Attention, then two layers with a GELU between; both normalise first and are added to what came in."""

    def __init__(self) -> None:
        super().__init__()
        self.attn, self.attn_ln = Attention(), nn.LayerNorm(WIDTH)
        self.mlp = nn.Sequential(nn.Linear(WIDTH, 4 * WIDTH), nn.GELU(), nn.Linear(4 * WIDTH, WIDTH))
        self.mlp_ln = nn.LayerNorm(WIDTH)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(n, positions, 384) → the same shape."""
        x = x + self.attn(self.attn_ln(x))
        return x + self.mlp(self.mlp_ln(x))


class WhisperEncoder(nn.Module):
    """Two convolutions, sinusoidal positions, 4 blocks of a Transformer, and a last normalisation."""

    positional_embedding: torch.Tensor

    def __init__(self, provenance: str, digest: str) -> None:
        super().__init__()
        self.name, self.provenance, self.digest = "whisper-tiny.en", provenance, digest
        self.conv1 = nn.Conv1d(N_MELS, WIDTH, 3, padding=1)
        self.conv2 = nn.Conv1d(WIDTH, WIDTH, 3, stride=_STRIDE, padding=1)
        self.register_buffer("positional_embedding", torch.empty(POSITIONS, WIDTH))
        self.blocks = nn.ModuleList(Block() for _ in range(BLOCKS))
        self.ln_post = nn.LayerNorm(WIDTH)
        self.eval().requires_grad_(False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """float32 (n, 80, frames), up to 3000 frames → (n, positions, 384), normalised: what Whisper's decoder reads."""
        return self.ln_post(self.stages(x, STAGES[-1:])[:, 0])

    def stages(self, x: torch.Tensor, wanted: Sequence[int] = STAGES, first: int = 0) -> torch.Tensor:
        """float32 (n, 80, frames), up to 3000 frames → (n, stages, positions, 384), in the order of ``wanted``.

        Blocks after the last one that is wanted are not computed. Gradients flow back to ``x``. The sound lies at the position ``first``
        and after it, 0 unless it is meant to be heard as a later part of a clip.

        Raises:
            ValueError: the sound ends after the last of 1500 positions, or there is no such stage.
        """
        last = first + positions_of(x.shape[2])
        if not 0 <= first < last <= POSITIONS:
            raise ValueError(f"A sound at the positions {first} to {last} does not lie within the {POSITIONS} of one window.")
        if not set(wanted) <= set(STAGES):
            raise ValueError(f"There are the stages {STAGES}, not {tuple(wanted)}.")
        h = F.gelu(self.conv2(F.gelu(self.conv1(x)))).transpose(1, 2).contiguous()  # or every layer would copy
        found = [h + self.positional_embedding[first:last]]
        for block in islice(self.blocks, max(wanted)):
            found.append(block(found[-1]))
        return torch.stack([found[stage] for stage in wanted], dim=1)

    def joined(self, x: torch.Tensor, wanted: Sequence[int] = STAGES, longest: int = POSITIONS) -> torch.Tensor:
        """As :meth:`stages` of a sound of any length, in the windows of :meth:`pieces`; gradients flow back to ``x``."""
        found = windows(positions_of(x.shape[2]), longest)
        parts = [self.stages(x[:, :, _STRIDE * part.start : _STRIDE * part.stop], wanted)[:, :, kept] for part, kept in found]
        return torch.cat(parts, dim=2)

    def hear(self, samples: np.ndarray, wanted: Sequence[int] = STAGES, longest: int = POSITIONS) -> np.ndarray:
        """float32 (n,) at 16 kHz of any length → float32 (stages, positions, 384)."""
        return self.encode(log_mel(samples), wanted, longest)

    def encode(self, log_mel: np.ndarray, wanted: Sequence[int] = STAGES, longest: int = POSITIONS) -> np.ndarray:
        """float32 (80, frames) of any length → float32 (stages, positions, 384), 50 positions a second.

        All five stages of 5 minutes take 115 MB: take them from :meth:`pieces` one after the other where they are summarised anyway.
        """
        pieces = list(self.pieces(log_mel, wanted, longest))
        return pieces[0] if len(pieces) == 1 else np.concatenate(pieces, axis=1)

    def pieces(self, log_mel: np.ndarray, wanted: Sequence[int] = STAGES, longest: int = POSITIONS) -> Iterator[np.ndarray]:
        """float32 (80, frames) of any length → float32 (stages, positions, 384), piece by piece: joined they are the whole clip.

        A clip of up to ``longest`` positions is one piece. A longer one is cut into equal pieces, so that none is short, and each is
        encoded with a second of what lies before and after it, at most ``longest`` positions together. Each window counts its
        positions from its own start, as Whisper does, so at a join the encoding steps as it does when a sound comes at another time.
        Context is not what makes it step: at equal positions the blocks deviate from the whole clip's encoding beside a join hardly
        more than elsewhere (block 2 by 0.16 of its spread), and four times as much without overlap.
        """
        for window, kept in windows(positions_of(log_mel.shape[1]), longest):
            part = log_mel[None, :, _STRIDE * window.start : _STRIDE * window.stop]
            yield self._encode(part, wanted)[0, :, kept]

    def many(self, log_mels: Iterable[np.ndarray], wanted: Sequence[int] = STAGES, longest: int = POSITIONS) -> Iterator[np.ndarray]:
        """Masked copies of one clip, each float32 (80, frames) → float32 (b, stages, positions, 384), a few at a time.

        Masks and results are asked for one batch after the other, so memory does not grow with their number, and the caller can report
        progress between two batches. A batch holds as many positions as the longest window, and at least one copy.
        """
        rest = iter(log_mels)
        for copy in rest:
            positions = positions_of(copy.shape[1])
            if positions > longest:
                yield self.encode(copy, wanted, longest)[None]
            else:
                yield self._encode(np.stack([copy, *islice(rest, POSITIONS // positions - 1)]), wanted)

    @torch.inference_mode()
    def _encode(self, x: np.ndarray, wanted: Sequence[int]) -> np.ndarray:
        return self.stages(torch.from_numpy(np.ascontiguousarray(x, np.float32)), wanted).numpy()


def positions_of(frames: int) -> int:
    """How many positions the encoder gives for so many frames of a log-mel spectrogram.

    >>> positions_of(399), positions_of(3000)
    (200, 1500)
    """
    return -(-frames // _STRIDE)


def windows(positions: int, longest: int = POSITIONS) -> Iterator[tuple[slice, slice]]:
    """What is encoded together, as positions of the clip, and what of that is kept, as positions of the window.

    >>> list(windows(2000))
    [(slice(0, 1050, None), slice(0, 1000, None)), (slice(950, 2000, None), slice(50, 1050, None))]

    Raises:
        ValueError: ``longest`` leaves no room between the contexts, or is more than 1500.
    """
    if not 2 * CONTEXT < longest <= POSITIONS:
        raise ValueError(f"A window is longer than {2 * CONTEXT} positions and at most {POSITIONS}, not {longest}.")
    count = 1 if positions <= longest else -(-positions // (longest - 2 * CONTEXT))
    for piece in range(count):
        first, last = piece * positions // count, (piece + 1) * positions // count
        start = max(0, first - CONTEXT)
        yield slice(start, min(positions, last + CONTEXT)), slice(first - start, last - start)


@lru_cache(maxsize=1)
def load_whisper() -> WhisperEncoder:
    """Whisper tiny.en's encoder, loaded once: half precision in the file, single in memory (33 MB)."""
    path = WEIGHTS / "whisper_tiny_en_encoder.safetensors"
    with safe_open(path, "pt") as file:
        meta = file.metadata()
        state = {key: file.get_tensor(key).float() for key in file.keys()}  # noqa: SIM118
    digest = hashlib.sha256(path.read_bytes()).hexdigest()[:16]
    with torch.device("meta"):  # no random weights first
        encoder = WhisperEncoder(f"{meta['model']}; {meta['source']}; {meta['licence']}", digest)
    encoder.load_state_dict(state, assign=True)
    return encoder

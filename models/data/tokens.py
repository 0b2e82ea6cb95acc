"""Recordings as tokens of a pretrained encoder: kept as one file each, from which only what is drawn is read."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from features import Modality
from models.data.cache import cached_file, seed_of
from models.data.copies import CLEAN, VOICE_VARIANTS, copies_of
from models.data.ravdess import Take
from models.monitoring.progress import shown
from models.networks.encoders import load_encoder
from models.threads import one_thread

MOST = 9  # tokens that are kept of a recording: 4.5 s of speech
_LATER = 101  # fiftieths of a second by which an augmented copy comes later, less than that
_VERSION = 1  # of what is computed of a voice: part of the cache's keys


@dataclass(frozen=True)
class VoiceTokens:
    """n recordings.

    Attributes:
        files: of each, float16 (copies, 9, 1 + d), mapped into memory: first whether the token is there, 0 or 1, then the token. The copies
            are those of :mod:`models.data.copies`: for training, then corrupted.
        encoder: name of what made them.
    """

    files: list[np.ndarray]
    encoder: str

    def where(self, mask: np.ndarray) -> VoiceTokens:
        """Those for which ``mask``, bool (n,), is true."""
        return replace(self, files=[file for file, keep in zip(self.files, mask, strict=True) if keep])

    def take(self, rows: np.ndarray, copies: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Some copies of some recordings, both int (b,) → float32 (b, k, d), zeros where there is no token, and bool (b, k)."""
        found = np.stack([self.files[row][copy] for row, copy in zip(rows, copies, strict=True)])
        there = found[:, :, 0] > 0
        longest = int(there.sum(axis=1).max())
        return found[:, :longest, 1:].astype(np.float32), there[:, :longest]

    def of(self, row: int, copy: int) -> np.ndarray:
        """float32 (k, d): the tokens of one copy."""
        found = self.files[row][copy].astype(np.float32)
        return found[found[:, 0] > 0, 1:]

    @property
    def width(self) -> int:
        """Numbers of a token."""
        return self.files[0].shape[2] - 1


def load_tokens(takes: list[Take], cache: Path, encoder: str, workers: int | None = None) -> VoiceTokens:
    """All copies of all recordings by an encoder of :data:`models.networks.encoders.ENCODERS`, from the cache or computed now."""
    with ProcessPoolExecutor(workers) as pool:
        jobs = pool.map(_path, takes, [cache] * len(takes), [encoder] * len(takes), chunksize=8)
        paths = list(shown(jobs, f"tokens of voices by {encoder}", len(takes)))
    return VoiceTokens([np.load(path, mmap_mode="r", allow_pickle=False) for path in paths], encoder)


@one_thread()
def _path(take: Take, cache: Path, encoder: str) -> Path:
    """File with the tokens of one recording."""
    data, own = take.path.read_bytes(), load_encoder(Modality.AUDIO, encoder)

    def compute() -> np.ndarray:
        rng = np.random.default_rng(seed_of(data) + 1)
        copies = copies_of(data)
        found = np.zeros((len(copies), MOST, 1 + len(own.names)), np.float16)
        for number, copy in enumerate(copies):
            augmented = CLEAN.stop <= number < VOICE_VARIANTS
            tokens = own.later(copy, rng.integers(_LATER) / 50) if augmented else own(copy).tokens
            found[number, : len(tokens), 0], found[number, : len(tokens), 1:] = 1.0, tokens[:MOST]
        return found

    return cached_file(cache, f"tokens {_VERSION} {own.digest}", data, compute)

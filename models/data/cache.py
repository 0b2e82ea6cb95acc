"""Results of slow computations, kept as files under the hash of what they were computed from."""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np


def cached(folder: Path, settings: str, data: bytes, compute: Callable[[], dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """``compute()``, kept as one file of arrays under the hash of the content and of the settings."""
    path = folder / f"{hashlib.sha256(settings.encode() + data).hexdigest()}.npz"
    if not path.exists():
        arrays = compute()
        folder.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(f".{os.getpid()}-{threading.get_ident()}.part.npz")
        np.savez(partial, allow_pickle=False, **arrays)
        partial.replace(path)
    with np.load(path, allow_pickle=False) as kept:
        return dict(kept)


def cached_file(folder: Path, settings: str, data: bytes, compute: Callable[[], np.ndarray]) -> Path:
    """As :func:`cached` for one array; → the ``.npy`` file, which can be mapped into memory."""
    path = folder / f"{hashlib.sha256(settings.encode() + data).hexdigest()}.npy"
    if not path.exists():
        array = compute()
        folder.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(f".{os.getpid()}-{threading.get_ident()}.part.npy")
        np.save(partial, array, allow_pickle=False)
        partial.replace(path)
    return path


def seed_of(data: bytes) -> int:
    """A seed that belongs to the content of a file."""
    return int.from_bytes(hashlib.sha256(data).digest()[:8], "little")

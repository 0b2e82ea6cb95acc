"""Patches of a mel spectrogram, and the spectrogram without some of them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from features.audio import SCALE, MelScale, dct_matrix
from features.speech import sounding_span

GRID = (10, 8)  # patches along time and along frequency
_BACKGROUND = 10  # percentile of a band over time: what remains when a patch is hidden


@dataclass(frozen=True)
class Patches:
    """A grid of p patches over the sounding part of one recording.

    Attributes:
        mel_db: float32 (bands, frames), the recording's mel spectrogram in dB, as its encoder reads it.
        cells: int (p, 4): first and last (exclusive) frame, first and last (exclusive) mel band of each patch.
    """

    mel_db: np.ndarray
    cells: np.ndarray

    def __len__(self) -> int:
        return len(self.cells)

    @cached_property
    def background(self) -> np.ndarray:
        """(bands,) dB: the quiet level of each band in this recording, to which a hidden patch is faded."""
        return np.percentile(self.mel_db, _BACKGROUND, axis=1)

    def hidden(self, kept: np.ndarray) -> np.ndarray:
        """float32 (bands, frames): the spectrogram with the patches outside ``kept``, bool (p,), faded to the background."""
        quiet, faded = self.background, self.mel_db.copy()
        for first, last, low, high in self.cells[~kept]:
            faded[low:high, first:last] = quiet[low:high, None]
        return faded

    @cached_property
    def shifts(self) -> np.ndarray:
        """float64 (p, 40): what hiding each patch adds to the mean MFCCs, which are linear in their spectrogram."""
        change = self.background[:, None] - self.mel_db.astype(float)
        bands = np.zeros((len(self.cells), len(self.mel_db)))
        for patch, (first, last, low, high) in enumerate(self.cells):
            bands[patch, low:high] = change[low:high, first:last].sum(axis=1)
        return bands @ dct_matrix().T / self.mel_db.shape[1]

    @cached_property
    def frame_shifts(self) -> list[tuple[int, int, np.ndarray]]:
        """For each patch its first and last (exclusive) frame, and what hiding it adds to the MFCCs of those: (40, frames)."""
        mel_db, change, quiet = self.mel_db.astype(float), dct_matrix(), self.background
        return [(a, b, change[:, low:high] @ (quiet[low:high, None] - mel_db[low:high, a:b])) for a, b, low, high in self.cells.tolist()]


def patch_grid(mel_db: np.ndarray, grid: tuple[int, int] = GRID, span: tuple[int, int] | None = None) -> Patches:
    """(bands, frames) dB → a regular grid over ``span``, by default from the first to the last sound."""
    first, last = span or sounding_span(mel_db)
    columns = np.unique(np.linspace(first, last, min(grid[0], last - first) + 1).round().astype(int))
    rows = np.linspace(0, len(mel_db), grid[1] + 1).round().astype(int)
    cells = [(a, b, low, high) for a, b in zip(columns, columns[1:], strict=False) for low, high in zip(rows, rows[1:], strict=False)]
    return Patches(mel_db, np.array(cells))


def segments(cells: np.ndarray, seconds: float, scale: MelScale = SCALE) -> np.ndarray:
    """float (p, 4): t0, t1 in seconds on the clock and hz0, hz1 in hertz of each cell, in a sound of so many seconds."""
    # A patch reaches half a hop beyond its first and last frame.
    times = np.clip(scale.starts(cells[:, :2]), scale.origin, scale.origin + seconds)
    return np.concatenate([times, scale.edges[cells[:, 2:]]], axis=1)

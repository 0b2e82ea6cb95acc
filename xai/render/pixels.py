"""Numbers as small pictures: levels in viridis, deviations from a mean in purple and orange."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

REACH = 3.0  # deviations from the mean at which a colour is full
WIDTH = 800  # pixels: of what has a time axis
ROW, _CELL = 64, 12  # numbers in one row of a strip, pixels of each
# Below and above the mean; not the colours of evidence, which is something else.
_BELOW, _MEAN, _ABOVE = (84, 39, 136), (245, 245, 245), (179, 88, 6)


def coloured(
    values: np.ndarray, low: float | None = None, high: float | None = None, width: int | None = None, height: int | None = None
) -> np.ndarray:
    """(h, w) → uint8 (height, width, 3) in viridis, dark low, from ``low`` to ``high`` (those of the values by default)."""
    low, high = (float(values.min()) if low is None else low), (float(values.max()) if high is None else high)
    share = np.clip((values - low) / ((high - low) or 1.0), 0, 1)
    rgb = cv2.applyColorMap((255 * share).round().astype(np.uint8), cv2.COLORMAP_VIRIDIS)[..., ::-1]
    return _sized(rgb, width or WIDTH, height or 2 * len(values))


def diverging(z: np.ndarray, width: int | None = None, height: int | None = None) -> np.ndarray:
    """(h, w) deviations from a mean → uint8 (height, width, 3): purple below it, white at it, orange above."""
    share = np.clip(np.abs(z) / REACH, 0, 1)[..., None]
    end = np.where((z >= 0)[..., None], np.array(_ABOVE, float), np.array(_BELOW, float))
    rgb = (np.array(_MEAN) + share * (end - np.array(_MEAN))).round().astype(np.uint8)
    return _sized(rgb, width or WIDTH, height or 2 * len(z))


def strip(values: np.ndarray, colours: Callable[..., np.ndarray]) -> np.ndarray:
    """(d,) → uint8 (h, w, 3): a cell of 12 pixels for each number, at most 64 in a row, coloured by ``colours``."""
    width = min(ROW, len(values))
    rows = -(-len(values) // width)
    cells = np.zeros(rows * width)
    cells[: len(values)] = values
    return colours(cells.reshape(rows, width), width=width * _CELL, height=rows * _CELL)


def _sized(rgb: np.ndarray, width: int, height: int) -> np.ndarray:
    method = cv2.INTER_AREA if width < rgb.shape[1] else cv2.INTER_NEAREST
    return cv2.resize(np.ascontiguousarray(rgb), (width, height), interpolation=method)

"""Modalities, the named columns that each contributes to the feature vector, and the one place that standardises them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

import numpy as np


class Modality(StrEnum):
    """What a recording is perceived by. The values are keys in ``result.json``; ``noun`` is the word for a reader."""

    AUDIO = "audio"
    VIDEO = "video"

    @property
    def noun(self) -> str:
        """``voice`` or ``face``."""
        return _NOUNS[self]


_NOUNS = {Modality.AUDIO: "voice", Modality.VIDEO: "face"}


@dataclass(frozen=True)
class FeatureSpace:
    """The columns of the feature vector: for each modality its names, in order.

    >>> space = FeatureSpace({Modality.AUDIO: ("a", "b"), Modality.VIDEO: ("c",)})
    >>> space.join({Modality.AUDIO: np.array([1.0, 2.0])})
    array([ 1.,  2., nan])
    >>> space.part(np.arange(3), Modality.VIDEO)
    array([2])
    """

    columns: Mapping[Modality, tuple[str, ...]]

    @cached_property
    def names(self) -> list[str]:
        """All column names."""
        return [name for own in self.columns.values() for name in own]

    @cached_property
    def slices(self) -> dict[Modality, slice]:
        """Where the columns of each modality lie."""
        ends = np.cumsum([len(own) for own in self.columns.values()]).tolist()
        return {m: slice(end - len(own), end) for (m, own), end in zip(self.columns.items(), ends, strict=True)}

    def __len__(self) -> int:
        return len(self.names)

    def size(self, modality: Modality) -> int:
        """Number of columns of a modality."""
        return len(self.columns[modality])

    def part(self, values: np.ndarray, modality: Modality, axis: int = -1) -> np.ndarray:
        """The columns of a modality along ``axis`` of an array, as a view."""
        index: list[slice] = [slice(None)] * values.ndim
        index[axis] = self.slices[modality]
        return values[tuple(index)]

    def join(self, parts: Mapping[Modality, np.ndarray | None]) -> np.ndarray:
        """One vector (d,) from those of the modalities; NaN where one is missing or None."""
        vector = np.full(len(self), np.nan)
        for modality, part in parts.items():
            if part is not None:
                vector[self.slices[modality]] = part
        return vector

    def present(self, vector: np.ndarray) -> frozenset[Modality]:
        """The modalities of a raw vector (d,) that are not missing (NaN)."""
        return frozenset(m for m in self.columns if not np.isnan(self.part(vector, m)).any())


@dataclass(frozen=True)
class Standardiser:
    """Raw features to zero mean and unit deviation, by the moments of the training set.

    Attributes:
        mean, std: float64 (d,).
        space: what the columns are.
    """

    mean: np.ndarray
    std: np.ndarray
    space: FeatureSpace

    def __call__(self, vectors: np.ndarray) -> np.ndarray:
        """Raw (n, d), NaN where a modality is missing, to float32 (n, d) with zeros there."""
        z = (np.asarray(vectors, float) - self.mean) / self.std
        return np.nan_to_num(z, nan=0.0).astype(np.float32)

    def part(self, values: np.ndarray, modality: Modality, axis: int = -1, dtype: type = np.float64) -> np.ndarray:
        """Raw columns of one modality along ``axis``, any other shape, to float32.

        Args:
            dtype: of the computation; float32 where memory matters more than the last digit.
        """
        shape = [1] * values.ndim
        shape[axis] = -1
        parts: list[np.ndarray] = [self.space.part(moments, modality).astype(dtype).reshape(shape) for moments in (self.mean, self.std)]
        return ((values - parts[0]) / parts[1]).astype(np.float32)

    def raw_gradient(self, gradient: np.ndarray, modality: Modality | None = None) -> np.ndarray:
        """Derivatives by standardised features (…, d), of one modality or of all, to derivatives by raw ones."""
        return gradient / (self.std if modality is None else self.space.part(self.std, modality))

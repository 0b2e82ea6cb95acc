"""A voice as a sequence of tokens: the output of a pretrained encoder for each half second of the speech.

What a patch of its spectrogram is, and what a recording is without one, comes from the encoder, too.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np

from features.audio import AudioFeatures, MelScale

TOKEN_SECONDS = 0.5


class TokenEncoder(Protocol):
    """Speech → tokens.

    Attributes:
        name: in :data:`models.networks.encoders.ENCODERS`; title: for a reader.
        names: d names of the numbers of a token.
        scale: of the spectrogram whose patches can be removed.
        gradients: whether :meth:`differentiable` can be asked.
    """

    name: str
    title: str
    names: tuple[str, ...]
    scale: MelScale
    gradients: bool

    def __call__(self, samples: np.ndarray) -> TokenFeatures:
        """float32 (n,) at 22,050 Hz → the voice."""

    def copies(self, audio: TokenFeatures, mel_db: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
        """Masked copies of a voice, each (bands, frames) in dB → their tokens, float32 (b, k, d), a few copies at a time."""

    def differentiable(self, audio: TokenFeatures, mel_db: Any) -> Any:
        """Torch tensor (n, bands, frames) in dB → tokens (n, k, d) through which gradients flow back; only where :attr:`gradients`."""


@dataclass(frozen=True, kw_only=True)
class TokenFeatures(AudioFeatures):
    """A voice as tokens; ``vector`` is their mean, each weighted by its length.

    Attributes:
        encoder: what made them.
        tokens: float32 (k, d).
        speech: first and last (exclusive) frame of the spectrogram that the tokens are of: silence at the ends is cut off.
        peak: dB of the loudest cell of the speech, where the encoder levels recordings by it.
    """

    encoder: TokenEncoder
    tokens: np.ndarray
    speech: tuple[int, int]
    peak: float = 0.0

    @property
    def span(self) -> tuple[int, int]:
        return self.speech

    @property
    def scale(self) -> MelScale:
        return replace(self.encoder.scale, origin=self.start)

    @property
    def names(self) -> tuple[str, ...]:
        return self.encoder.names

    @property
    def segments(self) -> np.ndarray:
        """float64 (k, 2): start and end of each token in seconds on the clock of the recording."""
        first, last = self.scale.starts(np.array(self.speech)).clip(self.start, self.end)
        starts = first + TOKEN_SECONDS * np.arange(len(self.tokens))
        return np.stack([starts, np.minimum(starts + TOKEN_SECONDS, max(first, last))], axis=1)

    def part(self, first: int, last: int) -> TokenFeatures | None:
        """What lies between two frames of the spectrogram, encoded by itself; None where there is no speech."""
        first, last = max(first, self.speech[0]), min(last, self.speech[1])
        if first >= last:
            return None
        cut = replace(self, speech=(first, last))
        tokens = next(iter(self.encoder.copies(cut, [self.mel_db])))[0]
        lengths = token_lengths(last - first, self.scale.frame_rate)[: len(tokens)]  # some encoders give one token of the whole
        return replace(cut, tokens=tokens, vector=mean_token(tokens, lengths))

    def _encoded(self, samples: np.ndarray) -> AudioFeatures:
        return self.encoder(samples)


def token_lengths(frames: int, frame_rate: float) -> np.ndarray:
    """int (k,): how many of so many frames lie in each token; the last one may be shorter.

    >>> token_lengths(120, 100.0)
    array([50, 50, 20])
    """
    each = round(TOKEN_SECONDS * frame_rate)
    return np.diff(np.append(np.arange(0, frames, each), frames))


def mean_token(tokens: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """(k, d) and (k,) → float64 (d,): their mean, weighted by length."""
    return lengths @ tokens.astype(float) / lengths.sum()

"""Do a voice and a video belong together? The video's own sound track tells.

Two recordings of one utterance, through whatever microphones, share the phase of every sound; two utterances of one sentence
do not. The generalised cross-correlation with phase transform (Knapp & Carter 1976, doi 10.1109/TASSP.1976.1162830) shows a
single sharp peak for the former only. On RAVDESS it is over 2,000 standard deviations high for one take, over 90 with noise as
loud as the voice, and at most 65 for all 719 pairs of takes of one sentence by one actor in one emotion (``tests.features.takes``).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import scipy.fft

from features.audio import RATE, voice_of
from features.media import MediaError, read_sound
from features.speech import is_silent

SAME = 68.0  # standard deviations
_COMPARED = 20.0  # seconds of each: clocks of two devices drift apart
_LAG = 5.0  # seconds that one may start after the other
_BAND = 100.0, 4000.0  # Hz that every microphone and codec keeps
_PEAK = 0.01  # seconds around the peak that belong to it


@dataclass(frozen=True)
class Pairing:
    """How a voice fits the sound track of a video.

    Attributes:
        sharpness: height of the highest peak, in standard deviations of the cross-correlation around it.
        lag: seconds by which what is said comes later in the voice than in the sound track, each on its own clock; means nothing
            unless ``same``.
    """

    sharpness: float
    lag: float

    @property
    def same(self) -> bool:
        """They were recorded at the same moment."""
        return self.sharpness >= SAME


def pair(samples: np.ndarray, video: bytes, start: float = 0.0) -> Pairing | None:
    """Compare a voice with the sound track of a video; None where the video has none, or a silent one.

    Args:
        samples: float32 (n,), mono at 22,050 Hz.
        video: bytes of the file.
        start: when the voice's first sample is heard, in seconds on its clock.
    """
    try:
        track = read_sound(video, first=_COMPARED)
    except MediaError:
        return None
    other = voice_of(track).samples
    if is_silent(other) or is_silent(samples):
        return None
    found = compare(samples, other)
    return replace(found, lag=found.lag + start - track.start)


def compare(first: np.ndarray, second: np.ndarray) -> Pairing:
    """Two sounds, float32 (n,) and (m,) at 22,050 Hz."""
    most = int(_COMPARED * RATE)
    first, second = (part[:most] - part[:most].mean() for part in (first, second))
    size = scipy.fft.next_fast_len(len(first) + len(second), real=True)
    spectrum = scipy.fft.rfft(first, size) * np.conj(scipy.fft.rfft(second, size))
    magnitude = np.abs(spectrum)
    spectrum /= np.maximum(magnitude, 1e-6 * magnitude.max() + 1e-30)
    hz = scipy.fft.rfftfreq(size, 1 / RATE)
    spectrum[(hz < _BAND[0]) | (hz > _BAND[1])] = 0
    correlation = np.abs(scipy.fft.irfft(spectrum, size))
    lags = min(int(_LAG * RATE), size // 2 - 1)
    correlation = np.concatenate([correlation[-lags:], correlation[: lags + 1]])
    peak = int(correlation.argmax())
    width = int(_PEAK * RATE)
    rest = np.concatenate([correlation[: max(0, peak - width)], correlation[peak + width :]])
    return Pairing(float(correlation[peak] / np.sqrt(np.mean(rest**2, dtype=float))), (peak - lags) / RATE)

"""The sound of the evidence: LIME's patches as a mask on the recording's own spectrum, so that they can be heard.

The mask lies on the short-time Fourier transform and the original phase is kept (``scipy.signal.ShortTimeFFT``), so no
vocoder adds sounds of its own, and the evidence and the rest add up to the recording exactly. Borders are soft: hard ones
ring. Both are played at the level of the recording, because loudness would otherwise be taken for importance.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from functools import cache

import numpy as np
import scipy.ndimage
import scipy.signal
import soundfile

from features.audio import HOP, N_FFT, RATE, SCALE, AudioFeatures, MelScale

SHARE = 0.7  # of all evidence for the class: the strongest patches that carry it are kept
_SOFT = (1.5, 0.6)  # deviations of the mask's borders, in frequency bins and frames
_MOST_GAIN = 10.0  # 20 dB: beyond, hiss would be turned into evidence


@dataclass(frozen=True)
class Heard:
    """A recording taken apart.

    Attributes:
        evidence, rest: float32 (n,) at 22,050 Hz, whose sum is the recording.
        patches: int (k,), positions of the patches in ``evidence``, strongest first.
    """

    evidence: np.ndarray
    rest: np.ndarray
    patches: np.ndarray


def strongest_patches(weights: np.ndarray, share: float = SHARE) -> np.ndarray:
    """Positions of the fewest patches (of (p,) weights) that carry ``share`` of everything that speaks for the class."""
    order = np.argsort(-weights, kind="stable")
    order = order[weights[order] > 0]
    if not len(order):
        return order
    carried = np.cumsum(weights[order])
    return order[: int(np.searchsorted(carried, share * carried[-1])) + 1]


def take_apart(audio: AudioFeatures, cells: np.ndarray, weights: np.ndarray, share: float = SHARE) -> Heard | None:
    """The sound inside the patches that speak most for a class, and everything else; None if nothing speaks for it.

    Args:
        cells: int (p, 4): first and last (exclusive) frame, first and last (exclusive) band of the spectrogram that the encoder reads.
        weights: (p,), how much each speaks for the class.
    """
    patches = strongest_patches(weights, share)
    if not len(patches):
        return None
    transform = _transform()
    samples = np.pad(audio.samples, (0, max(0, N_FFT - len(audio.samples))))
    spectrum = transform.stft(samples)
    spectrum *= _mask(spectrum.shape, cells[patches], audio.scale, -transform.p_min)
    evidence = transform.istft(spectrum, k1=len(samples))[: len(audio.samples)].astype(np.float32)
    return Heard(evidence, audio.samples - evidence, patches)


def level_matched(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """``part`` as loud as ``whole`` where either sounds (at most 20 dB louder than it is), never beyond full scale."""
    wanted, own = _loudness(whole), _loudness(part)
    gain = min(wanted / own, _MOST_GAIN) if own > 0 else 1.0
    peak = float(np.abs(part).max(initial=0.0)) * gain
    return (part * gain * min(1.0, 0.99 / peak if peak else 1.0)).astype(np.float32)


def to_wav(samples: np.ndarray) -> bytes:
    """float32 (n,) at 22,050 Hz → a 16-bit WAV, made in memory."""
    buffer = io.BytesIO()
    soundfile.write(buffer, np.clip(samples, -1.0, 1.0), RATE, format="WAV", subtype="PCM_16")
    return buffer.getvalue()


@cache
def _transform() -> scipy.signal.ShortTimeFFT:
    return scipy.signal.ShortTimeFFT(scipy.signal.windows.hann(N_FFT, sym=False), HOP, RATE)


def _mask(shape: tuple[int, ...], cells: np.ndarray, scale: MelScale, first: int) -> np.ndarray:
    """float32 (bins, slices): 1 inside the cells, 0 outside, soft between; ``first`` is the slice of this transform's frame 0."""
    mask = np.zeros(shape, np.float32)
    bins = np.round(scale.edges / (RATE / N_FFT)).astype(int)
    if scale.rate >= RATE:
        bins[-1] = shape[0]
    slices = first + np.round(scale.offsets(cells[:, :2]) * SCALE.frame_rate + 0.5).astype(int)
    for (start, end), (low, high) in zip(slices.tolist(), cells[:, 2:].tolist(), strict=True):
        mask[bins[low] : bins[high], max(0, start) : end] = 1.0
    return scipy.ndimage.gaussian_filter(mask, _SOFT, mode="nearest")


def _loudness(samples: np.ndarray) -> float:
    """Root mean square of the louder half of all blocks of 23 ms: silence around the speech does not count."""
    blocks = samples[: len(samples) // HOP * HOP].reshape(-1, HOP) if len(samples) >= HOP else samples[None]
    power = np.sort((blocks.astype(float) ** 2).mean(axis=1))
    return float(np.sqrt(power[len(power) // 2 :].mean()))

"""High dynamic range to standard: telephones film in HLG, some cameras in PQ, and both in the colours of BT.2020.

Read as if they were standard, such pictures are grey and pale. Light is taken to be that of a display (ITU-R BT.2100-2), reference white
(203 cd/m², ITU-R BT.2408) becomes the white of a standard picture, brighter light is compressed beyond a knee, BT.2020 becomes
BT.709, and a standard display (ITU-R BT.1886, exponent 2.4) is what the numbers are for. libswscale does the same since FFmpeg 7.1, in
2.4 s a picture on one core, because it builds its table anew each time; this takes 0.1 s at 720p.
"""

from __future__ import annotations

from functools import cache

import av
import numpy as np
from av.video.reformatter import ColorTrc

REFERENCE_WHITE = 203.0  # cd/m²
HLG_PEAK = 1000.0  # cd/m², of the display that HLG's exponent 1.2 belongs to
_HLG_GAMMA = 1.2
_KNEE = 0.8  # of white
_DISPLAY = 2.4
_A, _B, _C = 0.17883277, 0.28466892, 0.55991073  # BT.2100, table 5
_M1, _M2, _C1, _C2, _C3 = 2610 / 16384, 2523 / 32, 3424 / 4096, 2413 / 128, 2392 / 128  # BT.2100, table 4
_LUMA = np.array([0.2627, 0.6780, 0.0593], np.float32)
# BT.2087: BT.2020 to BT.709, both linear.
_TO_709 = np.array([[1.6605, -0.5876, -0.0728], [-0.1246, 1.1329, -0.0083], [-0.0182, -0.1006, 1.1187]], np.float32)
_LEVELS = 65536


def is_hdr(frame: av.VideoFrame) -> bool:
    """Whether the file says that the picture is HLG or PQ."""
    return frame.color_trc in (ColorTrc.ARIB_STD_B67, ColorTrc.SMPTE2084)


def hlg_light(signal: np.ndarray) -> np.ndarray:
    """HLG's signal in [0, 1] → light of the scene in [0, 1]: the inverse of BT.2100's OETF.

    >>> hlg_light(np.array([0.0, 0.5, 1.0])).round(4).tolist()
    [0.0, 0.0833, 1.0]
    """
    return np.where(signal <= 0.5, signal**2 / 3, (np.exp((signal - _C) / _A) + _B) / 12)


def pq_light(signal: np.ndarray) -> np.ndarray:
    """PQ's signal in [0, 1] → cd/m² of the display (SMPTE ST 2084).

    >>> pq_light(np.array([0.0, 0.5081, 1.0])).round().tolist()
    [0.0, 100.0, 10000.0]
    """
    root = signal ** (1 / _M2)
    return 10_000 * (np.maximum(root - _C1, 0) / (_C2 - _C3 * root)) ** (1 / _M1)


def to_sdr(signal: np.ndarray, trc: int) -> np.ndarray:
    """uint16 (h, w, 3) R'G'B' of BT.2020, HLG or PQ by ``trc`` → uint8 (h, w, 3) of BT.709."""
    light = _lights(trc)[signal]
    if trc == ColorTrc.ARIB_STD_B67:  # the display's exponent, on luminance alone (BT.2100's OOTF)
        light = light * (np.maximum(light @ _LUMA, 1e-6) ** (_HLG_GAMMA - 1))[..., None] * (HLG_PEAK / REFERENCE_WHITE)
    standard = np.clip(_compressed(light @ _TO_709.T), 0, 1)
    return _shown()[(standard * (_LEVELS - 1)).astype(np.uint16)]


def _compressed(light: np.ndarray) -> np.ndarray:
    """Light as it is up to the knee; above it, hue kept, the strongest colour approaches white and never passes it."""
    strongest = light.max(axis=-1, keepdims=True)
    above = np.maximum(strongest - _KNEE, 0) / (1 - _KNEE)
    return light * np.where(strongest > _KNEE, (_KNEE + (1 - _KNEE) * above / (1 + above)) / np.maximum(strongest, _KNEE), 1)


@cache
def _lights(trc: int) -> np.ndarray:
    """float32 (65536,): light of each level, HLG's of the scene, PQ's with reference white as 1."""
    signal = np.arange(_LEVELS) / (_LEVELS - 1)
    return (hlg_light(signal) if trc == ColorTrc.ARIB_STD_B67 else pq_light(signal) / REFERENCE_WHITE).astype(np.float32)


@cache
def _shown() -> np.ndarray:
    """uint8 (65536,): what a display of standard range is given for each level of light."""
    return np.round(255 * (np.arange(_LEVELS) / (_LEVELS - 1)) ** (1 / _DISPLAY)).astype(np.uint8)

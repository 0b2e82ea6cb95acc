"""One channel from several, with nothing of the voice lost: as players mix them, and without those that would cancel or bury it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from features.media.envelope import active_power, moments_of, swing
from features.media.level import offset_of, without_offset
from features.media.sound import Sound

# ITU-R BS.775-3, annex 4, left and right added up, so that a voice in the centre is as loud as by itself; the deep effects are left out.
_SIDE, _REAR = 2**-0.5, 0.5
_WEIGHTS = {"FC": 1.0, "FL": _SIDE, "FR": _SIDE, "FLC": _SIDE, "FRC": _SIDE, "BC": _SIDE, "LFE": 0.0, "LFE2": 0.0}
_REARS = {"BL", "BR", "SL", "SR", "WL", "WR", "TFL", "TFR", "TBL", "TBR"}
# The order of Microsoft's WAVEFORMATEXTENSIBLE, for files that do not say which channel is which.
_STANDARD = {
    3: ("FL", "FR", "FC"),
    4: ("FL", "FR", "BL", "BR"),
    5: ("FL", "FR", "FC", "BL", "BR"),
    6: ("FL", "FR", "FC", "LFE", "BL", "BR"),
    7: ("FL", "FR", "FC", "LFE", "BC", "SL", "SR"),
    8: ("FL", "FR", "FC", "LFE", "BL", "BR", "SL", "SR"),
}
_EMPTY = 0.01  # of the power of the loudest: 20 dB below
_QUIET = 0.1  # 10 dB below: left out where it is an echo of the loudest, which loses nothing
_ALIKE = 0.5  # correlation of two envelopes
_OPPOSED = -0.3  # correlation of two channels, from which they cancel
_STEADY, _LIVELY = 0.1, 0.2  # swing of noise and of speech
_COHERENT = 1.26  # 1 dB louder than channels that have nothing in common
_OPPOSITE = "the same in opposite phase, which would cancel it"
_NAMES = {"FL": "left", "FR": "right", "FC": "centre", "LFE": "deep effects"}


@dataclass(frozen=True)
class Mix:
    """How the channels of a recording become one.

    Attributes:
        offsets: the constant that is removed from each channel.
        weights: float64 (channels,); None: their mean, of one channel itself.
        gain: what the sum is multiplied by.
        notes: sentences about channels that are left out.
    """

    offsets: tuple[float, ...]
    weights: np.ndarray | None = None
    gain: float = 1.0
    notes: tuple[str, ...] = ()

    def __call__(self, samples: np.ndarray) -> np.ndarray:
        """float32 (n, channels) → (n,), of this recording or of any part of it."""
        channels = _levelled(samples, self.offsets)
        if self.weights is None:
            return channels[:, 0] if channels.shape[1] == 1 else channels.mean(axis=1, dtype=np.float32)
        return (channels @ self.weights.astype(np.float32)).astype(np.float32) * np.float32(self.gain)

    @property
    def offset(self) -> float:
        """What was a constant offset in the result."""
        weights = np.ones(len(self.offsets)) if self.weights is None else self.weights
        return float(weights @ self.offsets) / float(weights.sum())


def one_channel(sound: Sound) -> tuple[np.ndarray, float, tuple[str, ...]]:
    """float32 (n,) at the sound's rate, what was a constant offset in it, and sentences about channels that were left out.

    Two good channels give their mean, exactly; a mono file is what it is.
    """
    mix = mix_of(sound)
    return mix(sound.samples), mix.offset, mix.notes


def mix_of(sound: Sound) -> Mix:
    """How the channels of a sound are mixed, so that nothing of the voice is lost."""
    offsets = tuple(offset_of(channel, sound.rate) for channel in sound.samples.T)
    if len(offsets) == 1:
        return Mix(offsets)
    channels = _levelled(sound.samples, offsets)
    names = _speakers(sound)
    power = moments_of(channels, sound.rate)
    kept, reason = _with_voice(channels, power)
    if len(names) <= 2 and kept.all():
        return Mix(offsets)
    weights = np.array([_weight(name) for name in names]) if len(names) > 2 else np.full(len(names), 0.5)
    if not (weights * kept).any():
        weights = np.ones(len(names))  # the voice is where players leave it out
    weights = weights * kept
    mono = (channels @ weights.astype(np.float32)).astype(np.float32)
    return Mix(offsets, weights, _gain(mono, weights, power, sound.rate), _words(names, kept, reason))


def _levelled(samples: np.ndarray, offsets: Sequence[float]) -> np.ndarray:
    """Each channel without its own offset; the very same array where none has any."""
    if not any(offsets):
        return samples
    return np.stack([without_offset(channel, offset) for channel, offset in zip(samples.T, offsets, strict=True)], axis=1)


def _speakers(sound: Sound) -> tuple[str, ...]:
    count = sound.samples.shape[1]
    if count == 2:
        return ("FL", "FR")
    known = sound.speakers is not None and len(sound.speakers) == count and all(_is_speaker(name) for name in sound.speakers)
    return sound.speakers if known and sound.speakers else _STANDARD.get(count, ("",) * count)


def _is_speaker(name: str) -> bool:
    return name in _WEIGHTS or name in _REARS


def _weight(name: str) -> float:
    return _WEIGHTS.get(name, _REAR if name in _REARS else 1.0)


def _with_voice(channels: np.ndarray, power: np.ndarray) -> tuple[np.ndarray, str]:
    """bool (c,): channels that are neither empty nor noise nor opposed to the loudest; and why the others are left out."""
    loud, lively = active_power(power), swing(power)
    steady = (lively < _STEADY) & (lively.max() > _LIVELY) & (loud > 0)
    loudest = int(np.where(steady, 0.0, loud).argmax())
    if loud[loudest] <= 0:
        return np.ones(len(loud), bool), ""
    alike = np.array([_correlation(np.sqrt(power[:, loudest]), np.sqrt(own)) for own in power.T])
    quiet = (loud < _EMPTY * loud[loudest]) | ((loud < _QUIET * loud[loudest]) & (alike > _ALIKE))
    left = ~steady & ~quiet
    against = np.array([kept and _correlation(channels[:, loudest], own) < _OPPOSED for kept, own in zip(left, channels.T, strict=True)])
    reasons = [(steady, "nothing but noise"), (against, _OPPOSITE), (quiet, "empty or much quieter")]
    return left & ~against, next((words for found, words in reasons if found.any()), "")


def _correlation(first: np.ndarray, second: np.ndarray) -> float:
    first, second = (part - part.mean(dtype=np.float64) for part in (first, second))
    size = float(np.sqrt(np.dot(first, first) * np.dot(second, second)))
    return float(np.dot(first, second)) / size if size > 0 else 0.0


def _gain(mono: np.ndarray, weights: np.ndarray, power: np.ndarray, rate: int) -> float:
    """A voice that is in one channel, or the same in several, is as loud as by itself; different sounds add up as they do."""
    loud = active_power(power) * (weights > 0)
    mixed = float(active_power(moments_of(mono[:, None], rate))[0])
    apart = float((weights**2) @ loud)
    alone = (weights > 0).sum() == 1 or not (weights == 1.0).any()
    if mixed <= 0 or not (alone or mixed > _COHERENT * apart):
        return 1.0
    return float(np.sqrt(loud.max() / mixed)) if (weights > 0).sum() > 1 else 1.0 / float(weights.max())


def _words(names: tuple[str, ...], kept: np.ndarray, reason: str) -> tuple[str, ...]:
    """Two channels only: of more, players leave out some as well."""
    if len(names) != 2 or kept.all():
        return ()
    voice, other = (_NAMES[names[int(index)]] for index in (kept.argmax(), (~kept).argmax()))
    return (f"The voice was taken from the {voice} channel alone: the {other} one is {reason}.",)

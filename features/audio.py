"""A voice as numbers; by default mel-frequency cepstral coefficients, equal to librosa's, without its compile time at the first call.

``librosa.feature.mfcc(n_mfcc=40)`` is the reference in the tests (to 1e-3 dB). The steps are kept apart because the
explanation of the voice needs them: the mean MFCC is a linear map (``DCT``) of the time-averaged dB mel spectrogram.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache, cached_property

import numpy as np
import scipy.fft
import soxr

from features.media import MediaError, Sound
from features.media.channels import one_channel
from features.media.level import within_full_scale

RATE = 22_050
N_FFT = 2048
HOP = 512
N_MELS = 128
N_MFCC = 40
MFCC_NAMES = tuple(f"mfcc_{i:02d}" for i in range(N_MFCC))
TOP_DB = 80.0
AMIN = 1e-10
MIN_SECONDS = 0.1
_BLOCK = 256  # frames transformed at a time: bounds memory at any clip length


@dataclass(frozen=True)
class MelScale:
    """Where the cells of a mel spectrogram lie in time and pitch. Frame i is centred on sample i · ``hop``.

    Attributes:
        rate: of the sound that it is of, in Hz; window, hop: in samples; bands: their number, from 0 Hz to half the rate.
        origin: when its first sample is heard, in seconds on the clock of the recording.
    """

    rate: int
    window: int
    hop: int
    bands: int
    origin: float = 0.0

    @property
    def frame_rate(self) -> float:
        """Frames in a second."""
        return self.rate / self.hop

    @property
    def edges(self) -> np.ndarray:
        """float64 (bands + 1,): borders between neighbouring bands in Hz."""
        return mel_edges(self.rate, self.bands)

    def starts(self, frames: np.ndarray) -> np.ndarray:
        """When frames begin, in seconds on the clock: half a hop before their centre. May be before :attr:`origin`."""
        return self.origin + self.offsets(frames)

    def offsets(self, frames: np.ndarray) -> np.ndarray:
        """Where frames begin, in seconds from the first sample: half a hop before their centre. May be below 0."""
        return (frames - 0.5) * self.hop / self.rate

    def bands_at(self, hertz: Sequence[float]) -> np.ndarray:
        """Frequencies (k,) → float (k,): where they lie on an axis of bands, from 0 to ``bands``."""
        return np.interp(hertz, self.edges, np.arange(self.bands + 1))


SCALE = MelScale(RATE, N_FFT, HOP, N_MELS)


@dataclass(frozen=True)
class AudioFeatures:
    """What the voice gives. Here its encoder is the MFCCs; a pretrained one has a class of its own (:mod:`features.tokens`).

    Attributes:
        samples: float32 (n,), mono at 22,050 Hz, whatever the encoder reads: it is what is played and checked.
        mel_db: float32 (bands, frames), the mel power spectrogram that the encoder reads, in dB; of MFCCs (128, frames), clipped 80 dB
            below its maximum.
        vector: float64 (d,), the mean over time of what the encoder gives; of MFCCs (40,).
        source_rate: sampling rate of the file in Hz.
        channels: channels of the file.
        start: when the first sample is heard, in seconds on the clock of the recording (:mod:`features.media.clock`).
        offset: the constant that was removed from the samples; full: the file's full scale, on the scale of the samples.
        notes: sentences about what of the file was chosen or left out.
    """

    samples: np.ndarray
    mel_db: np.ndarray
    vector: np.ndarray
    source_rate: int = RATE
    channels: int = 1
    start: float = 0.0
    offset: float = 0.0
    full: float = 1.0
    notes: tuple[str, ...] = ()

    @property
    def seconds(self) -> float:
        return len(self.samples) / RATE

    @property
    def scale(self) -> MelScale:
        """Where the cells of :attr:`mel_db` lie."""
        return replace(SCALE, origin=self.start)

    @property
    def end(self) -> float:
        """When the last sample is heard, in seconds on the clock of the recording."""
        return self.start + self.seconds

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the numbers in :attr:`vector`."""
        return MFCC_NAMES

    @property
    def span(self) -> tuple[int, int] | None:
        """First and last (exclusive) frame of :attr:`mel_db` that its encoder reads; None: all."""
        return None

    @cached_property
    def frame_vectors(self) -> np.ndarray:
        """float64 (40, frames): MFCCs frame by frame."""
        return mfcc(self.mel_db)

    def with_samples(self, samples: np.ndarray) -> AudioFeatures:
        """Another sound, float32 (n,) at 22,050 Hz, through the same encoder, as if it had come from the same file."""
        return self._as_from_here(self._encoded(samples.astype(np.float32)))

    def by(self, encoder: Callable[[np.ndarray], AudioFeatures]) -> AudioFeatures:
        """The same sound through another encoder."""
        return self._as_from_here(encoder(self.samples))

    def _as_from_here(self, other: AudioFeatures) -> AudioFeatures:
        """``other`` as if it had come from the same file."""
        return replace(other, source_rate=self.source_rate, channels=self.channels, start=self.start, offset=self.offset, notes=self.notes)

    def _encoded(self, samples: np.ndarray) -> AudioFeatures:
        return mfcc_features(samples)


def extract_audio(sound: Sound, encoder: Callable[[np.ndarray], AudioFeatures] | None = None) -> AudioFeatures:
    """One channel, 22,050 Hz, encoded by ``encoder``, :func:`mfcc_features` by default.

    An offset and what exceeds full scale are removed, and nothing else changes.

    Raises:
        MediaError: the sound is shorter than ``MIN_SECONDS``.
    """
    if sound.seconds < MIN_SECONDS:
        raise MediaError(f"The recording lasts only {sound.seconds * 1000:.0f} ms: use at least one second of speech.")
    voice = voice_of(sound)
    known = {"source_rate": sound.rate, "channels": sound.samples.shape[1], "start": sound.start}
    return replace((encoder or mfcc_features)(voice.samples), **known, offset=voice.offset, full=voice.full, notes=voice.notes)


@dataclass(frozen=True)
class Voice:
    """One channel of a sound: ``samples`` float32 (n,) at 22,050 Hz, and what :class:`AudioFeatures` says of it."""

    samples: np.ndarray
    offset: float = 0.0
    full: float = 1.0
    notes: tuple[str, ...] = ()


def voice_of(sound: Sound) -> Voice:
    """The voice of a sound: its channels mixed as players do, without those that cancel or bury it, without offset, within full scale."""
    mono, offset, notes = one_channel(sound)
    peak = max(1.0, float(np.abs(mono).max(initial=0.0)))
    samples = to_mono(within_full_scale(mono)[:, None], sound.rate)
    full = max(1.0, float(np.abs(sound.samples).max(initial=0.0))) / peak
    return Voice(samples, offset / peak, full, (*sound.notes, *notes))


def mfcc_features(samples: np.ndarray) -> AudioFeatures:
    """float32 (n,) at 22,050 Hz → mel spectrogram and mean MFCCs: the default encoder of voices.

    >>> tone = np.sin(2 * np.pi * 440 * np.arange(RATE) / RATE).astype(np.float32)
    >>> mfcc_features(tone).vector.shape
    (40,)
    """
    mel_db = mel_spectrogram_db(samples)
    return AudioFeatures(samples, mel_db, mean_mfcc(mel_db))


def to_mono(samples: np.ndarray, rate: int, wanted: int = RATE) -> np.ndarray:
    """(n, channels) at ``rate`` Hz → float32 (m,) at ``wanted`` Hz: the mean of the channels, soxr's HQ as in ``librosa.load``."""
    mono = samples.mean(axis=1, dtype=np.float32)
    if rate == wanted:
        return mono
    length = int(np.ceil(len(mono) * wanted / rate))
    out = soxr.resample(mono, rate, wanted, quality="HQ")[:length]
    return np.pad(out, (0, length - len(out)))


def mel_spectrogram_db(samples: np.ndarray) -> np.ndarray:
    """float32 (n,) at 22,050 Hz → float32 (128, 1 + n // 512), dB re 1, floor 80 dB below the maximum."""
    mel = mel_filters() @ power_spectrogram(samples)
    db = 10.0 * np.log10(np.maximum(mel, AMIN))
    return np.maximum(db, db.max() - TOP_DB)


def power_spectrogram(samples: np.ndarray) -> np.ndarray:
    """float32 (n,) → float32 (1025, frames): squared magnitude, periodic Hann window, centred frames, zeros outside."""
    padded = np.pad(samples, N_FFT // 2)
    frames = np.lib.stride_tricks.sliding_window_view(padded, N_FFT)[::HOP]
    window = hann(N_FFT)
    power = np.empty((N_FFT // 2 + 1, len(frames)), np.float32)
    for start in range(0, len(frames), _BLOCK):
        spectrum = scipy.fft.rfft(frames[start : start + _BLOCK] * window, axis=1)
        power[:, start : start + _BLOCK] = (spectrum.real**2 + spectrum.imag**2).T
    return power


def mean_mfcc(mel_db: np.ndarray) -> np.ndarray:
    """(128, frames) dB → float64 (40,): the orthonormal DCT-II of the mean over time."""
    return dct_matrix() @ mel_db.mean(axis=1, dtype=np.float64)


def mfcc(mel_db: np.ndarray) -> np.ndarray:
    """(128, frames) dB → float64 (40, frames): MFCCs frame by frame."""
    return dct_matrix() @ mel_db.astype(np.float64)


@cache
def dct_matrix() -> np.ndarray:
    """float64 (40, 128): the first 40 rows of the orthonormal DCT-II."""
    return scipy.fft.dct(np.eye(N_MELS), type=2, norm="ortho", axis=0)[:N_MFCC]


@cache
def mel_filters(rate: int = RATE, window: int = N_FFT, bands: int = N_MELS) -> np.ndarray:
    """float32 (bands, window ÷ 2 + 1): triangular filters, unit area (Slaney's Auditory Toolbox, 1998; ``librosa.filters.mel``)."""
    bins = np.fft.rfftfreq(window, 1 / rate)
    edges = _corners(rate, bands)
    rising = (bins - edges[:-2, None]) / np.diff(edges)[:-1, None]
    falling = (edges[2:, None] - bins) / np.diff(edges)[1:, None]
    area = 2.0 / (edges[2:] - edges[:-2])
    return (np.maximum(0.0, np.minimum(rising, falling)) * area[:, None]).astype(np.float32)


def mel_centres(rate: int = RATE, bands: int = N_MELS) -> np.ndarray:
    """float64 (bands,): centre frequency of each mel band in Hz."""
    return _corners(rate, bands)[1:-1]


def mel_edges(rate: int = RATE, bands: int = N_MELS) -> np.ndarray:
    """float64 (bands + 1,): borders between neighbouring mel bands in Hz, from 0 to the Nyquist frequency."""
    corners = _corners(rate, bands)
    middle = (corners[1:-2] + corners[2:-1]) / 2
    return np.concatenate([[0.0], middle, [rate / 2]])


def _corners(rate: int, bands: int) -> np.ndarray:
    """float64 (bands + 2,) Hz: where each triangle starts, peaks and ends."""
    return mel_to_hz(np.linspace(0.0, hz_to_mel(rate / 2), bands + 2))


# Slaney's scale: linear below 1 kHz (200/3 Hz a mel), logarithmic above (27 steps to a factor of 6.4).
_HZ_PER_MEL, _LOG_START, _LOG_STEP = 200.0 / 3, 1000.0, np.log(6.4) / 27


def hz_to_mel(hz):
    """Slaney's mel scale."""
    hz = np.asarray(hz, float)
    log = _LOG_START / _HZ_PER_MEL + np.log(np.maximum(hz, 1.0) / _LOG_START) / _LOG_STEP
    return np.where(hz < _LOG_START, hz / _HZ_PER_MEL, log)


def mel_to_hz(mel):
    """Inverse of :func:`hz_to_mel`."""
    mel = np.asarray(mel, float)
    log = _LOG_START * np.exp(_LOG_STEP * (mel - _LOG_START / _HZ_PER_MEL))
    return np.where(mel < _LOG_START / _HZ_PER_MEL, mel * _HZ_PER_MEL, log)


@cache
def hann(size: int) -> np.ndarray:
    """float32 (size,): the periodic Hann window."""
    return (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(size) / size)).astype(np.float32)

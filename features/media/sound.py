"""Sound of any file, in memory: through libsndfile (``soundfile``) and, where that does not know the format, through FFmpeg (``av``)."""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from itertools import chain

import av
import numpy as np
import soundfile

import features.media.limits as limits
from features.media.clock import FileClock, SoundTimes, file_clock
from features.media.envelope import speech_likeness
from features.media.headers import mended
from features.media.kinds import no_sound_words
from features.media.limits import MediaError, check_size, check_sound, check_values, too_long
from features.media.opening import decoded, opened

_MOST_TRACKS = 8
_MUCH_MORE = 1.5  # times as much like speech as the first track with sound: then that one is not what was meant
_LARGEST = 2.0**31 * 1.01  # integers that were written as floating point
_MISSING = 0.02  # of what a header promises: then the other reader is asked for more


@dataclass(frozen=True)
class Sound:
    """Decoded sound.

    Attributes:
        samples: float32 (n, channels) in [−1, 1]; files of floating point may exceed it.
        rate: in Hz.
        start: when the first sample is heard, in seconds on the clock of the file (:mod:`features.media.clock`).
        speakers: FFmpeg's name of each channel (``FL``, ``FC``, …); None where there are two or fewer, or it is not known.
        notes: sentences about what was chosen or left out.
        track: its number among the sound tracks of the file.
    """

    samples: np.ndarray
    rate: int
    start: float = 0.0
    speakers: tuple[str, ...] | None = None
    notes: tuple[str, ...] = ()
    track: int = 0

    @property
    def seconds(self) -> float:
        return len(self.samples) / self.rate


def read_sound(data: bytes, first: float = math.inf) -> Sound:
    """Decode any sound file that libsndfile or FFmpeg reads, or the sound track of a video; of several tracks the one with speech.

    Where a file says when its packets are heard, silence stands for those that are missing.

    Args:
        first: seconds of the beginning that are enough, if it lasts longer; at most ``MAX_SECONDS``.

    Raises:
        MediaError: the bytes hold no readable sound, or more than ``MAX_SECONDS`` of it, or broken samples.
    """
    check_size(data, "sound")
    sound = _read(mended(data), first)
    if len(sound.samples) == 0:
        raise MediaError("The sound file holds no sound: record it again, or export it as a WAV.")
    if not np.isfinite(sound.samples).all():
        raise MediaError("The sound file holds samples that are not numbers (NaN or Inf): export it again as a 16-bit WAV.")
    if np.abs(sound.samples).max() > _LARGEST:
        raise MediaError("The sound file holds samples far out of range: export it again as a 16-bit WAV.")
    return sound


def _read(data: bytes, first: float) -> Sound:
    """By libsndfile, and by FFmpeg where that fails, finds nothing or less than was promised, or does not say which channel is which."""
    try:
        found, promised = _read_with_soundfile(data, first)
    except (soundfile.LibsndfileError, soundfile.SoundFileRuntimeError):
        return _read_with_ffmpeg(data, first)
    if found.samples.shape[1] <= 2 and len(found.samples) >= (1 - _MISSING) * promised > 0:
        return found
    try:
        other = _read_with_ffmpeg(data, first)
    except MediaError:
        return found
    return other if len(other.samples) >= len(found.samples) else found


def _read_with_soundfile(data: bytes, first: float) -> tuple[Sound, float]:
    """The sound, and how many samples the header promises of what was asked for; more than the limits hold is no promise."""
    with soundfile.SoundFile(io.BytesIO(data)) as file:
        check_sound(file.samplerate, file.channels)
        check_values(max(file.frames, 0) if file.frames < 2**40 else 0, file.channels)
        limit = min(int(limits.MAX_SECONDS * file.samplerate), limits.MAX_VALUES // file.channels)
        enough = int(first * file.samplerate) if first < limits.MAX_SECONDS else limit + 1
        # A header may promise any length; never take memory for more than the limit.
        wanted = min(enough, limit + 1, max(file.frames, 0))
        samples = file.read(wanted, dtype="float32", always_2d=True)
        if len(samples) > limit:
            raise too_long("recording")
        plain = file.format in {"WAV", "WAVEX", "RF64", "W64", "AIFF"}  # FFmpeg finds no more in them
        return Sound(samples, file.samplerate), len(samples) if plain else wanted


def _read_with_ffmpeg(data: bytes, first: float) -> Sound:
    with opened(data, kind="sound") as container:
        if not container.streams.audio:
            raise MediaError(no_sound_words(container))
        count = min(len(container.streams.audio), _MOST_TRACKS)
    clock = file_clock(data)
    if count == 1:
        return _track(data, 0, first, clock)
    return most_like_speech(lambda number: _track(data, number, first, clock), count)


def most_like_speech(read: Callable[[int], Sound], count: int) -> Sound:
    """The first track with sound, unless another is much more like speech; a sentence says so."""
    best, best_number, score, fault, heard = None, 0, 0.0, None, 0
    for number in range(count):
        try:
            sound = read(number)
        except MediaError as error:
            fault = fault or error
            continue
        own = speech_likeness(sound.samples, sound.rate)
        heard += own > 0
        if best is None or own > _MUCH_MORE * score:
            best, best_number, score = sound, number, own
    if best is None:
        assert fault is not None
        raise fault
    if heard < 2 and not best_number:
        return best
    reason = "the one that sounds most like speech" if best_number else "as no other sounds much more like speech"
    return replace(best, notes=(f"The file has {count} sound tracks: number {best_number + 1} was listened to, {reason}.",))


def _track(data: bytes, number: int, first: float, clock: FileClock) -> Sound:
    with opened(data, kind="sound") as container:
        stream = container.streams.audio[number]
        if stream.codec_context is None:
            raise MediaError("The sound uses a compression that is not known here: export it as WAV.")
        check_sound(stream.rate, stream.channels)
        frames = decoded(container, stream)
        frame = next(frames, None)
        if frame is None:
            raise MediaError("The sound cannot be decoded: the file may be damaged; export it again as WAV.")
        # A decoder knows better than the container: HE-AAC has twice the rate that is declared.
        rate, channels = frame.sample_rate, frame.layout.nb_channels
        check_sound(rate, channels)
        times = SoundTimes(container, rate, clock)
        samples = _placed(chain([frame], frames), times, rate, channels, first)
        speakers = tuple(channel.name for channel in frame.layout.channels) if channels > 2 else None
    return Sound(samples, rate, times.start, speakers, track=number)


def _placed(frames: Iterable[av.AudioFrame], times: SoundTimes, rate: int, channels: int, first: float) -> np.ndarray:
    """float32 (n, channels): the blocks of a track, with silence where some are missing."""
    blocks: list[np.ndarray] = []
    total = 0
    for frame in frames:
        missing = times.silence_before(frame.time)
        if total + missing > limits.MAX_SECONDS * rate:
            raise too_long("recording")
        parts = samples_of(frame, rate, channels)
        if parts and missing:
            parts.insert(0, np.zeros((channels, missing), np.float32))
        added = sum(part.shape[1] for part in parts)
        blocks += parts
        times.placed(added)
        total += added
        if total > limits.MAX_SECONDS * rate:
            raise too_long("recording")
        check_values(total, channels)
        if first < limits.MAX_SECONDS and total >= first * rate:
            break
    return np.concatenate(blocks, axis=1).T.astype(np.float32, copy=False)


def samples_of(frame: av.AudioFrame, rate: int, channels: int) -> list[np.ndarray]:
    """float32 (channels, n); nothing for a frame of another rate or layout than the first: a damaged stretch is skipped."""
    if frame.sample_rate != rate or frame.layout.nb_channels != channels:
        return []
    values = frame.to_ndarray()
    if not frame.format.is_planar:
        values = values.reshape(-1, channels).T
    if values.dtype.kind == "f":
        return [values.astype(np.float32, copy=False)]
    half = 2.0 ** (8 * values.dtype.itemsize - 1)
    zero = half if values.dtype.kind == "u" else 0.0
    return [((values.astype(np.float64) - zero) / half).astype(np.float32)]

"""Sound of any file, in memory: through libsndfile (``soundfile``) and, where that does not know the format, through FFmpeg (``av``)."""

from __future__ import annotations

import io
import math
from dataclasses import dataclass

import av
import numpy as np
import soundfile

from features.media import limits
from features.media.limits import MediaError, check_size, check_sound, check_values, too_long
from features.media.opening import decoded, opened


@dataclass(frozen=True)
class Sound:
    """Decoded sound: ``samples`` float32 of shape (n, channels) in [-1, 1] (float files may exceed it), rate in Hz."""

    samples: np.ndarray
    rate: int

    @property
    def seconds(self) -> float:
        return len(self.samples) / self.rate


def read_sound(data: bytes, first: float = math.inf) -> Sound:
    """Decode any sound file that libsndfile or FFmpeg reads, or the sound track of a video.

    Args:
        first: seconds of the beginning that are enough, if it lasts longer; at most ``MAX_SECONDS``.

    Raises:
        MediaError: the bytes hold no readable sound, or more than ``MAX_SECONDS`` of it, or broken samples.
    """
    check_size(data, "sound")
    try:
        sound = _read_with_soundfile(data, first)
    except soundfile.LibsndfileError:
        sound = _read_with_ffmpeg(data, first)
    if len(sound.samples) == 0:
        raise MediaError("The sound file holds no sound: record it again, or export it as a WAV.")
    if not np.isfinite(sound.samples).all():
        raise MediaError("The sound file holds samples that are not numbers (NaN or Inf): export it again as a 16-bit WAV.")
    if np.abs(sound.samples).max() > 1e4:
        raise MediaError("The sound file holds samples far out of range: export it again as a 16-bit WAV.")
    return sound


def _read_with_soundfile(data: bytes, first: float) -> Sound:
    with soundfile.SoundFile(io.BytesIO(data)) as file:
        check_sound(file.samplerate, file.channels)
        check_values(max(file.frames, 0) if file.frames < 2**40 else 0, file.channels)
        limit = min(int(limits.MAX_SECONDS * file.samplerate), limits.MAX_VALUES // file.channels)
        enough = int(first * file.samplerate) if first < limits.MAX_SECONDS else limit + 1
        # A header may promise any length; never take memory for more than the limit.
        samples = file.read(min(enough, limit + 1, max(file.frames, 0)), dtype="float32", always_2d=True)
        if len(samples) > limit:
            raise too_long("recording")
        return Sound(samples, file.samplerate)


def _read_with_ffmpeg(data: bytes, first: float) -> Sound:
    with opened(data, kind="sound") as container:
        if not container.streams.audio:
            raise MediaError("The file has no sound track: add a WAV of the voice, or let the face be judged alone.")
        stream = container.streams.audio[0]
        if stream.codec_context is None:
            raise MediaError("The sound uses a compression that is not known here: export it as WAV.")
        rate, channels = stream.rate, stream.channels
        check_sound(rate, channels)
        resampler = av.AudioResampler(format="fltp", layout=stream.layout, rate=rate)
        blocks, total = [], 0
        for frame in decoded(container, stream):
            for part in _resampled(resampler, frame):
                blocks.append(part.to_ndarray())
                total += blocks[-1].shape[1]
            if total > limits.MAX_SECONDS * rate:
                raise too_long("recording")
            check_values(total, channels)
            if first < limits.MAX_SECONDS and total >= first * rate:
                break
    if not blocks:
        raise MediaError("The sound cannot be decoded: the file may be damaged; export it again as WAV.")
    return Sound(np.concatenate(blocks, axis=1).T.astype(np.float32, copy=False), rate)


def _resampled(resampler: av.AudioResampler, frame: av.AudioFrame) -> list[av.AudioFrame]:
    """Nothing for a frame of another rate or layout than the first: a damaged stretch is skipped."""
    try:
        return resampler.resample(frame)
    except ValueError:
        return []

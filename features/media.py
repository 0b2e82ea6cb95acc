"""Decoding of uploaded recordings, in memory: nothing is ever written to disk.

Sound goes through libsndfile (``soundfile``) and, where that does not know the format, through FFmpeg (``av``);
pictures go through FFmpeg. Every limit is checked before the memory it protects is taken.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction

import av
import numpy as np
import soundfile

MAX_BYTES = 200 * 2**20
MAX_SECONDS = 300.0
MAX_PIXELS = 4096 * 2304  # a decoder keeps up to 16 pictures: 0.3 GB of these, but over 1 GB at 8K
MAX_FRAMES = 300  # sampled frames: each costs about 0.4 MB while its analysis is kept
MAX_VALUES = 40_000_000  # samples × channels: 160 MB
MAX_RATE, MIN_RATE = 384_000, 4_000
MAX_CHANNELS = 16
_THREADS = 2  # each decodes a picture of its own, and keeps it
WORK_SIDE = 1280  # longest side of a decoded frame: faces are cut to 224 pixels, more would only cost time

# FFmpeg knows play lists that make it open other files and addresses; only self-contained formats may be read.
_CONTAINERS = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,flv,mp3,aac,wav,ogg,flac,mpeg,mpegts,asf,caf,aiff,w64,amr"


class MediaError(ValueError):
    """A recording that cannot be used. The message says what is wrong and what to do, in one sentence or two."""


@dataclass(frozen=True)
class Sound:
    """Decoded sound: ``samples`` float32 of shape (n, channels) in [-1, 1] (float files may exceed it), rate in Hz."""

    samples: np.ndarray
    rate: int

    @property
    def seconds(self) -> float:
        return len(self.samples) / self.rate


@dataclass(frozen=True)
class Frame:
    """A decoded video frame: ``rgb`` uint8 (h, w, 3) upright, at most ``WORK_SIDE`` long; ``scale`` = source ÷ decoded."""

    index: int
    time: float
    rgb: np.ndarray
    scale: float


def read_sound(data: bytes, first: float = MAX_SECONDS) -> Sound:
    """Decode any sound file that libsndfile or FFmpeg reads, or the sound track of a video.

    Args:
        first: seconds of the beginning that are enough, if it lasts longer; at most ``MAX_SECONDS``.

    Raises:
        MediaError: the bytes hold no readable sound, or more than ``MAX_SECONDS`` of it, or broken samples.
    """
    _check_size(data, "sound")
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


def has_sound(data: bytes) -> bool:
    """Whether FFmpeg finds a sound track in ``data``."""
    try:
        with _open(data, kind="sound") as container:
            return bool(container.streams.audio)
    except MediaError:
        return False


def has_picture(data: bytes) -> bool:
    """Whether FFmpeg finds a picture track in ``data``; the cover of a record is none.

    >>> [has_picture(open(f"pages/sample/sample.{kind}", "rb").read()) for kind in ("mp4", "wav")]
    [True, False]
    """
    try:
        with _open(data, kind="sound") as container:
            return not all(_is_cover(stream) for stream in container.streams.video)
    except MediaError:
        return False


def read_frames(data: bytes, stride: int = 30, on_end: Callable[[float], None] = lambda seconds: None) -> Iterator[Frame]:
    """Yield every ``stride``-th frame of a video, from frame 0, in the order of presentation.

    A damaged stretch is skipped; what could be decoded around it is still yielded. ``on_end`` gets the seconds
    from the first frame to the end of the last.

    Raises:
        MediaError: no picture can be decoded, or the video is longer or larger than the limits of this module.
    """
    if stride < 1:
        raise ValueError("stride must be at least 1")
    found, end = False, 0.0
    with open_video(data) as (container, stream):
        for index, time, frame in shown_frames(container, stream):
            end = max(end, time + _shown_for(frame, stream))
            if index % stride == 0:
                if index // stride >= MAX_FRAMES:
                    raise MediaError(f"More than {MAX_FRAMES} pictures would be looked at: cut the video, or look at fewer of its frames.")
                found = True
                yield upright(frame, index, time, stream.sample_aspect_ratio)
        if not found:
            raise MediaError("No picture in the video can be read: it may be damaged or cut short; export it again as MP4 (H.264).")
        on_end(end)


@contextmanager
def open_video(data: bytes) -> Iterator[tuple]:
    """The container and its picture track, as PyAV has them, after the limits of this module were checked.

    Raises:
        MediaError: the bytes are no video, or one beyond the limits.
    """
    _check_size(data, "video")
    with _open(data) as container:
        stream = next((s for s in container.streams.video if not _is_cover(s)), None)
        if stream is None:
            raise MediaError("The file has no picture track: upload it as the voice instead, or choose a video.")
        _check_video(stream, container)
        yield container, stream


def shown_frames(container, stream) -> Iterator[tuple[int, float, av.VideoFrame]]:
    """Number, seconds since the first, and PyAV's frame, for every frame that can be decoded, in the order of presentation.

    Raises:
        MediaError: the video is longer or larger than the limits of this module.
    """
    stream.thread_type = "AUTO"
    stream.codec_context.thread_count = _THREADS
    stream.codec_context.options = _decoder_limits(MAX_PIXELS)
    start = None
    for index, frame in enumerate(_decoded(container, stream)):
        if frame.width * frame.height > MAX_PIXELS:
            raise MediaError(f"The picture is too large ({frame.width}×{frame.height}): export the video at 1080p or less.")
        time = frame.time if frame.time is not None else index / float(stream.average_rate or 30)
        start = time if start is None else start
        if time - start > MAX_SECONDS:
            raise _too_long("video")
        yield index, max(time - start, 0.0), frame


def _shown_for(frame: av.VideoFrame, stream) -> float:
    """Seconds; a container that does not say is taken to keep its average."""
    if frame.duration and frame.time_base:
        return min(float(frame.duration * frame.time_base), MAX_SECONDS)
    return 1 / float(stream.average_rate or 30)


def _read_with_soundfile(data: bytes, first: float) -> Sound:
    with soundfile.SoundFile(io.BytesIO(data)) as file:
        _check_sound(file.samplerate, file.channels)
        _check_values(max(file.frames, 0) if file.frames < 2**40 else 0, file.channels)
        limit = min(int(MAX_SECONDS * file.samplerate), MAX_VALUES // file.channels)
        enough = int(first * file.samplerate) if first < MAX_SECONDS else limit + 1
        # A header may promise any length; never take memory for more than the limit.
        samples = file.read(min(enough, limit + 1, max(file.frames, 0)), dtype="float32", always_2d=True)
        if len(samples) > limit:
            raise _too_long("recording")
        return Sound(samples, file.samplerate)


def _read_with_ffmpeg(data: bytes, first: float) -> Sound:
    with _open(data, kind="sound") as container:
        if not container.streams.audio:
            raise MediaError("The file has no sound track: add a WAV of the voice, or let the face be judged alone.")
        stream = container.streams.audio[0]
        if stream.codec_context is None:
            raise MediaError("The sound uses a compression that is not known here: export it as WAV.")
        rate, channels = stream.rate, stream.channels
        _check_sound(rate, channels)
        resampler = av.AudioResampler(format="fltp", layout=stream.layout, rate=rate)
        blocks, total = [], 0
        for frame in _decoded(container, stream):
            for part in _resampled(resampler, frame):
                blocks.append(part.to_ndarray())
                total += blocks[-1].shape[1]
            if total > MAX_SECONDS * rate:
                raise _too_long("recording")
            _check_values(total, channels)
            if first < MAX_SECONDS and total >= first * rate:
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


def _open(data: bytes, kind: str = "video"):
    try:
        # One picture may be decoded here already; it must be large enough for its size to be told.
        options = {"format_whitelist": _CONTAINERS, **_decoder_limits(4 * MAX_PIXELS)}
        if kind == "sound":
            options["skip_frame"] = "all"  # or a picture is decoded, only to learn what pictures there are
        return av.open(io.BytesIO(data), options=options, metadata_errors="replace")
    except (av.FFmpegError, ValueError, OSError) as error:
        wanted = "WAV" if kind == "sound" else "MP4 (H.264)"
        raise MediaError(f"The file is not a {kind} that can be read: it may be damaged; export it again as {wanted}.") from error


def _decoder_limits(pixels: int) -> dict[str, str]:
    """For FFmpeg itself: pictures may be larger than what their container declares. It counts them with their padding."""
    return {"max_pixels": str(pixels * 5 // 4)}


def _decoded(container, stream) -> Iterator:
    """Decode packet by packet, so that a damaged packet costs its own frames and no others."""
    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets)
        except (StopIteration, av.FFmpegError, IndexError):  # IndexError: PyAV, on a track that the file does not have after all
            return
        try:
            yield from packet.decode()
        except av.FFmpegError:
            continue


def upright(frame: av.VideoFrame, index: int, time: float, pixel_aspect: Fraction | None, side: int = WORK_SIDE) -> Frame:
    """A decoded frame as it is meant to be seen: turned, with square pixels, at most ``side`` long."""
    # Some cameras store pixels that are wider than high; faces must not look squeezed.
    aspect = float(pixel_aspect or 1)
    full_width = frame.width * (aspect if 0.2 < aspect < 5 else 1.0)
    scale = max(1.0, max(full_width, frame.height) / side)
    width, height = max(1, round(full_width / scale)), max(1, round(frame.height / scale))
    size = {"width": width, "height": height} if (width, height) != (frame.width, frame.height) else {}
    rgb = frame.reformat(format="rgb24", **size).to_ndarray()
    quarter_turns = round(frame.rotation / 90) % 4  # FFmpeg's display rotation, degrees counter-clockwise
    return Frame(index, float(time), np.ascontiguousarray(np.rot90(rgb, quarter_turns)), scale)


def _is_cover(stream) -> bool:
    return bool(stream.disposition & av.stream.Disposition.attached_pic)


def _check_size(data: bytes, kind: str) -> None:
    if not data:
        raise MediaError(f"The {kind} file is empty: choose another one.")
    if len(data) > MAX_BYTES:
        raise MediaError(f"The {kind} file is larger than {MAX_BYTES >> 20} MB: cut out the part that matters.")


def _check_sound(rate: int, channels: int) -> None:
    if not MIN_RATE <= rate <= MAX_RATE:
        raise MediaError(f"The sound has {rate:,} samples a second, outside 4,000–384,000: export it as a 44.1 kHz WAV.")
    if not 1 <= channels <= MAX_CHANNELS:
        raise MediaError(f"The sound has {channels} channels: export it in mono or stereo.")


def _check_values(frames: int, channels: int) -> None:
    # A header that promises more than any file of this size could hold is not believed, and read to its end instead.
    if MAX_VALUES < frames * channels < 100 * MAX_VALUES:
        raise MediaError("The sound would take too much memory: export it in mono at 44.1 kHz, or cut out the part that matters.")


def _check_video(stream, container) -> None:
    if stream.codec_context is None:
        raise MediaError("The video uses a compression that is not known here: export it as MP4 (H.264).")
    width, height = stream.codec_context.width, stream.codec_context.height
    if width * height > MAX_PIXELS:
        raise MediaError(f"The picture is too large ({width}×{height}): export the video at 1080p or less.")
    declared = container.duration / av.time_base if container.duration else 0.0
    # A broken header may declare any length; refuse at once only what the size of the file makes believable.
    if MAX_SECONDS < declared < 48 * 3600:
        raise _too_long("video")


def _too_long(kind: str) -> MediaError:
    return MediaError(f"The {kind} is longer than {MAX_SECONDS / 60:.0f} minutes: cut out the part that matters.")

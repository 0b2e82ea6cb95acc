"""A recording as a browser can play it: the picture and the voice that was analysed, in one file, made in memory.

Its clock is that of the analysis (:mod:`features.media.clock`), so that a moment of an explanation is the same moment of the file,
whatever the recording's own clocks began with. Neither names nor places that a camera wrote into its file are passed on.
"""

from __future__ import annotations

import heapq
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import chain

import av
import numpy as np

from features import MediaError
from features.audio import RATE
from features.media import MAX_SECONDS, Frame, clock_or_none, open_video, shown_frames, upright

SIDE = 640  # longest side of a picture that is encoded anew, in pixels
FPS = 30.0  # and its frames a second, at most
COPY_SIDE = 1280
COPY_BYTES = 48 * 2**20  # what is copied may take this much memory again
_PIXELS = ("yuv420p", "yuvj420p")  # what every browser decodes
_VOICE_BITS = 96_000
_VOICE_BLOCK = 1024  # samples of one AAC frame
_CLOCK = Fraction(1, 90_000)
_X264 = {"preset": "superfast", "crf": "26", "maxrate": "1500k", "bufsize": "3000k", "bf": "0", "g": "30"}

_Track = Iterator[av.Packet]


@dataclass(frozen=True)
class Playback:
    """A file for a browser: its bytes, media type, length in seconds, and whether the picture is the original one."""

    data: bytes
    mime: str
    seconds: float
    copied: bool = False


class _NotAsItIsError(Exception):
    """The picture has to be encoded anew."""


def make_playback(video: bytes | None, samples: np.ndarray | None, start: float = 0.0, turned: int = 0) -> Playback:
    """One MP4 with the picture of ``video`` and the voice, each as far as it is there.

    H.264 as browsers know it is copied, which costs next to nothing; everything else is encoded anew (H.264, at most
    640 pixels and 30 frames a second), as much work as reading it was.

    Args:
        video: bytes of a video file; its own sound is left out.
        samples: float32 (n,) at 22,050 Hz.
        start: when its first sample is heard, in seconds on the clock of ``video``; silence is put before it.
        turned: :attr:`features.video.VideoFeatures.turned`.

    Raises:
        MediaError: there is nothing to play, or the picture cannot be read.
    """
    if video is None and samples is None:
        raise MediaError("There is nothing to play: add a recording of a voice, a video of a face, or both.")
    if samples is not None and 0 < start <= MAX_SECONDS:
        samples = np.pad(samples, (round(start * RATE), 0))
    try:
        if video is None:
            return _written(None, samples)
        try:
            return _copied(video, samples, turned)
        except (_NotAsItIsError, av.FFmpegError):
            return _encoded(video, samples, turned)
    except MediaError:
        raise
    except (av.FFmpegError, ValueError, OSError) as error:
        raise MediaError("The video cannot be prepared for playing: export it as MP4 (H.264).") from error


def _written(
    pictures: Callable[[av.container.OutputContainer], _Track] | None, samples: np.ndarray | None, copied: bool = False
) -> Playback:
    """The tracks in one MP4, interleaved by time."""
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mp4") as out:
        tracks = [pictures(out)] if pictures is not None else []
        if samples is not None:
            tracks.append(_voice(out, samples))
        for packet in heapq.merge(*tracks, key=_when):
            out.mux(packet)
    data = buffer.getvalue()
    with av.open(io.BytesIO(data), "r") as made:
        seconds = (made.duration or 0) / av.time_base
    return Playback(data, "video/mp4" if pictures is not None else "audio/mp4", seconds, copied)


def _when(packet: av.Packet) -> float:
    return float((packet.dts or 0) * packet.time_base)


def _voice(out: av.container.OutputContainer, samples: np.ndarray) -> _Track:
    """Packets of AAC; the track is added at once, the encoding is done as they are asked for."""
    stream = out.add_stream("aac", rate=RATE, layout="mono", bit_rate=_VOICE_BITS)

    def packets() -> _Track:
        for start in range(0, len(samples), _VOICE_BLOCK):
            block = np.clip(samples[None, start : start + _VOICE_BLOCK], -1.0, 1.0).astype(np.float32, copy=False)
            frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(block), format="fltp", layout="mono")
            frame.rate, frame.pts, frame.time_base = RATE, start, Fraction(1, RATE)
            yield from stream.encode(frame)
        yield from stream.encode(None)

    return packets()


def _copied(video: bytes, samples: np.ndarray | None, turned: int) -> Playback:
    """The packets of ``video`` as they are, moved to the clock of the analysis.

    Raises:
        _NotAsItIsError: not every browser would play it, or not from the frame at which the analysis began.
    """
    start, turn = _beginning(video)  # the time stamp that is zero
    with open_video(video) as (container, source):

        def pictures(out: av.container.OutputContainer) -> _Track:
            stream = out.add_stream_from_template(source)
            stream.set_display_rotation((turn + turned) % 360)  # as the analysis turned it, and not mirrored either
            return (_moved(packet, stream, start) for packet in container.demux(source) if packet.dts is not None)

        return _written(pictures, samples, copied=True)


def _moved(packet: av.Packet, stream, start: int) -> av.Packet:
    if packet.pts is None or packet.dts is None or packet.pts < start or packet.is_discard:  # cut by an edit list
        raise _NotAsItIsError
    if (packet.pts - start) * packet.time_base > MAX_SECONDS:
        raise MediaError(f"The video is longer than {MAX_SECONDS / 60:.0f} minutes: cut out the part that matters.")
    packet.pts, packet.dts, packet.stream = packet.pts - start, packet.dts - start, stream
    return packet


def _beginning(video: bytes) -> tuple[int, float]:
    """Time stamp of zero and how far it is turned (degrees counter-clockwise), if browsers play the picture as it is.

    Raises:
        _NotAsItIsError: they would not.
    """
    if len(video) > COPY_BYTES:
        raise _NotAsItIsError
    with open_video(video) as (container, stream):
        codec = stream.codec_context
        size = codec.width, codec.height
        known = "mp4" in container.format.name and codec.name == "h264" and codec.pix_fmt in _PIXELS
        if not known or max(size) > COPY_SIDE or any(side % 2 for side in size) or stream.sample_aspect_ratio not in (None, 0, 1):
            raise _NotAsItIsError
        for _, time, frame in shown_frames(container, stream, clock_or_none(video)):
            if frame.pts is not None and frame.time_base:
                return frame.pts - round(time / frame.time_base), 90 * (round(frame.rotation / 90) % 4)
            break
    raise _NotAsItIsError


def _encoded(video: bytes, samples: np.ndarray | None, turned: int) -> Playback:
    """The frames of ``video`` as H.264, upright, with square pixels."""
    frames = _small_frames(video, turned)
    first = next(frames, None)
    if first is None:
        raise MediaError("No picture in the video can be read: it may be damaged or cut short; export it again as MP4 (H.264).")
    return _written(lambda out: _compressed(out, chain([first], frames), *first.rgb.shape[:2]), samples)


def _compressed(out: av.container.OutputContainer, frames: Iterator[Frame], height: int, width: int) -> _Track:
    """Packets of H.264; the track is added at once, the encoding is done as they are asked for."""
    stream = out.add_stream("libx264", rate=round(FPS), options=_X264)
    height, width = (max(16, 2 * round(side / 2)) for side in (height, width))  # 4:2:0 knows even sides only
    stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
    stream.codec_context.time_base = _CLOCK

    def packets() -> _Track:
        for frame in frames:
            picture = av.VideoFrame.from_ndarray(frame.rgb, format="rgb24").reformat(width=width, height=height, format="yuv420p")
            picture.pts, picture.time_base = round(frame.time / _CLOCK), _CLOCK
            yield from stream.encode(picture)
        yield from stream.encode(None)

    return packets()


def _small_frames(video: bytes, turned: int) -> Iterator[Frame]:
    """The frames of ``video`` for playing: no more of them a second, and no larger, than is needed."""
    last = -np.inf
    with open_video(video) as (container, stream):
        for index, time, frame in shown_frames(container, stream, clock_or_none(video)):
            if time - last > 0.9 / FPS:  # a camera's clock is not exact
                last = time
                small = upright(frame, index, time, stream.sample_aspect_ratio, SIDE)
                yield replace(small, rgb=np.ascontiguousarray(np.rot90(small.rgb, turned // 90)))

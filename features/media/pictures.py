"""Pictures of any video, in memory, through FFmpeg (``av``): upright, in the order of presentation."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction

import av
import numpy as np

import features.media.limits as limits
from features.media.clock import FileClock, PictureTimes, clock_or_none, file_clock
from features.media.limits import WORK_SIDE, MediaError, check_size, check_video, decoder_limits, too_long
from features.media.opening import decoded, is_cover, opened

_THREADS = 2  # each decodes a picture of its own, and keeps it


@dataclass(frozen=True)
class Frame:
    """A decoded video frame at ``time`` seconds on the clock of its file.

    ``rgb`` uint8 (h, w, 3) upright, at most ``WORK_SIDE`` long; ``scale`` = source ÷ decoded.
    """

    index: int
    time: float
    rgb: np.ndarray
    scale: float


def read_frames(data: bytes, stride: int = 30, on_end: Callable[[float], None] = lambda seconds: None) -> Iterator[Frame]:
    """Yield every ``stride``-th frame of a video, from frame 0, in the order of presentation.

    A damaged stretch is skipped; what could be decoded around it is still yielded. ``on_end`` gets the end
    of the last frame, in seconds on the clock of the file.

    Raises:
        MediaError: no picture can be decoded, or the video is longer or larger than the limits of this module.
    """
    if stride < 1:
        raise ValueError("stride must be at least 1")
    found, end, clock = False, 0.0, clock_or_none(data)
    with open_video(data) as (container, stream):
        for index, time, frame in shown_frames(container, stream, clock):
            end = max(end, time + _shown_for(frame, stream))
            if index % stride == 0:
                if index // stride >= limits.MAX_FRAMES:
                    raise MediaError(
                        f"More than {limits.MAX_FRAMES} pictures would be looked at: cut the video, or look at fewer of its frames."
                    )
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
    check_size(data, "video")
    with opened(data) as container:
        stream = next((s for s in container.streams.video if not is_cover(s)), None)
        if stream is None:
            raise MediaError("The file has no picture track: upload it as the voice instead, or choose a video.")
        check_video(stream, container, lambda: file_clock(data).lasts)
        yield container, stream


def shown_frames(container, stream, clock: FileClock | None = None) -> Iterator[tuple[int, float, av.VideoFrame]]:
    """Number, seconds, and PyAV's frame, for every frame that can be decoded, in the order of presentation; seconds always increase.

    Args:
        clock: of the file that ``container`` is; without it, zero is the first frame.

    Raises:
        MediaError: the video is longer or larger than the limits of this module.
    """
    stream.thread_type = "AUTO"
    stream.codec_context.thread_count = _THREADS
    stream.codec_context.options = decoder_limits(limits.MAX_PIXELS)
    when = PictureTimes(container, stream, clock or FileClock())
    for index, frame in enumerate(decoded(container, stream)):
        if frame.width * frame.height > limits.MAX_PIXELS:
            raise MediaError(f"The picture is too large ({frame.width}×{frame.height}): export the video at 1080p or less.")
        time = when(frame)
        if time > limits.MAX_SECONDS:
            raise too_long("video")
        yield index, time, frame


def _shown_for(frame: av.VideoFrame, stream) -> float:
    """Seconds; a container that does not say is taken to keep its average."""
    if frame.duration and frame.time_base:
        return min(float(frame.duration * frame.time_base), limits.MAX_SECONDS)
    return 1 / float(stream.average_rate or 30)


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

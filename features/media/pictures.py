"""Pictures of any video, in memory, through FFmpeg (``av``): upright, in the order of presentation."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction

import av
import numpy as np

import features.media.limits as limits
from features.media.clock import FileClock, PictureTimes, clock_or_none, file_clock, rate_of
from features.media.cuts import Cuts
from features.media.hdr import is_hdr, to_sdr
from features.media.limits import WORK_SIDE, MediaError, check_size, check_video, decoder_limits, too_long
from features.media.opening import decoded, is_cover, opened, packets_of
from features.media.sampling import Sampling, usual_sampling

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


def read_frames(
    data: bytes, stride: int | None = None, on_end: Callable[[float], None] = lambda seconds: None, cuts: Cuts | None = None
) -> Iterator[Frame]:
    """Yield about one picture a second of a video, in the order of presentation.

    At 24 to 31 frames a second that is every 30th frame, from frame 0. A picture that shows nothing gives way to the next that shows
    something (:mod:`features.media.sampling`). A damaged stretch is skipped; what could be decoded around it is still yielded.

    Args:
        stride: every ``stride``-th frame instead, whatever it shows.
        on_end: gets the end of the last frame, in seconds on the clock of the file.
        cuts: sees every frame.

    Raises:
        MediaError: no picture can be decoded, or the video is longer or larger than the limits of this module.
    """
    if stride is not None and stride < 1:
        raise ValueError("stride must be at least 1")
    end, count, clock = 0.0, 0, clock_or_none(data)
    if stride is not None:
        sampling = Sampling(stride, choosy=False)
    else:
        sampling = usual_sampling(clock.picture if len(clock.picture) > 1 else picture_times(data))
    with open_video(data) as (container, stream):

        def until_the_end() -> Iterator[tuple[int, float, av.VideoFrame]]:
            nonlocal end
            for index, time, frame in shown_frames(container, stream, clock):
                end = max(end, time + _shown_for(frame, stream))
                if cuts is not None:
                    cuts.see(frame, time)
                yield index, time, frame

        for index, time, frame in sampling.chosen(until_the_end()):
            count += 1
            if count > limits.MAX_FRAMES:
                raise MediaError(
                    f"More than {limits.MAX_FRAMES} pictures would be looked at: cut the video, or look at fewer of its frames."
                )
            yield upright(frame, index, time, stream.sample_aspect_ratio)
        if not count:
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
    return 1 / rate_of(stream)


def upright(frame: av.VideoFrame, index: int, time: float, pixel_aspect: Fraction | None, side: int = WORK_SIDE) -> Frame:
    """A decoded frame as it is meant to be seen: turned, with square pixels, at most ``side`` long."""
    # Some cameras store pixels that are wider than high; faces must not look squeezed.
    aspect = float(pixel_aspect or 1)
    full_width = frame.width * (aspect if 0.2 < aspect < 5 else 1.0)
    scale = max(1.0, max(full_width, frame.height) / side)
    width, height = max(1, round(full_width / scale)), max(1, round(frame.height / scale))
    size = {"width": width, "height": height} if (width, height) != (frame.width, frame.height) else {}
    rgb = (
        to_sdr(frame.reformat(format="rgb48le", **size).to_ndarray(), frame.color_trc)
        if is_hdr(frame)
        else frame.reformat(format="rgb24", **size).to_ndarray()
    )
    quarter_turns = round(frame.rotation / 90) % 4  # FFmpeg's display rotation, degrees counter-clockwise
    return Frame(index, float(time), np.ascontiguousarray(np.rot90(rgb, quarter_turns)), scale)


def picture_times(data: bytes) -> np.ndarray:
    """float64 (n,): when each picture is shown, in increasing order, by the file and without decoding it.

    Raises:
        MediaError: there is no film, or one beyond the limits.
    """
    with open_video(data) as (container, stream):
        base = float(stream.time_base or 0)
        stamps = [_stamp(packet) for packet in packets_of(container, (stream,)) if packet.size and not packet.is_discard]
        if not base or any(stamp is None for stamp in stamps):
            return np.arange(len(stamps)) / rate_of(stream)
        return np.sort(np.array(stamps, float)) * base


def _stamp(packet: av.Packet) -> int | None:
    return packet.pts if packet.pts is not None else packet.dts

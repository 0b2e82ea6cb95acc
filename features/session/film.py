"""The pictures of a session, one a second, without decoding more than it takes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import av

import features.media.limits as limits
from features.media.clock import PictureTimes
from features.media.cuts import Cuts
from features.media.limits import MediaError, check_pictures, decoder_limits
from features.media.opening import decoded, is_cover
from features.media.pictures import Frame, upright
from features.session.source import Source, seek

PERIOD = 1.0  # seconds from one picture to the next
_SOON = 0.09, 0.45  # seconds after a picture in which another shows whether the mouth has moved
_THREADS = 2


@dataclass(frozen=True)
class Look:
    """One moment of a film.

    Attributes:
        frame: the picture; its time is on the clock.
        soon: another one a tenth of a second or so later; None where there is none.
        cuts: seconds at which the film was cut since the look before.
    """

    frame: Frame
    soon: Frame | None
    cuts: tuple[float, ...]


def looks(source: Source, start: float = 0.0, end: float = float("inf"), period: float = PERIOD) -> Iterator[Look]:
    """About one picture in each ``period`` of a film, and its neighbour.

    Pictures to which no other refers are not decoded, where the format has such: in most films half of them.

    Raises:
        MediaError: the pictures are larger than the limits, or cannot be decoded at all.
    """
    with source.container("video") as container:
        stream = next(stream for stream in container.streams.video if not is_cover(stream))
        check_pictures(stream)
        cuts, told, slot, look = Cuts(), 0, -1, None
        for number, (time, frame) in enumerate(_needed(source, container, stream, start)):
            cuts.see(frame, time)
            if time >= end:
                break
            if time < start:
                continue
            if (now := int((time - start) / period + 1e-6)) != slot:
                if look is not None:
                    yield look
                slot, told, new = now, len(cuts.times), tuple(cuts.times[told:])
                look = Look(upright(frame, number, time, stream.sample_aspect_ratio), None, new)
            elif look is not None and look.soon is None and _SOON[0] <= time - look.frame.time <= _SOON[1]:
                look = replace(look, soon=upright(frame, number, time, stream.sample_aspect_ratio))
        if look is not None:
            yield look
        elif start == 0.0:
            raise MediaError("No picture in the film can be read: it may be damaged; export it again as MP4 (H.264).")


def _needed(source: Source, container, stream, start: float) -> Iterator[tuple[float, av.VideoFrame]]:
    """Seconds on the clock, increasing, and PyAV's frame: those that others refer to, from the key frame before ``start`` on."""
    stream.thread_type = "AUTO"
    stream.codec_context.thread_count = _THREADS
    stream.codec_context.options = decoder_limits(limits.MAX_PIXELS)
    stream.codec_context.skip_frame = "NONREF"
    if start > 0:
        seek(container, stream, start + (source.clock.zero or 0.0))
    when = PictureTimes(container, stream, source.clock)
    for frame in decoded(container, stream):
        if frame.width * frame.height > limits.MAX_PIXELS:
            raise MediaError(f"The picture is too large ({frame.width}×{frame.height}): export the film at 1080p or less.")
        yield when(frame), frame

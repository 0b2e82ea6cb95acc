"""One clock for all tracks of a file: zero is the earliest of its first picture and its first sound.

Containers say when each packet is presented; what is late, early or missing there is late, early or missing for whoever watches, too.
Only time stamps that contradict the rest of the file are not believed.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import BinaryIO

import numpy as np

from features.media.limits import MAX_SECONDS, MediaError
from features.media.opening import decoded_from, is_cover, opened, packets_of

GAP = 5.0  # seconds without a packet that are believed, though no other track runs through them
_JITTER = 0.05  # seconds: what containers round, and what a recorder's clock wavers
_BACK = 1.0  # seconds by which time stamps must go back to be a new clock
_FIRST_PACKETS = 32  # pictures are stored at most 16 out of order
_MOST_PACKETS = 400_000
# Elsewhere the samples follow each other: what looks like a time is counted from them.
_TIMED = {"mov", "matroska", "avi", "flv", "mpeg", "mpegts", "asf", "ogg"}


@dataclass(frozen=True)
class FileClock:
    """What the packets of a file say of time, in seconds of the container.

    Attributes:
        zero: of the file's own clock; None where it is the first moment of the only track.
        end: of its last packet, from ``zero`` on; 0.0 where that was not looked up.
        sound, picture: float64, when packets of either kind are presented, in order.
    """

    zero: float | None = None
    end: float = 0.0
    sound: np.ndarray = field(default_factory=lambda: np.zeros(0))
    picture: np.ndarray = field(default_factory=lambda: np.zeros(0))

    @property
    def lasts(self) -> float | None:
        """Seconds from the first picture to the last, without what is not believed; None where there is only one track."""
        if self.zero is None or not len(self.picture):
            return None
        pairs = zip(self.picture[:-1].tolist(), self.picture[1:].tolist(), strict=True)
        return sum(end - start for start, end in pairs if self.believes(start, end, self.sound))

    def believes(self, start: float, end: float, others: np.ndarray) -> bool:
        """Whether nothing may be presented from ``start`` to ``end``: it is short, or ``others`` run through the middle half of it."""
        quarter = (end - start) / 4
        between = np.searchsorted(others, [start + quarter, end - quarter])
        return end - start <= GAP or bool(between[1] > between[0])


def file_clock(data: bytes | BinaryIO, longest: float = MAX_SECONDS) -> FileClock:
    """The clock of a file with several tracks, by one pass over its packets; no picture is decoded.

    Args:
        longest: seconds that such a recording may last.

    Raises:
        MediaError: the bytes are no recording.
    """
    with opened(data, kind="sound") as container:
        films = [stream for stream in container.streams.video if not is_cover(stream)][:1]
        sounds = list(container.streams.audio)
        if len(films) + len(sounds) < 2:
            return FileClock()
        first: dict[int, float] = {}
        times: dict[int, list[float]] = {stream.index: [] for stream in (*films, *sounds)}
        end = -np.inf
        for count, packet in enumerate(packets_of(container, (*films, *sounds))):
            at = packet.pts if packet.pts is not None else packet.dts
            if at is None or packet.is_discard or count > _MOST_PACKETS * longest / MAX_SECONDS:
                continue
            index, time = packet.stream.index, float(at * packet.time_base)
            if packet.size:  # an empty one stands for a picture that was dropped
                times[index].append(time)
            end = max(end, time + float((packet.duration or 0) * packet.time_base))
            if index not in first and packet.stream.type == "audio":
                heard = next((frame.time for frame in decoded_from(packet) if frame.time is not None), None)
                first |= {} if heard is None else {index: float(heard)}
        for stream in films:
            if times[stream.index]:
                first[stream.index] = first_picture(container, stream, times[stream.index])
        heard, seen = (_in_order([times[stream.index] for stream in kind]) for kind in (sounds, films))
    if not first:
        return FileClock()
    zero = min(first.values())
    return FileClock(zero, min(float(end) - zero, 2 * longest), heard, seen)


def _in_order(times: list[list[float]]) -> np.ndarray:
    return np.sort(np.concatenate([np.zeros(0), *times]))


def file_end(data: bytes) -> float:
    """When the last packet of a file with several tracks ends, in seconds on its clock; 0.0 where that is not known."""
    return clock_or_none(data).end


def clock_or_none(data: bytes) -> FileClock:
    """:func:`file_clock`; of what cannot be opened, one that knows nothing."""
    try:
        return file_clock(data)
    except MediaError:
        return FileClock()


def only_decoding_times(container, stream) -> bool:
    """Whether the container does not keep when a picture is presented, though pictures are stored out of order."""
    return container.format.name == "avi" and bool(stream.codec_context.has_b_frames)


def first_picture(container, stream, times: list[float]) -> float:
    """Seconds; ``times`` are those of its packets, as they are stored."""
    if only_decoding_times(container, stream) and stream.start_time is not None:
        return float(stream.start_time * stream.time_base)
    return min(times[:_FIRST_PACKETS])


def rate_of(stream) -> float:
    """Pictures a second on average, as the file says; 30 where it says nothing or nonsense."""
    rate = float(stream.average_rate or 0)
    return rate if rate > 0 else 30.0


class SoundTimes:
    """Where the blocks of a sound track belong, one after the other."""

    def __init__(self, container, rate: int, clock: FileClock) -> None:
        self._timed = not _TIMED.isdisjoint(container.format.name.split(","))
        self._rate, self._clock = rate, clock
        self._anchor: float | None = None
        self._placed = 0
        self.first: float | None = None

    @property
    def start(self) -> float:
        """Seconds on the clock of the file."""
        return 0.0 if self.first is None or self._clock.zero is None else max(0.0, self.first - self._clock.zero)

    def silence_before(self, time: float | None) -> int:
        """Samples of silence that belong before a block that says that it is heard at ``time``."""
        if time is None:
            return 0
        if self._anchor is None:
            self.first = self._anchor = time
        expected = self._anchor + self._placed / self._rate
        missing = time - expected
        if missing < -_BACK or (missing > _JITTER and not self._clock.believes(expected, time, self._clock.picture)):
            self._anchor += missing  # another clock from here on: nothing is missing
            return 0
        return round(missing * self._rate) if self._timed and missing > _JITTER else 0

    def placed(self, count: int) -> None:
        """So many samples more are there, silence among them."""
        self._placed += count


class PictureTimes:
    """When the frames of a picture track are shown: always later than the one before."""

    def __init__(self, container, stream, clock: FileClock) -> None:
        self._clock = clock
        self._each = 1 / rate_of(stream)
        self._by_decoding = only_decoding_times(container, stream)
        self._beginning = float((stream.start_time or 0) * stream.time_base)
        self._delay: float | None = None
        self._last: float | None = None
        self._zero = clock.zero
        self._shift = 0.0

    def __call__(self, frame) -> float:
        """Seconds on the clock of the file at which ``frame``, the next one, is shown."""
        time = self._said(frame)
        if self._last is None:
            time = time if time is not None else self._zero or 0.0
            self._zero = time if self._zero is None else min(self._zero, time)
        else:
            time = self._after(self._last, time)
        self._last = time
        return time - (self._zero or 0.0)

    def _said(self, frame) -> float | None:
        if not self._by_decoding:
            return None if frame.time is None else float(frame.time)
        if frame.dts is None:
            return None
        decoded = float(frame.dts * frame.time_base)
        if self._delay is None:
            self._delay = decoded - self._beginning
        return decoded - self._delay

    def _after(self, last: float, time: float | None) -> float:
        if time is None:
            return last + self._each
        shifted = time + self._shift
        alone = not len(self._clock.sound)
        broken = shifted - last > MAX_SECONDS if alone else not self._clock.believes(last - self._shift, time, self._clock.sound)
        if shifted < last - _BACK or broken:
            self._shift += last + self._each - shifted  # another clock from here on
        return time + self._shift if time + self._shift > last else last + self._each

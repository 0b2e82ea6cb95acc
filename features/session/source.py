"""A recorded session as a file that is read piece by piece: what it holds, and on which clock."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import av
import numpy as np

from features.media.clock import FileClock, file_clock
from features.media.limits import MediaError, check_sound
from features.media.opening import decoded, is_cover, opened, packets_of
from features.media.sound import Sound, samples_of

MAX_SECONDS = 90 * 60.0
MAX_BYTES = 2 * 2**30
_LEEWAY = 60.0  # seconds beyond the limit that are not refused
_PIECE = 2**22


@dataclass(frozen=True)
class Source:
    """A session that can be read.

    Attributes:
        file: a path, or a file that can be searched.
        name: of the file, without its folder.
        seconds: its length on the clock.
        clock: of its tracks; ``zero`` is in seconds of the container.
        sounds: how many sound tracks it has; film: whether it has pictures.
    """

    file: Path | BinaryIO
    name: str
    seconds: float
    clock: FileClock
    sounds: int
    film: bool

    @contextmanager
    def bytes(self) -> Iterator[BinaryIO]:
        """The file from its beginning."""
        if isinstance(self.file, Path):
            with self.file.open("rb") as file:
                yield file
        else:
            self.file.seek(0)
            yield self.file

    @contextmanager
    def container(self, kind: str) -> Iterator:
        """The container, as PyAV has it; ``kind`` is ``sound`` or ``video``."""
        with self.bytes() as file, opened(file, kind) as container:
            yield container

    def digest(self) -> str:
        """64 hex digits: SHA-256 of its bytes."""
        found = hashlib.sha256()
        with self.bytes() as file:
            while piece := file.read(_PIECE):
                found.update(piece)
        return found.hexdigest()


def open_source(file: Path | BinaryIO, name: str = "") -> Source:
    """Look at a session: its tracks, its length and its clock, by one pass over its packets.

    Raises:
        MediaError: it is no recording, longer than 90 minutes or larger than 2 GB.
    """
    if isinstance(file, Path):
        if not file.is_file():
            raise MediaError(f"{file.name} is not there, or no file: choose a recording.")
        name = name or file.name
    probe = Source(file, name or "session", 0.0, FileClock(), 0, False)
    with probe.bytes() as stream:
        size = stream.seek(0, 2)
        if size == 0:
            raise MediaError("The file is empty: choose another one.")
        if size > MAX_BYTES:
            raise MediaError(f"The file has {size / 2**30:.1f} GB, more than {MAX_BYTES >> 30}: cut the session in two.")
        with opened(stream, "sound") as container:
            sounds, film = len(container.streams.audio), not all(is_cover(stream) for stream in container.streams.video)
            if not sounds and not film:
                raise MediaError("The file has neither sound nor pictures: choose a recording.")
            clock = _clock_of_lone(container) if sounds + film < 2 else None
        clock = clock or file_clock(stream, MAX_SECONDS)
    seconds = clock.end
    if seconds > MAX_SECONDS + _LEEWAY:
        raise MediaError(f"The session lasts {seconds / 60:.0f} minutes, more than {MAX_SECONDS / 60:.0f}: cut it in two.")
    return Source(file, probe.name, seconds, clock, sounds, film)


def _clock_of_lone(container) -> FileClock:
    """From the first packet of the only track to the end of its last."""
    first, last = None, 0.0
    stream = next(stream for stream in (*container.streams.audio, *container.streams.video) if not is_cover(stream))
    for packet in packets_of(container, (stream,)):
        at = packet.pts if packet.pts is not None else packet.dts
        if at is not None and packet.size:
            start = float(at * packet.time_base)
            first = start if first is None else min(first, start)
            last = max(last, start + float((packet.duration or 0) * packet.time_base))
    return FileClock(first, last - (first or 0.0))


def stretch_of_sound(source: Source, track: int, start: float, seconds: float) -> Sound:
    """A part of a sound track as it is stored: float32 (n, channels), from the first block that ends after ``start``.

    Raises:
        MediaError: nothing of it can be decoded.
    """
    with source.container("sound") as container:
        stream = container.streams.audio[track]
        zero = source.clock.zero or 0.0
        if start > 0:
            seek(container, stream, start + zero)
        blocks, rate, channels, begins, speakers = [], 0, 0, 0.0, None
        for frame in decoded(container, stream):
            time = (frame.time if frame.time is not None else zero) - zero
            if time + frame.samples / frame.sample_rate <= start:
                continue
            if not rate:
                rate, channels, begins = frame.sample_rate, frame.layout.nb_channels, time
                check_sound(rate, channels)
                speakers = tuple(channel.name for channel in frame.layout.channels) if channels > 2 else None
            if time >= start + seconds:
                break
            blocks += samples_of(frame, rate, channels)
    if not blocks:
        raise MediaError("The sound cannot be decoded: the file may be damaged; export it again.")
    return Sound(np.concatenate(blocks, axis=1).T, rate, begins, speakers, track=track)


def seek(container, stream, seconds: float) -> None:
    """To the last key frame before that; where the container has no index, from the beginning."""
    try:
        container.seek(int(seconds / stream.time_base), stream=stream)
    except av.FFmpegError:
        container.seek(0)

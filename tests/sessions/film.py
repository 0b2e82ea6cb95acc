"""Encoding a session while it is made, and repeating one that there is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from tests.sessions.people import HEIGHT, WIDTH
from tests.sessions.sound import SoundTrack

UNIT = Fraction(8, 25)  # seconds that hold a whole number of pictures at 25 a second and of AAC packets at 48 kHz: repeats fit exactly
_KEYFRAME = 10  # seconds


def whole_units(seconds: float) -> float:
    """The length next to ``seconds`` at which pictures and sound end together."""
    return float(max(1, round(seconds / UNIT)) * UNIT)


def write_sound(path: Path, blocks: Iterator[np.ndarray], telephone: bool) -> None:
    """A sound file; the codec follows from the ending."""
    with av.open(str(path), "w") as out:
        track = SoundTrack(out, path.suffix, telephone)
        for block in blocks:
            track.write(block)
        track.close()


def write_film(
    path: Path, seconds: float, fps: int, picture: Callable[[float], np.ndarray], blocks: Iterator[np.ndarray], telephone: bool, preset: str
) -> None:
    """H.264 of 1280 × 720 and the sound, a second of each in turn: memory does not grow."""
    options = {"preset": preset, "crf": "23", "g": str(_KEYFRAME * fps)}
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=fps, width=WIDTH, height=HEIGHT, pix_fmt="yuv420p", options=options)
        track = SoundTrack(out, path.suffix, telephone)
        for second, block in enumerate(blocks):
            for number in range(second * fps, min((second + 1) * fps, round(seconds * fps))):
                frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture(number / fps)), format="yuv420p")
                frame.pts, frame.time_base = number, Fraction(1, fps)
                out.mux(stream.encode(frame))
            track.write(block)
        out.mux(stream.encode())
        track.close()


def repeat(path: Path, minutes: float, out: Path) -> None:
    """Write a film or a sound over and over until it has ``minutes``, by copying its packets with later time stamps.

    What is left of the last round after ``minutes`` is left out. Seconds for an hour; a session made here fits itself exactly
    (:data:`UNIT`).
    """
    period, target = _length(path), Fraction(minutes).limit_denominator(10_000) * 60
    with av.open(str(out), "w") as copy:
        streams: dict[int, av.stream.Stream] = {}
        for turn in range(-int(-target // period)):
            with av.open(str(path)) as source:
                if not streams:
                    streams = {
                        track.index: copy.add_stream_from_template(track) for track in source.streams if track.type in ("audio", "video")
                    }
                for packet in source.demux():
                    if packet.dts is None or packet.pts is None or packet.stream.index not in streams:
                        continue
                    base = packet.time_base
                    shift = turn * period
                    early = turn > 0 and packet.pts < 0  # what a codec needs before its first sound
                    if early or packet.pts * base + shift >= target:
                        continue
                    packet.pts, packet.dts = packet.pts + round(shift / base), packet.dts + round(shift / base)
                    packet.stream = streams[packet.stream.index]
                    copy.mux(packet)


def _length(path: Path) -> Fraction:
    """Seconds of the pictures, or of the sound where there are none."""
    with av.open(str(path)) as source:
        track = source.streams.best("video") or source.streams.best("audio")
        ends = [(packet.pts + (packet.duration or 0)) * packet.time_base for packet in source.demux(track) if packet.pts is not None]
    return max(ends)

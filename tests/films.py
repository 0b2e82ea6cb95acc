"""Films made in memory as recorders make them: tracks that start late, with packets missing, in any container."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from fractions import Fraction

import av
import numpy as np

BLOCK = 1024  # samples of a packet of PCM
CLOCK = Fraction(1, 90_000)


def pictures(count: int, height: int = 48, width: int = 64) -> list[np.ndarray]:
    """Grey frames, each a little brighter than the one before."""
    return [np.full((height, width, 3), 2 * (k % 120), np.uint8) for k in range(count)]


def film(
    sounds: Sequence[tuple[np.ndarray, float]] = (),
    count: int = 30,
    fps: int = 25,
    start: float = 0.0,
    *,
    rate: int = 8000,
    container: str = "matroska",
    codec: str = "mpeg4",
    sound_codec: str = "pcm_s16le",
    moved: Callable[[str, float], float | None] = lambda kind, time: time,
    **options: str,
) -> bytes:
    """Pictures from ``start`` on, and a track for each of ``sounds``, (n,) samples and when they begin.

    Args:
        moved: of a packet's kind and time in seconds → its time in the file; None leaves the packet out.
    """
    buffer = io.BytesIO()
    with av.open(buffer, "w", format=container) as out:
        packets = _pictures(out, codec, count, fps, start, options) if count else []
        tracks = [out.add_stream(sound_codec, rate=rate, layout="mono") for _ in sounds]
        for track, (samples, begins) in zip(tracks, sounds, strict=True):
            packets += _sounds(track, samples, begins, rate)
        for packet in sorted(packets, key=lambda packet: packet.dts * packet.time_base):
            time = moved(packet.stream.type, float(packet.pts * packet.time_base))
            if time is not None:
                shift = time - float(packet.pts * packet.time_base)
                when = [round((float(stamp * packet.time_base) + shift) / CLOCK) for stamp in (packet.pts, packet.dts)]
                packet.time_base, (packet.pts, packet.dts) = CLOCK, when
                out.mux(packet)
    return buffer.getvalue()


def _pictures(out, codec: str, count: int, fps: int, start: float, options: dict[str, str]) -> list:
    track = out.add_stream(codec, rate=fps, width=64, height=48, pix_fmt="yuv420p", options=options)
    packets = []
    for k, picture in enumerate(pictures(count)):
        frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
        frame.pts, frame.time_base = k, Fraction(1, fps)
        packets += track.encode(frame)
    return [_later(packet, start) for packet in [*packets, *track.encode()]]


def _sounds(track, samples: np.ndarray, start: float, rate: int) -> list:
    whole = np.ascontiguousarray(np.clip(samples, -1, 1)[None], np.float32)
    packets = []
    for first in range(0, whole.shape[1], BLOCK):
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(whole[:, first : first + BLOCK]), format="fltp", layout="mono")
        frame.rate, frame.pts, frame.time_base = rate, first, Fraction(1, rate)
        packets += track.encode(frame)
    return [_later(packet, start) for packet in [*packets, *track.encode()]]


def _later(packet, seconds: float):
    packet.pts += round(seconds / packet.time_base)
    packet.dts += round(seconds / packet.time_base)
    return packet

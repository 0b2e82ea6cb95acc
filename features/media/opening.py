"""Opening a recording in memory: which containers, which tracks, and its packets one by one."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import BinaryIO

import av

import features.media.limits as limits
from features.media.kinds import what_it_is
from features.media.limits import MediaError, decoder_limits

# FFmpeg knows play lists that make it open other files and addresses; only self-contained formats may be read.
_CONTAINERS = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,flv,mp3,aac,wav,ogg,flac,mpeg,mpegts,asf,caf,aiff,w64,amr,au"
_GLANCE = 2**16  # bytes of a file that tell what it is


def has_sound(data: bytes) -> bool:
    """Whether FFmpeg finds a sound track in ``data``."""
    try:
        with opened(data, kind="sound") as container:
            return bool(container.streams.audio)
    except MediaError:
        return False


def has_picture(data: bytes) -> bool:
    """Whether FFmpeg finds a picture track in ``data``; the cover of a record is none.

    >>> [has_picture(open(f"pages/sample/sample.{kind}", "rb").read()) for kind in ("mp4", "wav")]
    [True, False]
    """
    try:
        with opened(data, kind="sound") as container:
            return not all(is_cover(stream) for stream in container.streams.video)
    except MediaError:
        return False


def opened(data: bytes | BinaryIO, kind: str = "video"):
    """A container, as PyAV has it, of bytes or of a file that can be searched, from its beginning."""
    try:
        # One picture may be decoded here already; it must be large enough for its size to be told.
        options = {"format_whitelist": _CONTAINERS, **decoder_limits(4 * limits.MAX_PIXELS)}
        if kind == "sound":
            options["skip_frame"] = "all"  # or a picture is decoded, only to learn what pictures there are
        return av.open(io.BytesIO(data) if isinstance(data, bytes) else _rewound(data), options=options, metadata_errors="replace")
    except (av.FFmpegError, ValueError, OSError) as error:
        raise MediaError(_refusal(data, kind)) from error


def _rewound(file: BinaryIO) -> BinaryIO:
    file.seek(0)
    return file


def _refusal(data: bytes | BinaryIO, kind: str) -> str:
    wanted = "WAV" if kind == "sound" else "MP4 (H.264)"
    known = what_it_is(data if isinstance(data, bytes) else _rewound(data).read(_GLANCE))
    if known is not None:
        return f"The file is {known}, not a {kind} that can be read: choose a recording, for example {wanted}."
    return f"The file is not a {kind} that can be read: it may be damaged; export it again as {wanted}."


def packets_of(container, streams) -> Iterator:
    """Packets as they are stored, to the first that cannot be read."""
    packets = container.demux(*streams)
    while True:
        try:
            yield next(packets)
        except (StopIteration, av.FFmpegError, IndexError):  # IndexError: PyAV, on a track that the file does not have after all
            return


def decoded_from(packet) -> list:
    """Frames; a damaged packet gives none, and costs no others."""
    try:
        return packet.decode()
    except av.FFmpegError:
        return []


def decoded(container, stream) -> Iterator:
    """Decode packet by packet."""
    for packet in packets_of(container, (stream,)):
        yield from decoded_from(packet)


def is_cover(stream) -> bool:
    return bool(stream.disposition & av.stream.Disposition.attached_pic)


def as_they_are(audio: bytes | None, video: bytes | None) -> tuple[bytes | None, bytes | None, tuple[str, ...]]:
    """The sound, the video, and sentences about what changed places or was left out. What cannot be read stays where it is."""
    if video is not None and not has_picture(video) and has_sound(video):
        if audio is None:
            return video, None, ("The file for the face has no picture: its sound was taken as the voice.",)
        if has_picture(audio):
            return video, audio, ("The file for the voice has a picture and the one for the face has none: each was taken for what it is.",)
        return audio, None, ("The file for the face has no picture, and there is a voice already: it was left out.",)
    if audio is not None and video is None and has_picture(audio) and not has_sound(audio):
        return None, audio, ("The file for the voice is a video without sound: its picture was taken as the face.",)
    return audio, video, ()

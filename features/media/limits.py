"""What a recording may be at most, and how it is refused. Every limit is checked before the memory it protects is taken."""

from __future__ import annotations

from collections.abc import Callable

import av

MAX_BYTES = 200 * 2**20
MAX_SECONDS = 300.0
MAX_PIXELS = 4096 * 2304  # a decoder keeps up to 16 pictures: 0.3 GB of these, but over 1 GB at 8K
MAX_FRAMES = 300  # sampled frames: each costs about 0.4 MB while its analysis is kept
MAX_VALUES = 40_000_000  # samples × channels: 160 MB
MAX_RATE, MIN_RATE = 384_000, 4_000
MAX_CHANNELS = 16
WORK_SIDE = 1280  # longest side of a decoded frame: faces are cut to 224 pixels, more would only cost time


class MediaError(ValueError):
    """A recording that cannot be used. The message says what is wrong and what to do, in one sentence or two."""


def decoder_limits(pixels: int) -> dict[str, str]:
    """For FFmpeg itself: pictures may be larger than what their container declares. It counts them with their padding."""
    return {"max_pixels": str(pixels * 5 // 4)}


def check_size(data: bytes, kind: str) -> None:
    if not data:
        raise MediaError(f"The {kind} file is empty: choose another one.")
    if len(data) > MAX_BYTES:
        raise MediaError(f"The {kind} file is larger than {MAX_BYTES >> 20} MB: cut out the part that matters.")


def check_sound(rate: int, channels: int) -> None:
    if not MIN_RATE <= rate <= MAX_RATE:
        raise MediaError(f"The sound has {rate:,} samples a second, outside 4,000–384,000: export it as a 44.1 kHz WAV.")
    if not 1 <= channels <= MAX_CHANNELS:
        raise MediaError(f"The sound has {channels} channels: export it in mono or stereo.")


def check_values(frames: int, channels: int) -> None:
    # A header that promises more than any file of this size could hold is not believed, and read to its end instead.
    if MAX_VALUES < frames * channels < 100 * MAX_VALUES:
        raise MediaError("The sound would take too much memory: export it in mono at 44.1 kHz, or cut out the part that matters.")


def check_pictures(stream) -> None:
    """That they can be decoded, and within memory."""
    if stream.codec_context is None:
        raise MediaError("The video uses a compression that is not known here: export it as MP4 (H.264).")
    width, height = stream.codec_context.width, stream.codec_context.height
    if width * height > MAX_PIXELS:
        raise MediaError(f"The picture is too large ({width}×{height}): export the video at 1080p or less.")


def check_video(stream, container, lasts: Callable[[], float | None]) -> None:
    """``lasts``: asked only where the file declares to be too long; seconds without jumps of its time stamps, None where it cannot tell."""
    check_pictures(stream)
    declared = container.duration / av.time_base if container.duration else 0.0
    # A broken header may declare any length; refuse at once only what the size of the file makes believable.
    if MAX_SECONDS < declared < 48 * 3600 and ((known := lasts()) is None or known > MAX_SECONDS):
        raise too_long("video")


def too_long(kind: str) -> MediaError:
    return MediaError(f"The {kind} is longer than {MAX_SECONDS / 60:.0f} minutes: cut out the part that matters.")

"""Decoding of uploaded recordings, in memory: nothing is ever written to disk.

``limits`` says what is refused, ``opening`` finds the tracks, ``sound`` and ``pictures`` decode them.
"""

from features.media.limits import MAX_SECONDS, WORK_SIDE, MediaError
from features.media.opening import has_picture, has_sound, open_video
from features.media.pictures import Frame, read_frames, shown_frames, upright
from features.media.sound import Sound, read_sound

__all__ = [
    "MAX_SECONDS",
    "WORK_SIDE",
    "Frame",
    "MediaError",
    "Sound",
    "has_picture",
    "has_sound",
    "open_video",
    "read_frames",
    "read_sound",
    "shown_frames",
    "upright",
]

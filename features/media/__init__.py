"""Decoding of uploaded recordings, in memory: nothing is ever written to disk.

``limits`` says what is refused, and ``kinds`` what such a file is; ``opening`` finds the tracks, ``clock`` when each of them is
presented, ``sound`` and ``pictures`` decode them. ``channels``, ``envelope`` and ``level`` make one voice of a sound.
"""

from features.media.clock import FileClock, clock_or_none, file_end
from features.media.limits import MAX_SECONDS, WORK_SIDE, MediaError
from features.media.opening import as_they_are, has_picture, has_sound
from features.media.pictures import Frame, open_video, read_frames, shown_frames, upright
from features.media.sound import Sound, read_sound

__all__ = [
    "MAX_SECONDS",
    "WORK_SIDE",
    "FileClock",
    "Frame",
    "MediaError",
    "Sound",
    "as_they_are",
    "clock_or_none",
    "file_end",
    "has_picture",
    "has_sound",
    "open_video",
    "read_frames",
    "read_sound",
    "shown_frames",
    "upright",
]

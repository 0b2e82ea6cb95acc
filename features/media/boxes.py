"""Two files, each taken for what it is and not for what it was given as."""

from __future__ import annotations

from features.media.opening import has_picture, has_sound


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

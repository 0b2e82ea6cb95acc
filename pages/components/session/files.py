"""What was put into the two boxes, taken for what it is and not for what its box or its name says."""

from __future__ import annotations

from typing import Protocol

from features.media import has_picture, has_sound
from pages.components.session.state import Recording, escape

SOUNDS = ["wav", "flac", "mp3", "ogg", "oga", "opus", "m4a", "m4b", "aac", "aiff", "aif", "caf", "wma", "amr", "weba", "mka", "mp2", "w64"]
VIDEOS = ["mp4", "mov", "webm", "mkv", "avi", "flv", "m4v", "3gp", "3g2", "mts", "m2ts", "ts", "wmv", "asf", "mpg", "mpeg", "vob", "ogv"]
KINDS = [*SOUNDS, *VIDEOS]
"""What either box takes: what is in a file decides where it belongs."""


class Upload(Protocol):
    """A file as Streamlit hands it over."""

    name: str

    def getvalue(self) -> bytes: ...


def recording_of(voice: Upload | None, face: Upload | None) -> tuple[Recording | None, tuple[str, ...]]:
    """The recording that two files make, and sentences in Markdown about what was not taken for what its box says.

    A video in the voice's box gives the sound, and the picture too where there is no other; a sound in the face's box is the voice,
    unless there is one already. What cannot be read stays where it was put, so that the reader says what is wrong with it.
    """
    if voice is None and face is None:
        return None, ()
    sound, picture, notes = voice, face, []
    if face is not None and _only_sound(face):
        sound, picture, note = _sound_as_face(voice, face)
        notes.append(note)
    elif voice is not None and has_picture(voice.getvalue()):
        sound, picture, note = _film_as_voice(voice, face)
        notes.append(note)
    name = " with ".join(file.name for file in (sound, picture) if file is not None)
    return Recording(name, _bytes(sound), _bytes(picture)), tuple(notes)


def _only_sound(file: Upload) -> bool:
    data = file.getvalue()
    return not has_picture(data) and has_sound(data)


def _sound_as_face(voice: Upload | None, face: Upload) -> tuple[Upload | None, Upload | None, str]:
    """Voice and face, and what became of a sound in the face's box."""
    if voice is None:
        return face, None, f"{_named(face)} has no picture: it is taken as the voice."
    if has_picture(voice.getvalue()):
        return face, voice, f"{_named(voice)} has a picture and {_named(face)} has none: each is taken for what it is."
    return voice, None, f"{_named(face)} has no picture, and {_named(voice)} is the voice already: it is left out."


def _film_as_voice(film: Upload, face: Upload | None) -> tuple[Upload | None, Upload, str]:
    """Voice and face, and what became of a video in the voice's box."""
    if face is None:
        return None, film, f"{_named(film)} is a video: it is taken as voice and face."
    return film, face, f"{_named(film)} is a video: its sound is the voice, and its picture is not looked at."


def _named(file: Upload) -> str:
    return f"“{escape(file.name, 40)}”"


def _bytes(file: Upload | None) -> bytes | None:
    return None if file is None else file.getvalue()

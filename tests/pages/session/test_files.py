"""Two boxes, any files: each is taken for what is in it."""

from dataclasses import dataclass

import numpy as np
import pytest

from features.media import MediaError, read_frames, read_sound
from pages.components.session.files import KINDS, SOUNDS, VIDEOS, recording_of
from pages.components.session.state import Recording
from tests.conftest import encode_video, tone, wav
from tests.features.media.test_media import KINDS as READ

OTHER_NAMES = {"oga", "m4b", "aif", "m2ts", "asf", "mpeg"}  # of kinds that are read

GREY = [np.full((48, 64, 3), 90, np.uint8)] * 3


@dataclass(frozen=True)
class File:
    name: str
    data: bytes

    def getvalue(self) -> bytes:
        return self.data


# Names that lie: what is in a file decides.
SOUND = File("sound.mp4", wav(tone(0.3)))
OTHER = File("other.mp4", wav(tone(0.3, 600)))
FILM = File("film.wav", encode_video(GREY, sound=tone(0.3)))
SECOND = File("second.wav", encode_video(GREY[:2], sound=tone(0.3, 600)))
MUTE = File("mute.mp4", encode_video(GREY))
JUNK = File("junk.mp4", b"nothing" * 99)


@pytest.mark.parametrize(
    ("voice", "face", "audio", "video", "says"),
    [
        (SOUND, None, SOUND, None, None),
        (None, FILM, None, FILM, None),
        (SOUND, FILM, SOUND, FILM, None),
        (FILM, None, None, FILM, "film.wav” is a video: it is taken as voice and face"),
        (MUTE, None, None, MUTE, "mute.mp4” is a video"),
        (FILM, SECOND, FILM, SECOND, "film.wav” is a video: its sound is the voice, and its picture is not looked at"),
        (None, SOUND, SOUND, None, "sound.mp4” has no picture: it is taken as the voice"),
        (SOUND, OTHER, SOUND, None, "other.mp4” has no picture, and “sound.mp4” is the voice already: it is left out"),
        (FILM, SOUND, SOUND, FILM, "each is taken for what it is"),
        (None, JUNK, None, JUNK, None),
        (JUNK, None, JUNK, None, None),
        (SOUND, JUNK, SOUND, JUNK, None),
    ],
)
def test_each_file_is_taken_for_what_it_is(voice, face, audio, video, says):
    recording, notes = recording_of(voice, face)
    assert (recording.audio, recording.video) == (audio and audio.data, video and video.data)
    assert recording.name == " with ".join(file.name for file in (audio, video) if file)
    if says is None:
        assert notes == ()
    else:
        (note,) = notes
        assert says in note.replace("\\", "")
        assert note.endswith(".")


def test_nothing_is_no_recording():
    assert recording_of(None, None) == (None, ())


def test_a_name_is_no_markup_in_a_note():
    _, (note,) = recording_of(File("[a](b) **c**.mp4", FILM.data), None)
    assert r"\[a\]" in note
    assert r"\*\*c\*\*" in note


def test_a_broken_file_is_judged_by_the_reader_of_its_box():
    recording, _ = recording_of(None, JUNK)
    with pytest.raises(MediaError, match="not a video"):
        list(read_frames(recording.video))
    recording, _ = recording_of(JUNK, None)
    with pytest.raises(MediaError, match="not a sound"):
        read_sound(recording.audio)


def test_the_lists_name_what_the_readers_read():
    assert set(KINDS) - set(READ) == set(OTHER_NAMES)
    assert set(READ) <= set(KINDS)
    assert set(SOUNDS) == {kind for kind, (_, _, picture) in READ.items() if picture is None} | {"oga", "m4b", "aif"}
    assert not set(SOUNDS) & set(VIDEOS)


def test_the_content_decides_which_recording_it_is():
    """Whichever box a film was put in, it is the same recording, and so the same analysis."""
    (left, _), (right, _) = recording_of(FILM, None), recording_of(None, FILM)
    assert isinstance(left, Recording)
    assert left.digest() == right.digest()

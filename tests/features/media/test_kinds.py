"""A refused file says what it is; what lies in the other box is taken as what it is."""

import gzip
import io
import zipfile

import cv2
import numpy as np
import pytest

from features.media import MediaError, as_they_are, read_frames, read_sound
from features.media.kinds import what_it_is
from tests.conftest import tone, wav
from tests.films import film


def picture(kind: str) -> bytes:
    return cv2.imencode(kind, np.zeros((40, 60, 3), np.uint8))[1].tobytes()


def archive(*names: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as out:
        for name in names:
            out.writestr(name, "x")
    return buffer.getvalue()


KINDS = {
    "a picture (PNG)": picture(".png"),
    "a picture (JPEG)": picture(".jpg"),
    "a picture (WebP)": picture(".webp"),
    "a picture (HEIC or AVIF)": b"\0\0\0\x18ftypheic" + bytes(100),
    "a PDF": b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n",
    "an archive (ZIP)": archive("clip.mp4"),
    "an Office document": archive("word/document.xml"),
    "an archive (gzip)": gzip.compress(b"hello"),
    "a text file": "Liebes Tagebuch, heute war ich müde.\n".encode() * 20,
    "a web page": b"<!DOCTYPE html><html><body>Not found</body></html>",
    "a play list": b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n",
    "a file of nothing but zeros": bytes(5000),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("reader", [read_sound, lambda data: list(read_frames(data))])
def test_a_refused_file_says_what_it_is(kind, reader):
    with pytest.raises(MediaError, match=rf"^The file is {kind.replace('(', '.').replace(')', '.')}, not a "):
        reader(KINDS[kind])


def test_recordings_and_noise_are_nothing_else():
    for data in (wav(tone(0.2)), film([], 5), np.random.default_rng(0).bytes(5000)):
        assert what_it_is(data) is None
    assert what_it_is("Grüße".encode("utf-16")) == "a text file"
    assert what_it_is(b"") is None


def test_a_video_without_sound_says_so():
    with pytest.raises(MediaError, match="a video without sound"):
        read_sound(film([], 5))


VOICE, SILENT, TALKING = wav(tone(0.5)), film([], 5), film([(tone(1.0, rate=8000), 0.0)], 25)


@pytest.mark.parametrize(
    ("given", "taken"),
    [
        ((VOICE, SILENT), (VOICE, SILENT)),
        ((SILENT, VOICE), (VOICE, SILENT)),
        ((TALKING, VOICE), (VOICE, TALKING)),
        ((None, VOICE), (VOICE, None)),
        ((SILENT, None), (None, SILENT)),
        ((TALKING, None), (TALKING, None)),
        ((VOICE, VOICE), (VOICE, None)),
        ((None, TALKING), (None, TALKING)),
        ((b"text", VOICE), (b"text", None)),
        ((VOICE, b"text"), (VOICE, b"text")),
    ],
)
def test_each_is_taken_for_what_it_is(given, taken):
    audio, video, notes = as_they_are(*given)
    assert (audio, video) == taken
    assert bool(notes) == (given != taken)

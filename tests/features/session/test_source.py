"""A session is looked at before it is read: tracks, length, clock, and what is refused."""

import hashlib
import io
from pathlib import Path

import numpy as np
import pytest

from features import MediaError
from features.session import source as module
from features.session.source import open_source, stretch_of_sound
from tests.conftest import encode_video, tone, wav

PICTURES = [np.full((64, 96, 3), 40 * k, np.uint8) for k in range(6)] * 10


@pytest.fixture
def film(tmp_path) -> Path:
    path = tmp_path / "session.mp4"
    path.write_bytes(encode_video(PICTURES, sound=tone(2.0)))
    return path


def test_a_film_with_sound(film):
    found = open_source(film)
    assert (found.name, found.sounds, found.film) == ("session.mp4", 1, True)
    assert found.seconds == pytest.approx(2.0, abs=0.1)
    assert found.digest() == hashlib.sha256(film.read_bytes()).hexdigest()


def test_a_file_that_is_not_on_disk_is_read_as_one_that_is(film):
    data = film.read_bytes()
    found = open_source(io.BytesIO(data), "clip.mp4")
    assert (found.name, found.seconds) == ("clip.mp4", open_source(film).seconds)
    assert found.digest() == hashlib.sha256(data).hexdigest()
    own, other = (stretch_of_sound(source, 0, 0.5, 1.0) for source in (found, open_source(film)))
    np.testing.assert_array_equal(own.samples, other.samples)


def test_the_voice_alone(tmp_path):
    (tmp_path / "a.wav").write_bytes(wav(tone(3.0)))
    found = open_source(tmp_path / "a.wav")
    assert (found.sounds, found.film) == (1, False)
    assert found.seconds == pytest.approx(3.0, abs=0.05)


@pytest.mark.parametrize(("data", "says"), [(b"", "empty"), (b"not a recording", "not a sound"), (None, "not there")])
def test_anything_else_is_refused_in_a_sentence(tmp_path, data, says):
    path = tmp_path / "x.mp4"
    if data is not None:
        path.write_bytes(data)
    with pytest.raises(MediaError, match=says):
        open_source(path)


def test_what_is_too_long_or_too_large_is_refused_with_its_measure(film, monkeypatch):
    monkeypatch.setattr(module, "MAX_BYTES", 1000)
    with pytest.raises(MediaError, match="more than 0: cut"):
        open_source(film)
    monkeypatch.undo()
    monkeypatch.setattr(module, "MAX_SECONDS", 1.0)
    monkeypatch.setattr(module, "_LEEWAY", 0.0)
    with pytest.raises(MediaError, match="lasts 0 minutes, more than 0"):
        open_source(film)

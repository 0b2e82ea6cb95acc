"""A made film shows who the truth says, where and when, in time with the sound; a repeated one is the same over and over."""

import av
import numpy as np
import pytest

from features.faces import detect_faces
from tests.sessions.film import UNIT, repeat
from tests.sessions.make import make_session


@pytest.fixture(scope="module")
def gallery(data, tmp_path_factory):
    path = tmp_path_factory.mktemp("made") / "gallery.mp4"
    truth = make_session(path, seed=0, data=data, view="gallery", minutes=0.75, leaves=True, listener=True, preset="ultrafast")
    return path, truth


@pytest.fixture(scope="module")
def speaker(data, tmp_path_factory):
    path = tmp_path_factory.mktemp("made") / "speaker.mp4"
    truth = make_session(path, seed=1, data=data, view="speaker", speakers=3, turn=3.0, minutes=0.5, preset="ultrafast")
    return path, truth


def pictures(path, wanted=lambda number: True):
    with av.open(str(path)) as container:
        for number, frame in enumerate(container.decode(video=0)):
            if wanted(number):
                yield frame.time, frame.to_ndarray(format="rgb24")


def test_faces_are_where_the_truth_says_and_nowhere_else(gallery):
    path, truth = gallery
    away = truth.settings["away"]
    for time, picture in pictures(path, lambda number: number % 150 == 10):
        seen, found = truth.seen(time), detect_faces(picture)
        left = away[1] <= time < away[2]
        assert set(seen) == {"01", "05", "astronaut"} - ({away[0]} if left else set())
        assert len(found) == len(seen)
        assert all(max(box.overlap(place) for box in found) > 0.5 for place in seen.values())
    assert not any(e.person == away[0] and e.segment.start < away[2] and away[1] < e.segment.end for e in truth.emotions)
    assert truth.ties == {"01": "01", "05": "05"}


def test_the_mouth_of_who_speaks_moves(gallery):
    """And that of who listens does not: mean change of the lower part of the face, from picture to picture."""
    path, truth = gallery
    moved = {(person, speaks): [] for person in ("01", "05") for speaks in (True, False)}
    last = {}
    for time, picture in pictures(path, lambda number: number < 500):
        for person, box in truth.seen(time).items():
            if person == "astronaut":
                continue
            x, y, w, h = map(int, box)
            mouth = picture[y + 2 * h // 3 : y + h, x + w // 4 : x + 3 * w // 4].astype(float)
            if person in last and last[person].shape == mouth.shape:
                speaks = any(e.person == person and e.segment.start <= time < e.segment.end for e in truth.emotions)
                moved[person, speaks].append(np.abs(mouth - last[person]).mean())
            last[person] = mouth
    for person in ("01", "05"):
        assert np.median(moved[person, True]) > 1.8 * np.median(moved[person, False])


def test_the_sound_fits_the_picture(gallery, data):
    """Where one recording is heard, its own film is seen at the same place: the closest of its pictures is the one of that moment."""
    path, truth = gallery
    portrayed = next(e for e in truth.emotions if e.person == "01")
    middle = (portrayed.segment.start + portrayed.segment.end) / 2
    time, picture = min(pictures(path, lambda number: abs(number / 25 - middle) < 0.5), key=lambda shown: abs(shown[0] - middle))
    with av.open(str(data / "clips" / f"01{portrayed.file[2:-4]}.mp4")) as container:
        film = [(f.time, f.to_ndarray(format="rgb24", width=632, height=352)) for f in container.decode(video=0)]
        container.seek(0)
        own = np.concatenate([f.to_ndarray()[0] for f in container.decode(audio=0)])
        rate = container.streams.audio[0].rate
    with av.open(str(path)) as container:
        sound = np.concatenate([f.to_ndarray()[0] for f in container.decode(audio=0)])
    part = sound[round(portrayed.segment.start * rate) : round(portrayed.segment.end * rate)]
    begins = np.fft.irfft(np.fft.rfft(own, 2**19) * np.conj(np.fft.rfft(part, 2**19))).argmax() / rate  # of the part, in the actor's film
    shown = picture[4 : 4 + 352, 4 : 4 + 632].astype(float)
    nearest = min(film, key=lambda other: np.abs(other[1] - shown).mean())[0]
    assert nearest - begins == pytest.approx(time - portrayed.segment.start, abs=0.05)


def test_the_speaker_view_is_cut_where_the_truth_says(speaker):
    path, truth = speaker
    changes, last = [], None
    for time, picture in pictures(path):
        small = picture[::20, ::20].astype(float)
        if last is not None and np.abs(small - last).mean() > 8:
            changes.append(time)
        last = small
    assert len(truth.cuts) >= 3
    assert {cut for cut in truth.cuts if min(abs(time - cut) for time in changes) > 1e-3} == set()
    others = [time for time in changes if min(abs(time - cut) for cut in truth.cuts) > 1e-3]
    assert {time for time in others if min(abs(time - jump) for jump in truth.jumps) > 0.041} == set()
    assert sum(face is None for face in truth.ties.values()) == 1


def test_a_shared_screen_has_one_small_face(data, tmp_path):
    path = tmp_path / "screen.mkv"
    truth = make_session(path, seed=2, data=data, view="screen", minutes=0.2, preset="ultrafast")
    for time, picture in pictures(path, lambda number: number % 100 == 50):
        seen, found = truth.seen(time), detect_faces(picture)
        assert len(seen) == 1
        assert [next(iter(seen.values())).overlap(box) > 0.4 for box in found] == [True]
        assert 80 < next(iter(seen.values())).w < 140


def test_a_repeated_film_keeps_its_time(speaker, tmp_path):
    path, truth = speaker
    out = tmp_path / "long.mp4"
    repeat(path, 1.2, out)
    assert truth.seconds / float(UNIT) == pytest.approx(round(truth.seconds / UNIT), abs=1e-9)
    with av.open(str(path)) as container:
        short = np.concatenate([f.to_ndarray()[0] for f in container.decode(audio=0)])
        container.seek(0)
        count = sum(1 for _ in container.decode(video=0))
    with av.open(str(out)) as container:
        rate = container.streams.audio[0].rate
        frames = list(container.decode(audio=0))
        times = np.array([frame.time for frame in frames])
        container.seek(0)
        shown = np.array([frame.time for frame in container.decode(video=0)])
    assert np.abs(np.diff(times) - 1024 / rate).max() < 1e-6
    assert np.abs(np.diff(shown) - 1 / 25).max() < 1e-6
    assert shown[-1] + 1 / 25 == pytest.approx(72.0, abs=0.05)
    assert count == round(truth.seconds * 25)
    long = np.concatenate([frame.to_ndarray()[0] for frame in frames])
    start = round(truth.seconds * rate) + 4096
    again, once = long[start : start + 10 * rate], short[4096 : 4096 + 10 * rate]
    assert np.median(np.abs(again - once)) < 1e-6 < 1e-5 < np.median(np.abs(once))  # in some packets AAC fills in noise, by chance

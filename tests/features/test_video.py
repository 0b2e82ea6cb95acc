"""From frames to crops and maps: the face is followed, what shows none is left out, and long clips do not pile up."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from skimage.data import astronaut

from features.faces import FaceTracker, centre_square, crop_square, cut
from features.media import Frame, read_frames
from features.video import extract_video
from tests.conftest import SAMPLE
from tests.features.conftest import maps_of

EMPTY = np.zeros((480, 480, 3), np.uint8)


def frames(*pictures: np.ndarray) -> list[Frame]:
    return [Frame(30 * k, float(k), picture, 1.0) for k, picture in enumerate(pictures)]


def test_side_by_side_it_finds_what_it_finds_one_after_the_other():
    shown = list(read_frames((SAMPLE / "sample.mp4").read_bytes(), stride=7))
    assert len(shown) > 8  # more than one block
    video, tracker = extract_video(iter(shown), maps_of), FaceTracker()
    expected = [tracker(frame.rgb) for frame in shown]
    assert video.faces == [face.scaled(frame.scale) for face, frame in zip(expected, shown, strict=True)]
    for crop, face, frame in zip(video.crops, expected, shown, strict=True):
        assert_allclose(crop, cut(frame.rgb, crop_square(face)))


def test_a_frame_without_a_face_does_not_count():
    video = extract_video(frames(astronaut(), EMPTY, astronaut()), maps_of)
    assert video.used.tolist() == [True, False, True]
    assert video.faces[1] is video.squares[1] is None
    assert not video.crops[1].any()
    assert not video.maps[1].any()
    assert not video.fallback
    assert_allclose(video.vector, video.crops[0].mean(), rtol=1e-5)


def test_without_any_face_the_middle_is_used():
    picture = np.random.default_rng(0).integers(0, 60, (300, 480, 3)).astype(np.uint8)
    video = extract_video(frames(picture, picture), maps_of)
    assert video.fallback
    assert video.used.all()
    assert video.squares == [centre_square(300, 480)] * 2
    assert_allclose(video.crops[0], cut(picture, centre_square(300, 480)))


def test_progress_is_told_frame_by_frame():
    told: list[int] = []
    extract_video(frames(*[EMPTY] * 6), maps_of, told.append)
    assert told == [1, 2, 3, 4, 5, 6]


def test_pictures_of_a_long_clip_are_kept_smaller():
    video = extract_video(frames(*[np.zeros((90, 700, 3), np.uint8)] * 61), maps_of)
    assert {picture.shape[1] for picture in video.pictures} == {320}
    assert video.picture_scale == pytest.approx(700 / 320)


def test_what_goes_wrong_while_reading_is_told():
    def broken():
        yield from frames(EMPTY)
        raise RuntimeError("cut off")

    with pytest.raises(RuntimeError, match="cut off"):
        extract_video(broken(), maps_of)

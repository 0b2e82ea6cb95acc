"""Faces: found, followed, cut where they are."""

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from skimage.data import astronaut

from features.faces import CROP, MARGIN, Box, FaceTracker, centre_square, crop_square, cut, detect_faces

FACE = Box(178, 70, 92, 112)  # of the portrait, by eye


@pytest.mark.parametrize("degrees", [-25, 0, 25])
def test_finds_the_face_upright_and_rolled(degrees):
    turned = cv2.warpAffine(astronaut(), cv2.getRotationMatrix2D(FACE.centre, degrees, 1.0), (512, 512))
    faces = detect_faces(turned)
    assert faces
    assert np.hypot(*np.subtract(faces[0].centre, FACE.centre)) < 25


@pytest.mark.parametrize("size", [(240, 240), (1024, 1024), (2048, 2048)])
def test_boxes_are_in_pixels_of_the_picture(size):
    scale = size[0] / 512
    (face, *_) = detect_faces(cv2.resize(astronaut(), size))
    assert np.hypot(*np.subtract(face.centre, FACE.scaled(scale).centre)) < 25 * scale
    assert 0.7 < face.w / FACE.scaled(scale).w < 1.5


@pytest.mark.parametrize("picture", [np.zeros((300, 300, 3), np.uint8), np.zeros((1, 1080, 3), np.uint8), np.zeros((2, 2, 3), np.uint8)])
def test_no_face_where_there_is_none(picture):
    assert detect_faces(picture) == []


def test_finds_every_frame_of_the_clips(clips):
    from features.media import read_frames

    tracker = FaceTracker()
    assert all(tracker(frame.rgb) for _, video in clips for frame in read_frames(video))


def test_follows_a_face_although_another_grows_larger():
    small, large = (cv2.resize(astronaut(), (s, s)) for s in (400, 620))
    first, second = np.zeros((2, 640, 1280, 3), np.uint8)
    first[:400, :400], second[:400, :400] = small, small
    second[:620, 640:1260] = large
    tracker = FaceTracker()
    left = tracker(first)
    assert tracker(second).overlap(left) > 0.8
    assert tracker(large[:500, :500]) is not None  # lost: the largest again


def test_takes_the_largest_at_first():
    picture = np.zeros((640, 1280, 3), np.uint8)
    picture[:400, :400], picture[:620, 640:1260] = cv2.resize(astronaut(), (400, 400)), cv2.resize(astronaut(), (620, 620))
    assert FaceTracker()(picture).x > 640


def test_cut_maps_the_square_onto_the_crop():
    ramp = np.tile(np.arange(200, dtype=np.uint8)[None, :, None], (200, 1, 3))
    crop = cut(ramp, Box(50, 20, 100, 100))
    assert crop.shape == (CROP, CROP, 3)
    expected = 50 + (np.arange(CROP) + 0.5) * 100 / CROP - 0.5
    assert np.abs(crop[100, :, 0] - expected).max() <= 1.0


def test_cut_outside_repeats_the_edge():
    picture = np.full((50, 50, 3), 90, np.uint8)
    assert (cut(picture, Box(-40, -40, 100, 100)) == 90).all()


def test_cut_of_a_large_face_does_not_alias():
    stripes = np.tile(np.array([0, 255], np.uint8).repeat(2)[None, :, None], (1400, 350, 3))
    assert cut(stripes, Box(0, 0, 1400, 1400)).std() < 30  # 127 in the picture


@given(st.floats(0, 500), st.floats(0, 500), st.floats(1, 300), st.floats(1, 300))
def test_square_is_centred_on_the_box(x, y, w, h):
    box = Box(x, y, w, h)
    square = crop_square(box)
    assert square.w == square.h == pytest.approx(MARGIN * max(w, h))
    assert square.centre == pytest.approx(box.centre)


def test_overlap():
    assert Box(0, 0, 10, 10).overlap(Box(0, 0, 10, 10)) == 1
    assert Box(0, 0, 10, 10).overlap(Box(5, 0, 10, 10)) == pytest.approx(1 / 3)
    assert Box(0, 0, 10, 10).overlap(Box(20, 0, 10, 10)) == 0


def test_centre_square():
    assert centre_square(720, 1280) == Box(280, 0, 720, 720)

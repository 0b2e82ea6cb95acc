"""Heat lies on the original frame, at the face."""

from dataclasses import replace

import numpy as np

from features.faces import Box
from xai.render.colours import evidence_rgba
from xai.render.overlay import overlay_frames


def changed(before: np.ndarray, after: np.ndarray) -> tuple[int, int, int, int]:
    """Left, top, right, bottom of what differs."""
    rows, columns = np.nonzero((before != after).any(axis=2))
    return columns.min(), rows.min(), columns.max(), rows.max()


def test_heat_lies_in_the_square_and_nowhere_else(random_features):
    video = random_features.video  # pictures 160 × 120, square at (20, 10), 100 pixels wide
    shown = overlay_frames(video, np.ones((3, 7, 7)), boxes=False)
    assert changed(video.pictures[0], shown[0]) == (20, 10, 119, 109)
    assert (shown[1] == video.pictures[1]).all()  # no face


def test_one_hot_cell_is_warmest_at_its_place(random_features):
    heat = np.zeros((3, 7, 7))
    heat[0, 5, 1] = 1.0
    (first, *_) = overlay_frames(random_features.video, heat, boxes=False)
    distance = np.abs(first.astype(int) - 128).sum(axis=2)
    y, x = np.unravel_index(distance.argmax(), distance.shape)
    assert abs(x - (20 + 1.5 * 100 / 7)) <= 8
    assert abs(y - (10 + 5.5 * 100 / 7)) <= 8


def test_scaled_pictures_and_squares_that_leave_the_frame(random_features):
    video = replace(
        random_features.video, picture_scale=2.0, squares=[Box(-60, -40, 200, 200), None, Box(250, 100, 100, 200)], faces=[None] * 3
    )
    shown = overlay_frames(video, np.ones((3, 7, 7)))
    assert changed(video.pictures[0], shown[0]) == (0, 0, 69, 79)


def test_opacity_zero_changes_nothing(random_features):
    video = random_features.video
    assert all((a == b).all() for a, b in zip(video.pictures, overlay_frames(video, np.ones((3, 7, 7)), 0.0, boxes=False), strict=True))


def test_for_is_warm_against_is_cool_and_zero_is_transparent():
    warm, none, cool = evidence_rgba(np.array([1.0, 0.0, -1.0]))
    assert warm[0] > warm[2]
    assert cool[2] > cool[0]
    assert none[3] == 0

"""A face is followed from look to look; a cut ends a track, and so does another face in its place."""

import cv2
import numpy as np
from skimage.data import astronaut

from features.media import Frame
from features.session.faces import FaceFollower, mouth_movement
from features.session.film import Look
from models.identity.person import landmarks

FACE = np.ascontiguousarray(astronaut()[:300, 60:400])


def scene(*lefts: int, wide: int = 1280) -> np.ndarray:
    picture = np.full((720, wide, 3), 128, np.uint8)
    for left in lefts:
        picture[200:500, left : left + 340] = FACE
    return picture


def look(time: float, picture: np.ndarray, cuts: tuple[float, ...] = ()) -> Look:
    return Look(Frame(0, time, picture, 1.0), Frame(1, time + 0.1, picture, 1.0), cuts)


def test_two_faces_keep_their_tracks_and_their_order():
    follow = FaceFollower()
    for second in range(8):
        seen = follow(look(float(second), scene(100 + 2 * second, 700)))
        assert [face.track for face in seen] == [0, 1]
        assert seen[0].box.x < seen[1].box.x
        assert seen[0].crop.shape == (224, 224, 3)
    assert abs(seen[1].box.centre[0] - (700 + 170)) < 90


def test_boxes_do_not_drift():
    follow = FaceFollower()
    boxes = [follow(look(float(second), scene(400)))[0].box for second in range(15)]
    assert max(abs(box.x - boxes[1].x) for box in boxes[1:]) < 0.1 * boxes[1].w


def test_a_cut_begins_a_new_track_and_a_missing_face_is_waited_for():
    follow = FaceFollower()
    first = follow(look(0.0, scene(400)))[0].track
    assert follow(look(1.0, scene())) == []
    assert follow(look(2.0, scene(400)))[0].track == first
    assert follow(look(3.0, scene(400), cuts=(2.5,)))[0].track != first


def test_a_face_that_comes_later_is_found():
    follow = FaceFollower()
    counts = [len(follow(look(float(second), scene(100) if second < 3 else scene(100, 700)))) for second in range(12)]
    assert counts[:3] == [1, 1, 1]
    assert counts[-1] == 2


def test_a_mouth_that_moves_moves():
    crop = cv2.resize(FACE[20:260, 40:280], (224, 224))
    five = landmarks(crop[None])[0]
    apart = np.linalg.norm(five[:2].mean(axis=0) - five[2:4].mean(axis=0))
    x, y = (five[4] + [0, 0.62 * apart]).astype(int)
    opened, raised = crop.copy(), crop.copy()
    cv2.ellipse(opened, (int(x), int(y)), (int(0.25 * apart), int(0.2 * apart)), 0, 0, 360, (40, 10, 10), -1)
    middle = ((five[:2].mean(axis=0) + five[2:4].mean(axis=0)) / 2).astype(int)
    cv2.ellipse(raised, tuple(int(v) for v in middle), (int(0.5 * apart), int(0.2 * apart)), 0, 0, 360, (40, 10, 10), -1)
    speaking, still, blinking = (mouth_movement(crop, other, five, five) for other in (opened, crop, raised))
    assert still < 0.1
    assert speaking > 3 * max(still, blinking)

"""A film is cut where everything is different at once; a person who moves, a camera that shakes and a black beginning are none."""

import numpy as np
from skimage.data import astronaut

from features.media import read_frames
from features.media.cuts import Cuts
from tests.conftest import SAMPLE, encode_video


def cuts_of(pictures: list[np.ndarray], fps: int = 30) -> list[float]:
    cuts = Cuts()
    list(read_frames(encode_video(pictures, fps), cuts=cuts))
    return [round(time, 2) for time in cuts.times]


def shown(left: int, top: int = 0) -> np.ndarray:
    return np.ascontiguousarray(astronaut()[top : top + 240, left : left + 320])


def test_a_cut_is_found_where_it_is():
    assert cuts_of([shown(80)] * 20 + [shown(80)[:, ::-1]] * 20) == [0.67]
    assert cuts_of([shown(80)] * 10 + [shown(160, 200)] * 10, 10) == [1.0]


def test_a_camera_that_pans_or_shakes_cuts_nothing():
    assert cuts_of([shown(k % 180) for k in range(0, 180, 6)]) == []
    rng = np.random.default_rng(0)
    assert cuts_of([shown(80 + dx, 20 + dy) for dx, dy in rng.integers(0, 9, (40, 2))]) == []


def test_a_black_beginning_and_a_lamp_cut_nothing():
    assert cuts_of([np.zeros((240, 320, 3), np.uint8)] * 5 + [shown(80)] * 10) == []
    assert cuts_of([shown(80)] * 8 + [(shown(80) * 0.5).astype(np.uint8)] * 8) == []


def test_the_sample_is_not_cut():
    cuts = Cuts()
    list(read_frames((SAMPLE / "sample.mp4").read_bytes(), cuts=cuts))
    assert cuts.times == []

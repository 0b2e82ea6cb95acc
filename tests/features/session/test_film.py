"""One picture a second, at its own time, and a neighbour."""

import numpy as np
import pytest

from features.session.film import looks
from features.session.source import open_source
from tests.conftest import encode_video


def film(tmp_path, seconds: int = 5, fps: int = 30):
    rng = np.random.default_rng(0)
    picture = rng.integers(0, 255, (96, 128, 3), np.uint8)
    pictures = [np.roll(picture, k, axis=1) for k in range(seconds * fps)]
    (tmp_path / "a.mp4").write_bytes(encode_video(pictures, fps=fps))
    return open_source(tmp_path / "a.mp4")


@pytest.mark.parametrize("fps", [10, 25, 60])
def test_a_picture_in_each_second_and_one_soon_after(tmp_path, fps):
    found = list(looks(film(tmp_path, fps=fps)))
    times = np.array([look.frame.time for look in found])
    assert len(found) == 5
    assert (times.astype(int) == np.arange(5)).all()
    assert (times - np.arange(5) < 0.35).all()
    for look in found:
        assert look.soon is not None
        assert 0.09 <= look.soon.time - look.frame.time <= 0.45
        assert not np.array_equal(look.soon.rgb, look.frame.rgb)
        assert look.cuts == ()


def test_a_stretch_begins_where_it_should(tmp_path):
    source = film(tmp_path, seconds=8)
    whole, part = list(looks(source)), list(looks(source, 3.0, 6.0))
    assert [int(look.frame.time) for look in part] == [3, 4, 5]
    for look in part:
        own = min(whole, key=lambda other: abs(other.frame.time - look.frame.time))
        assert abs(own.frame.time - look.frame.time) < 0.2


def test_a_cut_is_said_with_the_look_that_follows(tmp_path):
    rng = np.random.default_rng(1)
    one, other = rng.integers(0, 255, (2, 96, 128, 3), np.uint8)
    (tmp_path / "a.mp4").write_bytes(encode_video([one] * 75 + [other] * 75, fps=30))
    found = list(looks(open_source(tmp_path / "a.mp4")))
    cuts = [(int(look.frame.time), cut) for look in found for cut in look.cuts]
    assert len(cuts) == 1
    assert cuts[0][0] == 3
    assert cuts[0][1] == pytest.approx(2.5, abs=0.15)

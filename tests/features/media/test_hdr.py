"""HLG and PQ become standard pictures: by the formulas of BT.2100 the other way round, written anew here."""

import av
import numpy as np
import pytest
from numpy.testing import assert_allclose
from skimage.data import astronaut

from features.media.hdr import REFERENCE_WHITE, hlg_light, is_hdr, pq_light, to_sdr
from features.media.pictures import upright

HLG, PQ = 18, 16
TO_2020 = np.array([[0.6274, 0.3293, 0.0433], [0.0691, 0.9195, 0.0114], [0.0164, 0.0880, 0.8956]])  # BT.2087


def hlg(light):
    """BT.2100, table 5: light of the scene in [0, 1] → signal."""
    return np.where(light <= 1 / 12, np.sqrt(3 * light), 0.17883277 * np.log(np.maximum(12 * light - 0.28466892, 1e-9)) + 0.55991073)


def pq(nits):
    """ST 2084: cd/m² → signal."""
    root = (nits / 10_000) ** (2610 / 16384)
    return ((3424 / 4096 + 2413 / 128 * root) / (1 + 2392 / 128 * root)) ** (2523 / 32)


def filmed(standard: np.ndarray, trc: int) -> np.ndarray:
    """uint8 (h, w, 3) of BT.709 → uint16, as a camera of high dynamic range would have it: white is 203 cd/m²."""
    light = (standard / 255) ** 2.4 @ TO_2020.T * REFERENCE_WHITE
    if trc == PQ:
        signal = pq(light)
    else:
        shown = light / 1000
        luma = np.maximum(shown @ [0.2627, 0.6780, 0.0593], 1e-9)[..., None]
        signal = hlg(shown * luma ** (1 / 1.2 - 1))  # the OOTF, backwards
    return np.round(np.clip(signal, 0, 1) * 65535).astype(np.uint16)


def test_each_formula_undoes_the_other():
    signal = np.linspace(0, 1, 101)
    assert_allclose(hlg(hlg_light(signal)), signal, atol=1e-6)
    assert_allclose(pq(pq_light(signal)), signal, atol=1e-6)
    assert hlg_light(np.array(0.75)) ** 1.2 * 1000 == pytest.approx(203, abs=0.5)  # BT.2408
    assert pq_light(np.array(0.58)) == pytest.approx(203, rel=0.02)


@pytest.mark.parametrize("trc", [HLG, PQ])
def test_a_portrait_comes_back_as_it_was(trc):
    picture = (astronaut()[:200, 120:320] * 0.8).astype(np.uint8)
    back = to_sdr(filmed(picture, trc), trc).astype(int)
    inside = (picture.max(axis=2) < 225) & (picture.min(axis=2) > 8)
    assert np.abs(back - picture)[inside].mean() < 1
    assert np.percentile(np.abs(back - picture)[inside], 99) <= 4


@pytest.mark.parametrize("trc", [HLG, PQ])
def test_what_is_brighter_than_white_stays_in_order(trc):
    ramp = np.repeat(np.linspace(0, 65535, 256).astype(np.uint16)[None, :, None], 3, axis=2)
    steps = np.diff(to_sdr(ramp, trc)[0, :, 1].astype(int))
    assert (steps >= 0).all()
    assert to_sdr(ramp, trc).max() >= 245


def test_a_frame_is_read_by_what_it_says():
    picture = (astronaut()[:200, 120:320] * 0.8).astype(np.uint8)
    frame = av.VideoFrame.from_ndarray(filmed(picture, HLG), format="rgb48le").reformat(format="yuv420p10le", dst_colorspace=9)
    assert not is_hdr(frame)
    pale = upright(frame, 0, 0.0, None).rgb
    frame.color_trc, frame.color_primaries, frame.colorspace = HLG, 9, 9
    assert is_hdr(frame)
    mended = upright(frame, 0, 0.0, None).rgb
    assert np.abs(mended.astype(int) - picture).mean() < 3
    assert np.abs(pale.astype(int) - picture).mean() > 10


def test_both_ranges_of_levels_give_one_picture():
    picture = astronaut()
    frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
    narrow, full = (upright(frame.reformat(format="yuv444p", dst_color_range=kind), 0, 0.0, None).rgb for kind in (1, 2))
    assert np.abs(narrow.astype(int) - full).max() <= 6

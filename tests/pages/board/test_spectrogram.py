"""The spectrogram's words lie where its pixels are."""

import re

import numpy as np
import pytest
from numpy.testing import assert_allclose

from features.audio import RATE, SCALE, mel_edges
from features.patches import patch_grid, segments
from pages.components.board.spectrogram import spectrogram_html
from tests.pages.board.reading import read
from tests.pages.board.test_style import opened
from tests.recordings import make_audio
from xai.explanation import SoundPatches
from xai.render.spectrogram import seconds_ticks, spectrogram_picture, strongest_patches

STRONG, WEAK = 8 * 4 + 2, 8 * 7 + 5  # of ten columns and eight rows: the fifth and the third, the eighth and the sixth


@pytest.fixture(scope="module")
def sound():
    time = np.arange(2 * RATE) / RATE
    audio = make_audio(np.random.default_rng(0).normal(0, 0.1, 2 * RATE) * (time > 0.2))
    cells = patch_grid(audio.mel_db).cells
    heat = np.zeros(len(cells))
    heat[STRONG], heat[WEAK] = 1.0, -0.7
    return audio, SoundPatches(cells, segments(cells, audio.seconds)), heat


def test_signs_lie_on_the_strongest_patches(sound):
    audio, parts, _ = sound
    page = read(spectrogram_html(*sound, "words"))
    found = page.all(class_="em-patch")
    assert [patch.text for patch in found] == ["+", "−"]
    for patch, k in zip(found, (STRONG, WEAK), strict=True):
        t0, t1, hz0, hz1 = parts.segments[k]
        left, width, bottom, height = (patch.share(name) / 100 for name in ("left", "width", "bottom", "height"))
        assert_allclose([left, left + width], np.array([t0, t1]) / audio.seconds, atol=1e-4)
        edges = mel_edges()[(np.array([bottom, bottom + height]) * 128).round().astype(int)]
        assert_allclose(edges, [hz0, hz1])
    assert "speaks for it" in found[0].attributes["title"]
    assert f"{parts.segments[WEAK, 0]:.1f} s and {parts.segments[WEAK, 1]:.1f} s speaks against it" in found[1].attributes["title"]


def test_the_picture_is_that_of_the_renderer(sound):
    found = opened(read(spectrogram_html(*sound, "words")).all("img")[0].attributes["src"])
    expected = spectrogram_picture(*sound)
    assert found.shape == expected.shape
    assert np.abs(found.astype(int) - expected).mean() < 4
    page = read(spectrogram_html(*sound, "words")).all(class_="em-patch")[0]
    row, column = (1 - (page.share("bottom") + page.share("height") / 2) / 100), (page.share("left") + page.share("width") / 2) / 100
    inside = found[int(row * found.shape[0]) - 4 :, int(column * found.shape[1]) :][:8, :8].reshape(-1, 3).mean(axis=0)
    assert inside[0] - inside[2] > 60  # warm, as its plus says


def test_ticks_lie_at_their_seconds_and_hertz(sound):
    audio = sound[0]
    page = read(spectrogram_html(*sound, "words"))
    seconds = page.all(class_="em-seconds")[0].all("span")
    assert [tick.text for tick in seconds] == ["0", "0.5", "1", "1.5", "2 s"]
    assert_allclose([tick.share("left") for tick in seconds], 100 * np.arange(0, 2.1, 0.5) / audio.seconds, atol=0.01)
    hertz = page.all(class_="em-hertz")[0].all("span")
    assert [tick.text for tick in hertz] == ["0.5", "1", "2", "4", "8"]
    assert_allclose([tick.share("bottom") for tick in hertz], SCALE.bands_at((500, 1000, 2000, 4000, 8000)) / 1.28, atol=0.01)


def test_the_waveform_is_narrow_where_it_is_quiet(sound):
    page = read(spectrogram_html(*sound, "words"))
    points = np.array(re.findall(r"([\d.]+)% ([\d.]+)%", page.all(class_="em-wave")[0].style["clip-path"]), float)
    there, back = np.array_split(points, 2)
    height = (back[::-1] - there)[:, 1]
    assert_allclose(there[:, 0], back[::-1, 0])
    quiet = there[:, 0] < 9
    assert height[quiet].max() <= 2 < 20 < height[~quiet][2:].mean()
    assert points.min() >= 0
    assert points.max() <= 100


@pytest.mark.parametrize(("height", "waves"), [(170, 1), (130, 1), (129, 0), (100, 0)])
def test_all_of_it_is_as_high_as_was_asked(sound, height, waves):
    page = read(spectrogram_html(*sound, "words", height))
    rows = page.all(class_="em-sound")[0].style["grid-template-rows"]
    assert sum(int(row) for row in re.findall(r"(\d+)px", rows)) == height
    assert len(page.all(class_="em-wave")) == waves


@pytest.mark.parametrize(
    ("state", "lines", "opacity", "words"),
    [({}, 0, "1.0", ""), ({"faint": True}, 0, "0.55", " (faint)"), ({"struck": True}, 1, "0.45", " (struck through)")],
)
def test_struck_and_faint(sound, state, lines, opacity, words):
    page = read(spectrogram_html(*sound, 'a "b" <i>', **state))
    assert len(page.all(class_="em-strike")) == lines
    assert page.all(class_="em-drawn")[0].style["opacity"] == opacity
    assert page.all("img")[0].attributes["alt"] == 'a "b" <i>' + words
    assert not page.all("i")


def test_silence_and_no_evidence():
    audio = make_audio(np.zeros(RATE))
    page = read(spectrogram_html(audio, SoundPatches(np.zeros((0, 4), int), np.zeros((0, 4))), np.zeros(0), "words"))
    assert page.all(class_="em-patch") == []
    assert "nan" not in page.all(class_="em-wave")[0].style["clip-path"]


@pytest.mark.parametrize("length", [0.1, 0.35, 1.0, 3.24, 7.0, 59.9, 61.0, 601.0, 5000.0])
def test_ticks_are_evenly_spaced_few_and_reach_to_the_end(length):
    ticks = np.array(seconds_ticks(length))
    assert ticks[0] == 0
    assert 2 <= len(ticks) - 1 <= 6
    assert_allclose(np.diff(ticks), ticks[1])
    assert length - ticks[1] < ticks[-1] <= length


def test_strongest_patches_are_few_and_strong():
    assert strongest_patches(np.array([0.2, -1.0, 0.6, 0.49, 0.8, 0.7])) == [1, 4, 5]
    assert strongest_patches(np.array([0.2, -1.0, 0.49])) == [1]
    assert strongest_patches(np.zeros(4)) == strongest_patches(np.zeros(0)) == []


def test_the_last_tick_stays_inside(sound):
    ticks = read(spectrogram_html(*sound, "words")).all(class_="em-seconds")[0].all("span")
    assert ["transform" in tick.style for tick in ticks] == [False] * 4 + [True]

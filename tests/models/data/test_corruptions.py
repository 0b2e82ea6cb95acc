"""Each corruption is the one that its name says, at the strength that it says, every time."""

import cv2
import numpy as np
import pytest
from numpy.testing import assert_allclose
from skimage.data import astronaut

from features import Modality
from features.audio import RATE, mean_mfcc, mel_spectrogram_db
from models.data.augmentation import jpeg
from models.data.corruptions import CORRUPTIONS, WORDS_ONLY, corruptions_in
from tests.conftest import tone
from tests.models.data.test_augmentation import level_at, level_db

OF_VOICES, OF_FACES = CORRUPTIONS[Modality.AUDIO], CORRUPTIONS[Modality.VIDEO]
UNMOVED = "10 dB louder", "10 dB softer", "AAC at 64 kbit/s", "noise (20 dB)"


@pytest.fixture(scope="module")
def voice() -> np.ndarray:
    """Two seconds of tones in bursts."""
    bursts = np.sin(2 * np.pi * 2 * np.arange(2 * RATE) / RATE) > 0
    return (sum(0.2 * tone(2.0, hz) for hz in (150, 900, 2500, 6000)) * bursts).astype(np.float32)


@pytest.fixture(scope="module")
def face() -> np.ndarray:
    return cv2.resize(astronaut()[:260, 100:360], (224, 224))


def test_what_is_on_offer():
    assert len(OF_VOICES) == 6
    assert len(OF_FACES) == 5
    assert not OF_VOICES.keys() & OF_FACES.keys()


def test_corruptions_concern_what_is_shown():
    assert corruptions_in("voice") == [*OF_VOICES, WORDS_ONLY]
    assert corruptions_in("face") == [*OF_FACES]
    assert corruptions_in("both") == [*OF_VOICES, WORDS_ONLY, *OF_FACES]


@pytest.mark.parametrize("name", OF_VOICES)
def test_a_voice_keeps_its_length_and_is_corrupted_the_same_way_every_time(voice, name):
    out = OF_VOICES[name](voice)
    assert (out.dtype, out.shape) == (np.float32, voice.shape)
    assert np.isfinite(out).all()
    assert (out == OF_VOICES[name](voice)).all()
    assert np.abs(mean_mfcc(mel_spectrogram_db(out)) - mean_mfcc(mel_spectrogram_db(voice))).max() > 0.1


@pytest.mark.parametrize("name", UNMOVED)
def test_a_voice_stays_where_it_is(voice, name):
    """A codec that starts late would test the cut, not the codec."""
    out = OF_VOICES[name](voice).astype(float)
    lags = range(-1100, 1101, 4)
    found = [np.dot(voice[1200:-1200], out[1200 + lag : len(out) - 1200 + lag]) for lag in lags]
    assert lags[int(np.argmax(found))] == 0


@pytest.mark.parametrize(("name", "db"), [("10 dB softer", -10), ("10 dB louder", 10)])
def test_levels(voice, name, db):
    out = OF_VOICES[name](voice)
    assert level_db(out) - level_db(voice) == pytest.approx(db, abs=1e-3)
    assert_allclose(out, voice * 10 ** (db / 20), rtol=1e-5)


def test_noise_is_20_db_below(voice):
    out = OF_VOICES["noise (20 dB)"](voice)
    assert level_db(voice) - level_db(out - voice) == pytest.approx(20, abs=0.1)


def test_a_telephone_passes_300_to_3400_hz(voice):
    out = OF_VOICES["telephone line"](voice)
    assert abs(level_at(out, 900) - level_at(voice, 900)) < 1
    assert level_at(out, 150) < level_at(voice, 150) - 20
    assert level_at(out, 6000) < level_at(voice, 6000) - 15


def test_a_room_rings_for_half_a_second():
    click = np.zeros(RATE, np.float32)
    click[100] = 1
    out = OF_VOICES["room (0.5 s of reverberation)"](click)
    assert out[100] == pytest.approx(1, abs=0.05)
    tail = out[101 : 101 + RATE // 2].astype(float)
    edges = np.array_split(tail**2, 10)
    slope = np.polyfit(np.arange(10) * 0.05, [10 * np.log10(e.mean()) for e in edges], 1)[0]
    assert slope == pytest.approx(-60 / 0.5, rel=0.1)  # 60 dB in half a second
    assert np.sum(tail**2) == pytest.approx(0.25, rel=0.05)
    assert np.abs(out[101 + RATE // 2 :]).max() < 1e-4


def test_aac_loses_little_and_something(voice):
    out = OF_VOICES["AAC at 64 kbit/s"](voice)
    assert np.corrcoef(out, voice)[0, 1] > 0.99
    assert -60 < level_db(out - voice) - level_db(voice) < -15


@pytest.mark.parametrize("name", OF_FACES)
def test_a_face_keeps_its_shape_and_is_corrupted_the_same_way_every_time(face, name):
    before = face.copy()
    out = OF_FACES[name](face)
    assert (out.dtype, out.shape) == (np.uint8, face.shape)
    assert (out == OF_FACES[name](face)).all()
    assert (face == before).all()
    assert 1 < np.abs(out.astype(float) - face).mean() < 100


def test_light_and_blur(face):
    assert np.abs(OF_FACES["dim light (a third)"](face) - face / 3).max() < 1
    line = np.zeros((224, 224, 3), np.uint8)
    line[:, 112] = 255
    row = OF_FACES["blur (3 pixels)"](line)[100, :, 0].astype(float)
    expected = 255 * np.exp(-((np.arange(224) - 112) ** 2) / 18) / np.sqrt(18 * np.pi)
    assert_allclose(row, expected, atol=1.5)


def test_a_head_rolls_by_15_degrees_and_back(face):
    left, right = OF_FACES["rolled 15° left"], OF_FACES["rolled 15° right"]
    middle = np.s_[60:164, 60:164]
    back = right(left(face))[middle].astype(float)
    assert np.corrcoef(back.ravel(), face[middle].ravel())[0, 1] > 0.98
    dot = np.zeros((224, 224, 3), np.uint8)
    dot[110:115, 170:175] = 255
    y, x = np.argwhere(left(dot)[..., 0] > 100).mean(axis=0)
    assert np.degrees(np.arctan2(112 - y, x - 112)) == pytest.approx(15, abs=1)  # counter-clockwise as it is looked at
    y, x = np.argwhere(right(dot)[..., 0] > 100).mean(axis=0)
    assert np.degrees(np.arctan2(112 - y, x - 112)) == pytest.approx(-15, abs=1)


def test_jpeg_keeps_the_colours_in_their_order(face):
    red = np.zeros_like(face)
    red[..., 0] = 200
    assert_allclose(jpeg(red, 90).mean(axis=(0, 1)), [200, 0, 0], atol=6)
    _, code = cv2.imencode(".jpg", face[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 20])
    theirs = cv2.imdecode(code, cv2.IMREAD_COLOR)[..., ::-1]
    assert np.abs(OF_FACES["JPEG (quality 20)"](face).astype(float) - theirs).mean() < 12
    assert np.abs(jpeg(face, 95).astype(float) - face).mean() < np.abs(jpeg(face, 20).astype(float) - face).mean() / 2

"""What the player is given, and when: through AppTest, without a browser."""

import base64
import json
from dataclasses import replace

import cv2
import numpy as np
import pytest
from numpy.testing import assert_allclose
from streamlit.testing.v1 import AppTest

from features.audio import RATE
from models.labels import LABELS
from pages.components.player.player import player_data, spectrogram_picture
from pages.components.session.state import Key, Recording
from tests.xai.conftest import make_audio
from xai.methods.lime import patch_grid
from xai.render.playback import make_playback
from xai.score import FAITHFULNESS, Score, Trust
from xai.timeline import explain_timeline


def script() -> None:
    import streamlit as st

    from pages.components.player.player import show_player

    analysis = st.session_state["analysis"]
    show_player(
        analysis, st.session_state["given"], st.session_state.get("target", analysis.predicted), None, st.session_state.get("trust", {})
    )


def visit(analysis, recording: Recording) -> AppTest:
    app = AppTest.from_function(script, default_timeout=60)
    app.session_state["analysis"], app.session_state["given"] = analysis, recording
    return app.run()


@pytest.fixture
def recording(sample) -> Recording:
    return Recording("sample", *sample)


def given(app: AppTest) -> dict:
    """What the browser was sent."""
    (component,) = app.get("bidi_component")
    return json.loads(component.proto.json)


def data_of(analysis, video, hear=True, against=None) -> dict:
    """The player's data, as they arrive on the other side of JSON."""
    features = analysis.features
    playback = make_playback(video, features.audio.samples if hear else None)
    data = player_data(analysis, playback, explain_timeline(features, analysis.model), analysis.predicted, against)
    return json.loads(json.dumps(data, allow_nan=False))


def test_nothing_is_prepared_before_somebody_asks(sample_analysis, recording):
    app = visit(sample_analysis, recording)
    assert not app.exception
    assert Key.PLAYED not in app.session_state
    assert not app.get("bidi_component")
    app.toggle(key=Key.PLAY).set_value(True).run()
    assert not app.exception
    assert given(app)["media"]["url"].endswith(".mp4")


def test_prepared_once_and_for_the_latest_analysis_only(sample_analysis, recording):
    app = visit(sample_analysis, recording)
    app.toggle(key=Key.PLAY).set_value(True).run()
    first, sent = app.session_state[Key.PLAYED]["prepared"], given(app)
    app.session_state["target"] = LABELS.index("sad")
    app.run()
    assert app.session_state[Key.PLAYED]["prepared"] is first
    assert given(app)["media"] == sent["media"]
    assert given(app)["frames"]["heat"] != sent["frames"]["heat"]
    assert given(app)["frames"]["words"] == "Heat for sad"
    app.session_state["analysis"] = replace(sample_analysis, token="another")
    app.run()
    assert app.session_state[Key.PLAYED]["prepared"] is not first
    assert set(app.session_state[Key.PLAYED]) == {"of", "prepared"}


def test_two_visitors_share_nothing(sample_analysis, recording):
    one, two = visit(sample_analysis, recording), visit(sample_analysis, recording)
    one.toggle(key=Key.PLAY).set_value(True).run()
    two.run()
    assert Key.PLAYED not in two.session_state
    assert not two.get("bidi_component")


def test_a_video_that_cannot_be_prepared_gets_a_sentence(sample_analysis):
    app = visit(sample_analysis, Recording("broken", None, b"junk"))
    app.toggle(key=Key.PLAY).set_value(True).run()
    assert not app.exception
    assert "MP4" in app.warning[0].value
    assert not app.get("bidi_component")
    app.run()
    assert len(app.warning) == 1


def test_probabilities_are_in_the_order_of_the_whole_with_their_words(sample_analysis, sample):
    data = data_of(sample_analysis, sample[1])
    names = [label["name"] for label in data["labels"]]
    assert names == [LABELS[k] for k in np.argsort(-sample_analysis.probabilities)]
    timeline = explain_timeline(sample_analysis.features, sample_analysis.model)
    for row, expected, words in zip(data["probabilities"], timeline.probabilities, data["words"], strict=True):
        assert_allclose(row, [expected[LABELS.index(name)] for name in names], atol=1e-4)
        assert words.startswith(LABELS[expected.argmax()])
    assert data["media"] == {"url": "", "seconds": pytest.approx(4.8, abs=0.1)}


def test_heat_lies_on_the_square_of_its_frame(sample_analysis, sample):
    frames = data_of(sample_analysis, sample[1])["frames"]
    video = sample_analysis.features.video
    assert_allclose(frames["times"], video.times, atol=1e-3)
    assert frames["ratio"] == pytest.approx(640 / 480)
    heat = sample_analysis.cam.heat(sample_analysis.predicted)
    for square, box, cells, expected in zip(frames["squares"], video.squares, frames["heat"], heat, strict=True):
        assert_allclose(np.array(square) * [640, 480, 640, 480], box, atol=0.1)
        assert_allclose(np.array(cells) / 100, expected.ravel(), atol=0.006)
    scale = np.array(frames["scale"])
    assert (scale[100, 3], scale[0, 2] > scale[0, 0], scale[-1, 0] > scale[-1, 2]) == (0, True, True)


def test_a_frame_that_was_left_out_has_no_heat(sample_analysis, sample):
    video = sample_analysis.features.video
    used, squares = video.used.copy(), list(video.squares)
    used[1], squares[1] = False, None
    features = replace(sample_analysis.features, video=replace(video, used=used, squares=squares))
    frames = data_of(replace(sample_analysis, features=features), sample[1])["frames"]
    assert [cells is None for cells in frames["heat"]] == [square is None for square in frames["squares"]] == (~used).tolist()


def test_without_a_voice_or_without_a_face(sample_analysis, sample):
    features = sample_analysis.features
    voice = data_of(replace(sample_analysis, features=replace(features, video=None), cam=None), None)
    assert (voice["frames"], voice["sound"] is None) == (None, False)
    face = data_of(replace(sample_analysis, features=replace(features, audio=None), lime=None), sample[1], hear=False)
    assert (face["sound"], face["frames"] is None) == (None, False)


def test_the_spectrogram_has_its_patches_at_their_time_and_pitch(sample_analysis, sample):
    rng = np.random.default_rng(0)
    audio = make_audio(rng.normal(0, 0.1, 2 * RATE))
    cells = patch_grid(audio.mel_db)
    times = np.clip((cells[:, :2] - 0.5) * 512 / RATE, 0, 2.0)
    segments = np.concatenate([times, cells[:, 2:]], axis=1)
    weights = np.zeros(len(cells))
    patch = 8 * 4 + 2  # the fifth of ten columns, the third of eight rows from below
    weights[patch], weights[patch + 1] = 1.0, -1.0
    picture = spectrogram_picture(audio, segments, cells, weights).astype(int)
    coloured = np.argwhere(picture[..., 0] - picture[..., 2] > 30)
    (top, left), (bottom, right) = coloured.min(axis=0) / picture.shape[:2], coloured.max(axis=0) / picture.shape[:2]
    assert_allclose([top, bottom, left, right], [5 / 8, 6 / 8, 0.4, 0.5], atol=0.02)
    cool = np.argwhere(picture[..., 2] - picture[..., 0] > 30)
    assert cool[:, 0].max() < coloured[:, 0].min() + 2
    sound = data_of(sample_analysis, sample[1])["sound"]
    assert sound["seconds"] == sample_analysis.features.audio.seconds
    encoded = np.frombuffer(base64.b64decode(sound["picture"].split(",")[1]), np.uint8)
    assert cv2.imdecode(encoded, cv2.IMREAD_COLOR).shape[0] == 256


def test_quiet_is_dark_and_high_is_up():
    time = np.arange(2 * RATE) / RATE
    high = np.sin(2 * np.pi * 6000 * time) * (time > 1)
    low = np.sin(2 * np.pi * 200 * time) * (time < 1)
    audio = make_audio(high + low)
    picture = spectrogram_picture(audio, np.zeros((0, 4)), np.zeros((0, 4), int), np.zeros(0))[..., 0].astype(float)
    half = picture.shape[1] // 2
    assert picture[:80, half + 30 :].max() > 200 > 100 > picture[150:, half + 60 :].mean()
    assert picture[200:, : half - 30].max() > 200 > 100 > picture[:100, : half - 60].mean()


def test_heat_that_failed_its_checks_says_so(sample_analysis, recording):
    red = Trust((Score(FAITHFULNESS, -0.5),))
    green = Trust((Score(FAITHFULNESS, 0.5),))
    words = {}
    for name, trust in (("red", {"gradcam": red}), ("green", {"gradcam": green, "lime": red}), ("unknown", {})):
        app = visit(sample_analysis, recording)
        app.session_state["trust"] = trust
        app.toggle(key=Key.PLAY).set_value(True).run()
        words[name] = given(app)["frames"]["words"]
    assert words["red"] == f"{words['unknown']} (not to be relied on)"
    assert words["green"] == words["unknown"]

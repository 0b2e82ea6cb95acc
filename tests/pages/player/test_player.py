"""What the player is given, and when: through AppTest, without a browser."""

import base64
import json
from dataclasses import replace

import cv2
import numpy as np
import pytest
from numpy.testing import assert_allclose
from streamlit.testing.v1 import AppTest

from features import Modality
from features.audio import N_MELS, mel_edges
from models.labels import LABELS
from pages.components.player.player import player_data
from pages.components.session.state import Recording
from xai.explanation import Contrast
from xai.metrics.measures import FAITHFULNESS
from xai.render.playback import make_playback
from xai.score import Score, Trust
from xai.timeline import explain_timeline


def script() -> None:
    import streamlit as st

    from pages.components.analyze.jobs import asked_jobs
    from pages.components.analyze.watch import watch
    from pages.components.player.player import show_player
    from pages.components.session.state import drawer_of
    from xai.explanation import Contrast

    analysis = st.session_state["analysis"]
    contrast = Contrast(st.session_state.get("target", analysis.predicted))
    kept = drawer_of(analysis)
    for method, trust in st.session_state.get("trust", {}).items():
        kept.keep_trust(method, contrast, trust)
    if st.session_state.get("wanted"):
        drawn = kept.work.version
        show_player(kept, st.session_state["given"], contrast, list(analysis.attributions))
        kept.work.want(list(asked_jobs(kept)))
        watch(kept, drawn)


def visit(analysis, recording: Recording) -> AppTest:
    app = AppTest.from_function(script, default_timeout=60)
    app.session_state["analysis"], app.session_state["given"] = analysis, recording
    return app.run()


def open_player(app: AppTest) -> None:
    """As a click on its tab."""
    app.session_state["wanted"] = True
    app.run()


@pytest.fixture
def recording(sample) -> Recording:
    return Recording("sample", *sample)


def given(app: AppTest) -> dict:
    """What the browser was sent."""
    (component,) = app.get("bidi_component")
    return json.loads(component.proto.json)


def data_of(analysis, video, contrast: Contrast | None = None, shown: tuple[str, ...] = ("gradcam", "lime", "shap")) -> dict:
    """The player's data, as they arrive on the other side of JSON."""
    features = analysis.features
    playback = make_playback(video, features.audio.samples if features.audio else None)
    timeline = explain_timeline(features, analysis.model)
    data = player_data(analysis, playback, timeline, contrast or Contrast(analysis.predicted), shown)
    return json.loads(json.dumps(data, allow_nan=False))


def without(analysis, modality: Modality):
    """The same recording without its voice or face."""
    return replace(analysis, subject=replace(analysis.subject, features=analysis.features.with_part(modality, None)))


def test_nothing_is_prepared_before_somebody_asks(sample_analysis, recording, drawers):
    app = visit(sample_analysis, recording)
    assert not app.exception
    assert drawers[0].player is None
    assert not app.get("bidi_component")
    open_player(app)
    assert not app.exception
    assert given(app)["media"]["url"].endswith(".mp4")


def test_prepared_once_for_each_analysis(sample_analysis, recording, drawers):
    app = visit(sample_analysis, recording)
    open_player(app)
    first, sent = drawers[0].player, given(app)
    app.session_state["target"] = LABELS.index("sad")
    app.run()
    assert drawers[0].player is first
    assert given(app)["media"] == sent["media"]
    assert given(app)["frames"]["heat"] != sent["frames"]["heat"]
    assert given(app)["frames"]["words"] == "Heat for sad"
    app.session_state["analysis"] = replace(sample_analysis, token="another")
    app.run()
    assert len(drawers) == 2
    assert drawers[1].player is not first


def test_two_visitors_share_nothing(sample_analysis, recording, drawers):
    one, two = visit(sample_analysis, recording), visit(sample_analysis, recording)
    open_player(one)
    two.run()
    assert [drawer.player is None for drawer in drawers] == [False, True]
    assert not two.get("bidi_component")


def test_a_video_that_cannot_be_prepared_gets_a_sentence(sample_analysis):
    app = visit(sample_analysis, Recording("broken", None, b"junk"))
    open_player(app)
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
    heat = sample_analysis.attributions["gradcam"].heat(Contrast(sample_analysis.predicted))
    for square, box, cells, expected in zip(frames["squares"], video.squares, frames["heat"], heat, strict=True):
        assert_allclose(np.array(square) * [640, 480, 640, 480], box, atol=0.1)
        assert_allclose(np.array(cells) / 100, expected.ravel(), atol=0.006)
    scale = np.array(frames["scale"])
    assert (scale[100, 3], scale[0, 2] > scale[0, 0], scale[-1, 0] > scale[-1, 2]) == (0, True, True)


def test_a_frame_that_was_left_out_has_no_heat(sample_analysis, sample):
    video = sample_analysis.features.video
    used, squares = video.used.copy(), list(video.squares)
    used[1], squares[1] = False, None
    features = sample_analysis.features.with_part(Modality.VIDEO, replace(video, used=used, squares=squares))
    frames = data_of(replace(sample_analysis, subject=replace(sample_analysis.subject, features=features)), sample[1])["frames"]
    assert [cells is None for cells in frames["heat"]] == [square is None for square in frames["squares"]] == (~used).tolist()


def test_without_a_voice_or_without_a_face(sample_analysis, sample):
    voice = data_of(without(sample_analysis, Modality.VIDEO), None, shown=("lime", "shap"))
    assert (voice["frames"], voice["sound"] is None) == (None, False)
    face = data_of(without(sample_analysis, Modality.AUDIO), sample[1], shown=("gradcam", "shap"))
    assert (face["sound"], face["frames"] is None) == (None, False)


def test_the_spectrogram_is_sent_with_its_ticks(sample_analysis, sample):
    sound = data_of(sample_analysis, sample[1])["sound"]
    assert sound["seconds"] == sample_analysis.features.audio.seconds
    encoded = np.frombuffer(base64.b64decode(sound["picture"].split(",")[1]), np.uint8)
    assert cv2.imdecode(encoded, cv2.IMREAD_COLOR).shape[0] == 256
    names, heights = zip(*sound["ticks"], strict=True)
    assert names == ("0.5", "1", "2", "4", "8")
    assert_allclose(heights, np.interp([500, 1000, 2000, 4000, 8000], mel_edges(), np.linspace(0, 1, N_MELS + 1)), atol=1e-4)


def test_what_is_in_the_foreground_is_played(sample_analysis, sample):
    """Another method of the same kind, and another contrast."""
    gradcam = sample_analysis.attributions["gradcam"]
    other = replace(gradcam, method="occlusion", values=gradcam.values[:, ::-1])
    analysis = replace(sample_analysis, attributions={**sample_analysis.attributions, "occlusion": other})
    contrast = Contrast(sample_analysis.predicted, (sample_analysis.predicted + 1) % 8)
    first, second = (data_of(analysis, sample[1], contrast, (method, "lime"))["frames"] for method in ("gradcam", "occlusion"))
    assert first["words"] == f"Heat for {contrast.words}"
    for data, attribution in ((first, gradcam), (second, other)):
        for cells, expected in zip(data["heat"], attribution.heat(contrast), strict=True):
            assert_allclose(np.array(cells) / 100, expected.ravel(), atol=0.006)
    assert first["heat"] != second["heat"]


def test_heat_that_failed_its_checks_says_so(sample_analysis, recording):
    red = Trust((Score(FAITHFULNESS, -0.5),))
    green = Trust((Score(FAITHFULNESS, 0.5),))
    words = {}
    for name, trust in (("red", {"gradcam": red}), ("green", {"gradcam": green, "lime": red}), ("unknown", {})):
        app = visit(sample_analysis, recording)
        app.session_state["trust"] = trust
        open_player(app)
        words[name] = given(app)["frames"]["words"]
    assert words["red"] == f"{words['unknown']} (not to be relied on)"
    assert words["green"] == words["unknown"]

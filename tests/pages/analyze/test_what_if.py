"""Hear it, what if, the smallest flip, and whether the model should be asked at all, as a visitor meets them."""

import numpy as np
import pytest

from features.audio import RATE
from pages.components.session.keys import Key
from tests.conftest import encode_video, tone, wav
from tests.pages.paging import open_at
from tests.pages.test_analyze import charts, texts, widget
from xai.counterfactuals.flip import Flip
from xai.counterfactuals.what_if import WhatIf, what_if


@pytest.fixture
def app():
    app = open_at("analyze")
    widget(app.button, Key.TRY_SAMPLE).click().run()
    assert not app.exception
    return app


def choose(app, key: str, value: str):
    widget(app.selectbox, key).set_value(value).run()
    assert not app.exception
    return texts(app)


def test_nothing_is_changed_at_first(app):
    assert "Choose a change" in texts(app)
    assert charts(app) == 4


def test_a_change_shows_before_and_after_as_the_library_says(app, sample_analysis):
    shown = choose(app, Key.IF_FACE, "hidden")
    a = sample_analysis
    after = what_if(a.features, a.model, a.backbone.maps, WhatIf(face="hidden"))
    assert f"({after.max():.0%})" in shown
    assert charts(app) == 5
    bars = app.get("plotly_chart")[-1].proto.spec
    assert "as it is" in bars
    assert "changed" in bars


def test_a_slider_appears_where_there_is_something_to_set(app):
    choose(app, Key.IF_VOICE, "noisy")
    widget(app.slider, Key.IF_NOISE).set_value(-10).run()
    loud = app.get("plotly_chart")[-1].proto.spec
    widget(app.slider, Key.IF_NOISE).set_value(40).run()
    assert not app.exception
    assert app.get("plotly_chart")[-1].proto.spec != loud
    choose(app, Key.IF_VOICE, "as it is")
    assert not [s for s in app.slider if s.key == Key.IF_NOISE]


def test_nothing_left_is_a_sentence(app):
    choose(app, Key.IF_VOICE, "muted")
    assert "nothing is left to judge" in choose(app, Key.IF_FACE, "hidden")


def test_the_voice_of_another_clip(app, sample):
    voice = wav(tone(2.0))
    widget(app.file_uploader, Key.VOICE).upload("voice.wav", voice, "audio/wav")
    widget(app.file_uploader, Key.FACE).upload("face.mp4", sample[1], "video/mp4")
    app.run()
    choose(app, Key.IF_VOICE, "another clip's")
    (options,) = [s.options for s in app.selectbox if s.key == Key.IF_OTHER]
    assert len(options) == 2
    assert options[0].startswith("1: your clip")
    assert "It would" in texts(app)


def test_the_smallest_change_is_looked_for_once_and_named(app, monkeypatch):
    asked = []

    def fake(analysis, say):
        asked.append(analysis)
        say("Looking…")
        return [Flip("frames", (0,), 4, "sad", True, "Without the picture at 0.0 s (1 of 4), it would say sad.")]

    monkeypatch.setattr("xai.counterfactuals.flip.smallest_flips", fake)
    widget(app.button, Key.FIND_FLIP).click().run()
    assert "it would say sad" in texts(app)
    choose(app, Key.IF_FACE, "eyes covered")
    assert "it would say sad" in texts(app)
    assert "40 patches of sound or 25 of 49 cells of the face, it still said" in texts(app)
    assert len(asked) == 1


def test_nothing_that_flips_is_said(app, monkeypatch):
    monkeypatch.setattr("xai.counterfactuals.flip.smallest_flips", lambda analysis, say: [])
    widget(app.button, Key.FIND_FLIP).click().run()
    assert "Nothing that was tried flips it" in texts(app)


def test_the_evidence_can_be_heard(app):
    shown = texts(app)
    assert "The evidence alone" in shown
    assert "Everything but the evidence" in shown
    assert len(app.get("audio")) == 3


def test_what_the_model_should_not_be_asked_is_said_before_any_probability():
    app = open_at("analyze")
    noise = 0.3 * np.random.default_rng(0).standard_normal(2 * RATE)
    frames = [np.full((120, 160, 3), 90, np.uint8)] * 10
    widget(app.file_uploader, Key.VOICE).upload("voice.wav", wav(np.clip(noise, -1, 1)), "audio/wav")
    widget(app.file_uploader, Key.FACE).upload("face.mp4", encode_video(frames), "video/mp4")
    app.run()
    assert not app.exception
    assert "should not be asked" in texts(app)
    assert charts(app) == 0
    assert "recognises" not in "".join(m.value for m in app.markdown if "#####" in m.value)
    widget(app.toggle, Key.INSIST).set_value(True).run()
    assert charts(app) >= 3
    assert "should not be asked" in texts(app)


def test_a_silent_voice_beside_no_face_is_named_and_not_advised():
    app = open_at("analyze")
    frames = [np.full((120, 160, 3), 90, np.uint8)] * 10
    widget(app.file_uploader, Key.VOICE).upload("voice.wav", wav(np.zeros(2 * RATE)), "audio/wav")
    widget(app.file_uploader, Key.FACE).upload("face.mp4", encode_video(frames), "video/mp4")
    app.run()
    (refusal,) = [error.value for error in app.error]
    assert "should not be asked" in refusal
    assert "The recording is silent" in refusal
    assert refusal.count("face was found") == 1
    assert "judge the voice alone" not in refusal
    widget(app.toggle, Key.INSIST).set_value(True).run()
    assert "From the picture only" in texts(app)


def test_every_check_is_one_click_away(app):
    (expander,) = [e for e in app.expander if "like what the model knows" in e.label]
    inside = expander.markdown[0].value
    assert inside.count("voice:") == 5
    assert inside.count("face:") == 6

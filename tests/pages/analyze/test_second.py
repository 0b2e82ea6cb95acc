"""The second opinion on the page: asked beside it, shown in one line, kept, told in exports, and opened by one click."""

import json
from dataclasses import replace

import pytest
from streamlit.testing.v1 import AppTest

from models.evaluation.track_record import most_accurate
from models.registry import BOTH, DEFAULT, MODELS
from pages.components.analyze.jobs import second_jobs
from pages.components.analyze.second import BOTH_TAB
from pages.components.session.keys import Key
from pages.components.session.state import Recording
from pages.components.session.work import Work
from tests.pages.paging import choose_model, choose_sample, open_at, open_tab, texts, turn, widget
from xai.explanation import Contrast
from xai.model_level import second_opinion as module
from xai.model_level.all_models import ask_all
from xai.model_level.second_opinion import Opinion, second_opinion
from xai.render.text import in_one_line

OTHER = most_accurate(BOTH, {DEFAULT})
PLANTED = Opinion(OTHER, MODELS[OTHER].title, BOTH, "disgust", 0.62, 0.75, agrees=False)


@pytest.fixture
def app() -> AppTest:
    return open_at("analyze")


@pytest.fixture
def planted(monkeypatch) -> list[tuple]:
    """Instead of asking anybody; what was given each time."""
    given = []

    def found(analysis, *recording, **named):
        given.append((analysis.model.name, *recording))
        return replace(PLANTED, agrees=analysis.label == PLANTED.label)

    monkeypatch.setattr(module, "second_opinion", found)
    return given


def line(app: AppTest) -> str:
    return widget(app.button, Key.SHOW_BOTH).label


def test_it_stands_beside_the_verdict_and_is_what_the_library_says(app, sample, sample_analysis):
    choose_sample(app)
    assert not app.exception
    found = second_opinion(sample_analysis, *sample)
    assert line(app).startswith(":material/warning: " * (not found.agrees) + in_one_line(found, markdown=True))
    assert in_one_line(found) in texts(app)  # read out


def test_it_is_asked_once_for_each_recording_and_model(app, planted, sample):
    choose_sample(app)
    app.run()
    widget(app.number_input, Key.SEED).set_value(0).run()
    assert [name for name, *_ in planted] == [DEFAULT]
    assert planted[0][1:3] == sample
    choose_model(app, "linear")
    assert [name for name, *_ in planted] == [DEFAULT, "linear"]
    choose_model(app, DEFAULT)
    assert len(planted) == 2
    assert "recognises **disgust** instead, about 6 in 10" in line(app)


def test_a_disagreement_is_a_warning_here_and_in_exports(app, planted, offered):
    choose_sample(app)
    assert line(app).startswith(":material/warning: Second opinion: ")
    assert not any("Another model disagrees" in words.value for words in app.warning)  # the line itself says it
    open_tab(app, "Take it home")
    result = json.loads(offered[Key.DOWNLOAD_JSON]())
    assert result["second_opinion"]["sentence"] in texts(app)
    assert (result["second_opinion"]["model"], result["second_opinion"]["agrees"]) == (OTHER, False)
    assert any(words.startswith("Another model disagrees") for words in result["warnings"])


def test_while_it_is_asked_the_line_says_who_is(app, monkeypatch):
    monkeypatch.setattr(Work, "_start", lambda self: None)
    choose_sample(app)
    assert f"Second opinion: asking *{MODELS[OTHER].title}*…" in texts(app)
    assert next(iter(app.session_state[Key.ANALYSES].values())).label.upper() in texts(app)  # the verdict is there


def test_it_comes_before_the_checks(app, monkeypatch, drawers):
    monkeypatch.setattr(Work, "_start", lambda self: None)
    choose_sample(app)
    assert [key[0] for key in drawers[0].work.left][:2] == ["second opinion", "check"]


def test_what_goes_wrong_is_said_and_can_be_tried_again(app, monkeypatch):
    real = module.second_opinion
    monkeypatch.setattr(module, "second_opinion", lambda *_, **__: 1 / 0)
    choose_sample(app)
    assert line(app) == "The other model could not be asked. Try again"
    monkeypatch.setattr(module, "second_opinion", real)
    widget(app.button, Key.SHOW_BOTH).click().run()
    app.run()
    assert "Second opinion: *" in line(app)


def test_without_another_model_that_can_judge_it_says_so(app, monkeypatch):
    monkeypatch.setattr(module, "second_opinion", lambda *_, **__: None)
    choose_sample(app)
    assert "No second opinion: no other model can judge this recording." in texts(app)
    open_tab(app, BOTH_TAB)
    assert not app.exception


def test_what_all_models_said_is_used_again(app, drawers, sample, sample_analysis, monkeypatch):
    choose_sample(app)
    kept = drawers[0]
    kept.answers, kept.second = ask_all(*sample, known=sample_analysis), None
    monkeypatch.setattr(module, "ask_all", lambda *_, **__: pytest.fail("asked again"))
    app.run()
    assert kept.opinion == second_opinion(sample_analysis, *sample, answers=kept.answers)


@pytest.fixture
def uploaded(app, sample) -> AppTest:
    """A visitor's own clip: no sample, and no file but what was put into the boxes."""
    widget(app.file_uploader, Key.VOICE).upload("mine.wav", sample[0], "audio/wav")
    widget(app.file_uploader, Key.FACE).upload("mine.mp4", sample[1], "video/mp4")
    return app.run()


def test_one_click_shows_both_with_their_evidence(uploaded, drawers):
    widget(uploaded.button, Key.SHOW_BOTH).click().run()
    for _ in range(3):
        uploaded.run()
    assert not uploaded.exception
    assert uploaded.session_state[Key.TAB] == BOTH_TAB
    shown = texts(uploaded)
    for name in (DEFAULT, OTHER):
        assert f"## {MODELS[name].title}: " in shown
    assert shown.count("### What it") == 2 * 3
    assert len(uploaded.get("plotly_chart")) == 1
    assert {a.model.name for a in uploaded.session_state[Key.ANALYSES].values()} == {DEFAULT, OTHER}
    other = next(drawer for drawer in drawers if drawer.analysis.model.name == OTHER)
    assert len(other.trust(Contrast(other.analysis.predicted))) == 3  # its evidence is checked, too


def test_what_was_computed_for_it_is_there_when_that_model_is_chosen(uploaded, monkeypatch):
    widget(uploaded.button, Key.SHOW_BOTH).click().run()
    uploaded.run()
    monkeypatch.setattr("xai.analysis.analyse", lambda *_, **__: pytest.fail("computed again"))
    choose_model(uploaded, OTHER)
    assert not uploaded.exception
    assert "most accurate" in line(uploaded)


def test_its_settings_are_those_of_the_first(uploaded):
    widget(uploaded.number_input, Key.SEED).set_value(7).run()
    widget(uploaded.button, Key.SHOW_BOTH).click().run()
    uploaded.run()
    assert {a.settings.seed for a in uploaded.session_state[Key.ANALYSES].values() if a.model.name == OTHER} == {7}


def test_evidence_that_cannot_be_computed_is_one_sentence(uploaded, monkeypatch):
    monkeypatch.setattr("xai.analysis.analyse", lambda *_, **__: 1 / 0)
    widget(uploaded.button, Key.SHOW_BOTH).click().run()
    uploaded.run()
    assert [error.value for error in uploaded.error] == [f"The evidence of {MODELS[OTHER].title} could not be computed."]


def test_another_recording_has_an_opinion_of_its_own(uploaded, planted):
    choose_sample(uploaded, "sure")
    assert len(planted) == 1
    turn(uploaded, "about")
    turn(uploaded, "analyze")
    assert len(planted) == 1


def test_nothing_is_wanted_once_it_is_there(app, drawers, sample):
    choose_sample(app)
    assert list(second_jobs(drawers[0], Recording("again", *sample))) == []

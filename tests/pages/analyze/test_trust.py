"""Badges on the page: for every explanation, measured once for each comparison and visitor, and never kinder than the scores."""

import re
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from uuid import uuid4

import pytest
from streamlit.testing.v1 import AppTest

from features import Modality
from models.labels import LABELS
from pages.components.session.keys import Key
from pages.components.session.queue import Queue, the_queue
from tests.conftest import tone, wav
from tests.pages.paging import open_at
from tests.pages.test_analyze import charts, texts, widget
from xai.analysis import check_one
from xai.explanation import Contrast
from xai.methods import METHODS
from xai.render.text import in_words
from xai.score import FAITHFULNESS, FIT, STEADY, Score, Trust

TITLES = {"gradcam": "What it saw", "lime": "What it heard", "shap": "What it weighed"}
AREAS = {"gradcam": "evidence-saw", "lime": "evidence-heard", "shap": "evidence-weighed"}
GREEN = Trust((Score(FIT, 0.91), Score(STEADY, 0.92)))
AMBER = Trust((Score(FIT, 0.91), Score(STEADY, 0.62)))
RED = Trust((Score(FIT, 0.11), Score(STEADY, 0.92), Score(FAITHFULNESS, 0.12, chance=0.2)))


@dataclass
class Checker:
    """Stands for :func:`xai.analysis.check_one`: answers at once, and remembers what it was asked."""

    answers: dict[str, Trust] = field(default_factory=dict)
    asked: list[tuple] = field(default_factory=list)

    def __call__(self, analysis, method: str, contrast: Contrast, say) -> Trust:
        assert method in analysis.attributions
        self.asked.append((method, contrast))
        say("Checking…")
        return self.answers.get(method, GREEN)


@pytest.fixture
def checker(monkeypatch, sample_analysis) -> Checker:
    """Also spares the analysis: the sample's is at hand."""
    found = Checker()
    monkeypatch.setattr("xai.analysis.check_one", found)
    monkeypatch.setattr("xai.analysis.analyse", lambda *_, **__: replace(sample_analysis, token=uuid4().hex))
    return found


def visit() -> AppTest:
    app = open_at("analyze")
    widget(app.button, Key.TRY_SAMPLE).click().run()
    assert not app.exception
    return app


def headings(app: AppTest) -> dict[str, str]:
    """Headings of the three explanations, as Markdown, by their name."""
    shown = [m.value.removeprefix("##### ") for m in app.markdown if m.value.startswith("##### ")]
    return {name: heading for name, title in TITLES.items() for heading in shown if heading.strip("~") == title}


def lines_through(app: AppTest) -> str:
    return "\n".join(str(element.proto) for element in app.get("html"))


def test_every_explanation_gets_its_badge(checker):
    app = visit()
    assert texts(app).count("True to the model") == 3
    assert headings(app) == TITLES
    assert sorted(method for method, _ in checker.asked) == sorted(TITLES)
    assert "Checking…" not in texts(app)  # the badge takes the place of what was said meanwhile
    assert "st-key-evidence" not in lines_through(app)


def test_a_badge_tells_range_direction_threshold_and_paper(checker):
    shown = texts(visit())
    for score in GREEN.scores:
        measure = score.measure
        assert score.sentence in shown
        assert measure.title in shown
        declaration = f"at least {measure.good:g}; amber: at least {measure.enough:g}; possible: {measure.low:g} to {measure.high:g}."
        assert f"{score.value:.3f}. Green: {declaration} {measure.paper}" in shown


def test_only_what_is_there_is_checked(checker, monkeypatch, sample_analysis):
    subject = replace(sample_analysis.subject, features=sample_analysis.features.with_part(Modality.VIDEO, None))
    attributions = {method: a for method, a in sample_analysis.attributions.items() if method != "gradcam"}
    voice = replace(sample_analysis, subject=subject, attributions=attributions, token=uuid4().hex)
    monkeypatch.setattr("xai.analysis.analyse", lambda *_, **__: voice)
    app = visit()
    assert sorted(method for method, _ in checker.asked) == ["lime", "shap"]
    assert texts(app).count("True to the model") == 2


@pytest.mark.parametrize("name", TITLES)
def test_what_failed_is_struck_through_with_its_reasons(checker, name):
    checker.answers[name] = RED
    app = visit()
    assert headings(app) == TITLES | {name: f"~~{TITLES[name]}~~"}
    shown = texts(app)
    assert shown.count("Do not rely on it") == 1
    assert shown.count("True to the model") == 2
    assert " ".join(RED.reasons) in shown
    assert len(RED.reasons) == 2
    for other, area in AREAS.items():
        assert (f".st-key-{area}" in lines_through(app)) == (other == name)


def test_what_is_to_be_read_with_care_is_not_struck_through(checker):
    checker.answers["lime"] = AMBER
    app = visit()
    assert headings(app) == TITLES
    assert texts(app).count("Read with care") == 1
    assert AMBER.scores[1].sentence in texts(app)
    assert "st-key-evidence" not in lines_through(app)


@pytest.mark.parametrize("failed", [("gradcam",), ("lime",), ("gradcam", "lime")])
def test_words_do_not_read_out_what_failed(checker, sample_analysis, failed):
    def said(app: AppTest) -> list[str]:
        return next(info.value for info in app.info if "The model recognises" in info.value).split("  \n")

    contrast = Contrast(sample_analysis.predicted)
    assert said(visit()) == in_words(sample_analysis, contrast)
    checker.answers = dict.fromkeys(failed, RED)
    expected = in_words(sample_analysis, contrast, dict.fromkeys(TITLES, GREEN) | checker.answers)
    assert said(visit()) == expected != in_words(sample_analysis, contrast)


def test_a_rerun_measures_nothing_again(checker):
    app = visit()
    assert len(checker.asked) == 3
    widget(app.slider, Key.OPACITY).set_value(30).run()
    app.run()
    assert len(checker.asked) == 3
    assert texts(app).count("True to the model") == 3


def test_what_failed_stays_struck_through_on_a_rerun(checker):
    checker.answers["lime"] = RED
    app = visit()
    checker.answers.clear()
    widget(app.slider, Key.OPACITY).set_value(30).run()
    assert headings(app)["lime"] == "~~What it heard~~"
    assert len(checker.asked) == 3


def test_another_comparison_is_measured_by_itself_and_once(checker):
    app = visit()
    first = checker.asked[0][1].target
    other, rival = ((first + step) % 8 for step in (1, 2))
    widget(app.selectbox, Key.TARGET).set_value(LABELS[other]).run()
    assert {contrast for _, contrast in checker.asked[3:]} == {Contrast(other)}
    assert len(checker.asked) == 6
    checker.answers = dict.fromkeys(TITLES, RED)
    widget(app.selectbox, Key.AGAINST).set_value(LABELS[rival]).run()
    assert {contrast for _, contrast in checker.asked[6:]} == {Contrast(other, rival)}
    assert len(checker.asked) == 9
    for choice, badge in (("anything else", "True to the model"), (LABELS[rival], "Do not rely on it")):
        widget(app.selectbox, Key.AGAINST).set_value(choice).run()
        assert texts(app).count(badge) == 3
    widget(app.selectbox, Key.AGAINST).set_value("anything else").run()
    widget(app.selectbox, Key.TARGET).set_value(LABELS[first]).run()
    assert len(checker.asked) == 9


def test_a_badge_is_that_of_the_comparison_shown(checker):
    app = visit()
    first = checker.asked[0][1].target
    checker.answers = dict.fromkeys(TITLES, RED)
    widget(app.selectbox, Key.TARGET).set_value(LABELS[(first + 1) % 8]).run()
    assert texts(app).count("Do not rely on it") == 3
    widget(app.selectbox, Key.TARGET).set_value(LABELS[first]).run()
    assert texts(app).count("True to the model") == 3
    assert headings(app) == TITLES
    assert "st-key-evidence" not in lines_through(app)


def test_another_method_is_measured_by_itself(checker, monkeypatch, sample_analysis):
    heat = sample_analysis.attributions["gradcam"].values
    monkeypatch.setattr("xai.methods.pytorch_grad_cam.library_maps", lambda *_: heat)
    app = visit()
    checker.answers["eigencam"] = RED
    widget(app.selectbox, f"{Key.METHOD}-saw").set_value("eigencam").run()
    assert [method for method, _ in checker.asked[3:]] == ["eigencam"]
    assert headings(app)["gradcam"] == "~~What it saw~~"
    widget(app.selectbox, f"{Key.METHOD}-saw").set_value("gradcam").run()
    assert headings(app) == TITLES
    assert len(checker.asked) == 4


def test_another_recording_is_measured_anew(checker):
    app = visit()
    widget(app.file_uploader, Key.VOICE).upload("voice.wav", wav(tone(1.0)), "audio/wav").run()
    assert len(checker.asked) == 6


def test_what_is_kept_is_bounded(checker, monkeypatch, drawers):
    monkeypatch.setattr("pages.components.session.state._TRUST", 4)
    app = visit()
    for label in LABELS:
        widget(app.selectbox, Key.TARGET).set_value(label).run()
        assert texts(app).count("True to the model") == 3
        assert sum(len(drawer._trust) for drawer in drawers) <= 4
    asked = len(checker.asked)
    app.run()  # the newest are kept
    assert len(checker.asked) == asked


def test_two_visitors_share_nothing(checker, monkeypatch, sample_analysis, drawers):
    """Not even of the same recording: what one sees must not depend on what another did."""
    monkeypatch.setattr("xai.analysis.analyse", lambda *_, **__: sample_analysis)
    checker.answers["lime"] = RED
    first = visit()
    checker.answers.clear()
    second = visit()
    assert len(checker.asked) == 6
    assert headings(first)["lime"] != headings(second)["lime"]
    assert [drawer.analysis for drawer in drawers] == [sample_analysis] * 2


def test_what_was_measured_goes_with_the_analysis(checker, monkeypatch, drawers):
    """Only of the three latest is anything kept."""
    app = visit()
    for hz in (200, 250, 300):
        widget(app.file_uploader, Key.VOICE).upload("voice.wav", wav(tone(1.0, hz)), "audio/wav").run()
    assert len(drawers) == 4
    widget(app.button, Key.TRY_SAMPLE).click().run()
    assert len(drawers) == 5
    assert len(checker.asked) == 15


def test_checks_let_others_pass_and_each_takes_a_turn_of_its_own(checker, monkeypatch):
    turns = []

    class Watched:
        @contextmanager
        def turn(self, on_wait, urgent=True, patience=None):
            turns.append((urgent, len(checker.asked)))
            on_wait(2)
            yield

    monkeypatch.setattr("pages.components.analyze.trust.the_queue", Watched)
    visit()
    assert turns == [(False, 0), (False, 1), (False, 2)]


@pytest.mark.real_checks
def test_the_page_shows_what_the_library_measures(sample_analysis, drawers):
    app = open_at("analyze")
    before = charts(app)
    widget(app.button, Key.TRY_SAMPLE).click().run()
    assert not app.exception
    assert before == 0
    contrast = Contrast(sample_analysis.predicted)
    kept = drawers[0].trust(contrast)
    assert set(kept) == set(TITLES)
    expected = check_one(sample_analysis, "lime", contrast)
    assert [score.to_dict() for score in kept["lime"].scores] == [score.to_dict() for score in expected.scores]
    shown = texts(app)
    for name, trust in kept.items():
        assert (headings(app)[name] == TITLES[name]) == (trust.level != "red")
        assert all(score.sentence in shown for score in trust.scores)
        assert f"{trust.of('faithfulness').value:.3f}; random orders reach ±{trust.of('faithfulness').chance:.2f} by chance" in shown
    curves = [chart for chart in app.get("plotly_chart") if "at random" in str(chart.proto)]
    assert len(curves) == 3


def test_a_check_that_fails_is_a_sentence_and_the_others_go_on(checker, monkeypatch):
    def fails_once(analysis, method, contrast, say):
        if method == "lime":
            raise MemoryError("private")
        return checker(analysis, method, contrast, say)

    monkeypatch.setattr("xai.analysis.check_one", fails_once)
    app = visit()
    assert "could not be checked" in texts(app)
    assert "private" not in texts(app)
    assert {method for method, _ in checker.asked} == {"gradcam", "shap"}


def test_occlusion_is_offered_where_grad_cam_fails_and_is_checked_read_out_and_played_then(checker):
    checker.answers["gradcam"] = RED
    app = visit()
    assert METHODS["gradcam"].hint in texts(app)
    before = app.info[0].value
    widget(app.selectbox, f"{Key.METHOD}-saw").set_value("occlusion").run()
    assert not app.exception
    assert checker.asked[-1][0] == "occlusion"
    assert headings(app)["gradcam"] == "What it saw"
    assert "checks failed" in before
    assert "within the picture" in app.info[0].value


def test_a_line_through_one_comparison_is_not_drawn_through_the_next(checker):
    """Streamlit keeps a style once it was sent: each line is meant for one picture only."""
    checker.answers = dict.fromkeys(TITLES, RED)
    app = visit()
    first = set(re.findall(r"st-key-evidence-\w+-\w+", lines_through(app)))
    assert len(first) == 3
    widget(app.selectbox, Key.TARGET).set_value("disgust").run()
    second = set(re.findall(r"st-key-evidence-\w+-\w+", lines_through(app)))
    assert len(second) == 3
    assert not first & second


def test_a_busy_server_leaves_the_checks_for_later(checker, monkeypatch):
    """The page answers; the checks are made when they are asked for."""
    monkeypatch.setattr("pages.components.analyze.trust._PATIENCE", 0.1)
    with the_queue().turn():
        monkeypatch.setattr("pages.components.session.run.the_queue", Queue)  # the analysis itself gets its place
        app = visit()
        assert not checker.asked
        assert texts(app).count("Not checked yet") == 3
        assert "not checked yet" in next(info.value for info in app.info if "The model recognises" in info.value)
    widget(app.button, Key.CHECK_NOW).click().run()
    assert not app.exception
    assert len(checker.asked) == 3
    assert "Not checked yet" not in texts(app)
    assert texts(app).count("True to the model") == 3

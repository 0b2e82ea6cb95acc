"""Badges on the page: for every explanation, measured once for each comparison and visitor, and never kinder than the scores."""

from dataclasses import dataclass, field, replace
from uuid import uuid4

import pytest
from streamlit.testing.v1 import AppTest

from features import Modality
from models.labels import LABELS
from pages.components.session.keys import Key
from pages.components.session.queue import Queue
from pages.components.session.work import Work
from tests.conftest import tone, wav
from tests.pages.paging import ask_why, badges, choose_sample, open_at, open_tab, texts, widget
from xai.analysis import check_one
from xai.explanation import Attribution, Contrast, FrameCells
from xai.methods import METHODS
from xai.metrics.measures import FAITHFULNESS, FIT, STEADY
from xai.render.text import in_words
from xai.score import Score, Trust

TITLES = {"gradcam": "What it saw", "lime": "What it heard", "shap": "What it weighed"}
CHECKED = [*TITLES, "layercam3", "shap_face"]  # the stand-in of the heat and the picture of the numbers too
GREEN = Trust((Score(FIT, 0.91), Score(STEADY, 0.92)))
AMBER = Trust((Score(FIT, 0.91), Score(STEADY, 0.62)))
RED = Trust((Score(FIT, 0.11), Score(STEADY, 0.92), Score(FAITHFULNESS, 0.12, chance=0.2)))
STRUCK = "em-strike"


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
    """Also spares the analysis, which is at hand, and its stand-ins: here they find the opposite of Grad-CAM."""
    found, heat = Checker(), sample_analysis.attributions["gradcam"].values
    monkeypatch.setattr("xai.analysis.check_one", found)
    monkeypatch.setattr("xai.analysis.analyse", lambda *_, **__: replace(sample_analysis, token=uuid4().hex))
    for key in METHODS["gradcam"].stand_ins:
        opposite = Attribution(key, heat[..., ::-1, :], FrameCells())
        monkeypatch.setattr(type(METHODS[key]), "explain", lambda *_, opposite=opposite: opposite)
    return found


def visit() -> AppTest:
    app = choose_sample(open_at("analyze"))
    assert not app.exception
    return app


def said(app: AppTest) -> str:
    """The sentence of the page, of which the verdict stands beside it."""
    return next(m.value for m in app.markdown if m.value.startswith(("The model gives", "Only", "The face", "The voice", "Face and")))


def test_every_explanation_gets_its_badge_and_the_heat_first(checker):
    app = visit()
    assert badges(app, "True to the model") == 3
    assert "Being checked" not in texts(app)
    assert STRUCK not in texts(app)
    assert [method for method, _ in checker.asked][:2] == ["gradcam", "layercam3"]
    assert sorted(method for method, _ in checker.asked) == sorted(CHECKED)


def test_until_it_is_checked_heat_is_faint_and_not_read_out(checker, monkeypatch):
    monkeypatch.setattr(Work, "_start", lambda self: None)  # nobody has begun
    app = visit()
    shown = texts(app)
    assert shown.count("Being checked") == 3
    assert "(faint)" in shown
    assert "(struck through)" not in shown
    assert "within the picture" not in said(app)


def test_in_technical_words_a_badge_tells_range_direction_threshold_and_paper(checker):
    app = visit()
    plain = texts(app)
    widget(app.toggle, Key.TECHNICAL).set_value(True).run()
    shown = texts(app)
    for score in GREEN.scores:
        measure = score.measure
        assert score.words(True) in shown
        assert score.words(False) in plain
        assert measure.title in shown
        declaration = f"at least {measure.good:g}; amber: at least {measure.enough:g}; possible: {measure.low:g} to {measure.high:g}."
        assert f"{score.number}. Green: {declaration} {measure.paper}" in shown
        assert measure.paper not in plain


@pytest.mark.parametrize("tab", [None, "All frames", "Listen", "Numbers", "Checks", "What if"])
def test_plain_words_have_no_jargon(checker, tab):
    plain = texts(open_tab(visit(), tab))
    for word in ("MFCC", "logit", "R²", "LIME", "SHAP", "rank correlation"):
        assert word not in plain, word


def test_only_what_is_there_is_checked(checker, monkeypatch, sample_analysis):
    subject = replace(sample_analysis.subject, features=sample_analysis.features.with_part(Modality.VIDEO, None))
    attributions = {method: a for method, a in sample_analysis.attributions.items() if method != "gradcam"}
    voice = replace(sample_analysis, subject=subject, attributions=attributions, token=uuid4().hex)
    monkeypatch.setattr("xai.analysis.analyse", lambda *_, **__: voice)
    app = visit()
    assert sorted(method for method, _ in checker.asked) == ["lime", "shap"]
    assert badges(app, "True to the model") == 2


@pytest.mark.parametrize("name", ["lime", "shap"])
def test_what_failed_says_why(checker, name):
    checker.answers[name] = RED
    app = visit()
    assert badges(app, "Do not rely on it") == 1
    assert badges(app, "True to the model") == 2
    assert all(score.words(False) in texts(app) for score in RED.scores)
    assert (STRUCK in texts(app)) == (name == "lime")  # of sums there is no picture to be struck


def test_heat_that_fails_gives_way_to_one_that_holds_everywhere(checker, sample_analysis):
    checker.answers["gradcam"] = RED
    app = visit()
    contrast = Contrast(sample_analysis.predicted)
    assert badges(app, "True to the model") == 3
    assert badges(app, "Do not rely on it") == 0
    assert STRUCK not in texts(app)
    select = widget(app.selectbox, f"{Key.METHOD}-saw")
    assert select.value == "best"
    assert "heat on the face by LayerCAM (layer 3)" in texts(app)
    select.set_value("gradcam").run()
    assert badges(app, "Do not rely on it") == 1
    assert STRUCK in texts(app)
    assert "within the picture" not in said(app)
    assert contrast.label in said(app)


def test_until_its_stand_in_is_checked_the_page_says_that_one_is_on_its_way(checker, monkeypatch):
    """Unless it cannot come."""
    checker.answers["gradcam"] = RED
    monkeypatch.setattr("xai.foreground.in_background", lambda *_: ["gradcam"])  # as if the queue were there by now
    app = visit()
    assert badges(app, "Do not rely on it") == 1
    assert "LayerCAM (layer 3), which is slower and often truer, is on its way" in texts(app)
    monkeypatch.setattr(Work, "failed", lambda self, key: key[:1] == ("explanation",))
    assert "is on its way" not in texts(app.run())


def test_heat_that_fails_stays_struck_where_its_stand_ins_fail_too(checker):
    checker.answers |= dict.fromkeys(("gradcam", *METHODS["gradcam"].stand_ins), RED)
    app = visit()
    assert badges(app, "Do not rely on it") == 1
    assert STRUCK in texts(app)
    assert "within the picture" not in said(app)


def test_what_is_to_be_read_with_care_is_not_struck_through(checker):
    checker.answers["lime"] = AMBER
    app = visit()
    assert badges(app, "Read with care") == 1
    assert AMBER.scores[1].words(False) in texts(app)
    assert STRUCK not in texts(app)


@pytest.mark.parametrize("failed", [("lime",), ("gradcam", "layercam3", "occlusion"), ("gradcam", "layercam3", "occlusion", "lime")])
def test_words_are_those_of_the_library_about_what_is_shown(checker, sample_analysis, failed):
    contrast = Contrast(sample_analysis.predicted)
    trust = dict.fromkeys(TITLES, GREEN)
    assert said(visit()) == " ".join(in_words(sample_analysis, contrast, trust, list(TITLES))[1:])
    checker.answers = dict.fromkeys(failed, RED)
    worse = in_words(sample_analysis, contrast, trust | checker.answers, list(TITLES))
    assert said(visit()) == " ".join(worse[1:])
    assert worse != in_words(sample_analysis, contrast, trust, list(TITLES))


def test_a_rerun_measures_nothing_again(checker):
    app = visit()
    asked = len(checker.asked)
    open_tab(app, "All frames")
    widget(app.slider, Key.OPACITY).set_value(30).run()
    app.run()
    assert len(checker.asked) == asked
    assert badges(app, "True to the model") == 4  # the frames have theirs


def test_another_comparison_is_measured_by_itself_and_once(checker):
    app = visit()
    first, each = checker.asked[0][1].target, len(CHECKED)
    other, rival = ((first + step) % 8 for step in (1, 2))
    ask_why(app, LABELS[other])
    assert {contrast for _, contrast in checker.asked[each:]} == {Contrast(other)}
    assert len(checker.asked) == 2 * each
    checker.answers = dict.fromkeys([*CHECKED, "occlusion"], RED)
    widget(app.selectbox, Key.RIVAL).set_value(LABELS[rival]).run()
    assert {contrast for _, contrast in checker.asked[2 * each :]} == {Contrast(other, rival)}
    assert len(checker.asked) == 3 * each + 1  # the second stand-in too, as the first failed
    for choice, badge in (("anything else", "True to the model"), (LABELS[rival], "Do not rely on it")):
        widget(app.selectbox, Key.RIVAL).set_value(choice).run()
        assert badges(app, badge) == 3
    widget(app.selectbox, Key.RIVAL).set_value("anything else").run()
    ask_why(app, LABELS[first])
    assert len(checker.asked) == len(set(checker.asked)) == 3 * (each + 1)  # what was computed once is checked for each
    assert STRUCK not in texts(app)


def test_another_method_is_measured_by_itself(checker, monkeypatch, sample_analysis):
    heat = sample_analysis.attributions["gradcam"].values
    monkeypatch.setattr("xai.methods.pytorch_grad_cam.library_maps", lambda *_: heat)
    app = visit()
    asked = len(checker.asked)
    checker.answers["eigencam"] = RED
    widget(app.selectbox, f"{Key.METHOD}-saw").set_value("eigencam").run()
    assert [method for method, _ in checker.asked[asked:]] == ["eigencam"]
    assert STRUCK in texts(app)
    widget(app.selectbox, f"{Key.METHOD}-saw").set_value("gradcam").run()
    assert STRUCK not in texts(app)
    assert len(checker.asked) == asked + 1


def test_another_recording_is_measured_anew(checker):
    app = visit()
    widget(app.file_uploader, Key.VOICE).upload("voice.wav", wav(tone(1.0)), "audio/wav").run()
    assert len(checker.asked) == 2 * len(CHECKED)


def test_what_was_wanted_of_the_recording_before_is_dropped(checker, monkeypatch, drawers):
    monkeypatch.setattr(Work, "_start", lambda self: None)  # nobody has begun
    app = visit()
    assert {key[1] for key in drawers[0].work.left} == {drawers[0].analysis.token}
    widget(app.file_uploader, Key.VOICE).upload("voice.wav", wav(tone(1.0)), "audio/wav").run()
    assert drawers[1].work is drawers[0].work
    assert {key[1] for key in drawers[1].work.left} == {drawers[1].analysis.token}


def test_a_link_to_a_method_shows_it_at_once(checker):
    app = open_at("analyze", {"sample": "synthetic", f"{Key.METHOD}-saw": METHODS["gradcam"].title})
    checker.answers["gradcam"] = RED
    assert "heat on the face by Grad-CAM" in texts(app)
    fails = open_at("analyze", {"sample": "synthetic"})
    assert "heat on the face by LayerCAM (layer 3)" in texts(fails)


def test_what_is_kept_is_bounded(checker, monkeypatch, drawers):
    monkeypatch.setattr("pages.components.session.state._TRUST", 6)
    app = visit()
    for label in LABELS:
        ask_why(app, label)
        assert badges(app, "True to the model") == 3
        assert sum(len(drawer._trust) for drawer in drawers) <= 6
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
    assert len(checker.asked) == 2 * len(CHECKED)
    assert (STRUCK in texts(first), STRUCK in texts(second)) == (True, False)
    assert [drawer.analysis.subject for drawer in drawers] == [sample_analysis.subject] * 2


def test_what_was_measured_goes_with_the_analysis(checker, monkeypatch, drawers):
    """Only of the three latest is anything kept."""
    app = visit()
    for hz in (200, 250, 300):
        widget(app.file_uploader, Key.VOICE).upload("voice.wav", wav(tone(1.0, hz)), "audio/wav").run()
    assert len(drawers) == 4
    choose_sample(app)
    assert len(drawers) == 5
    assert len(checker.asked) == 5 * len(CHECKED)


@pytest.mark.real_checks
def test_the_page_shows_what_the_library_measures(sample_analysis, drawers):
    app = choose_sample(open_at("analyze"))
    assert not app.exception
    contrast = Contrast(sample_analysis.predicted)
    kept = drawers[0].trust(contrast)
    assert set(kept) == set(CHECKED)
    expected = check_one(sample_analysis, "lime", contrast)
    assert [score.to_dict() for score in kept["lime"].scores] == [score.to_dict() for score in expected.scores]
    widget(app.toggle, Key.TECHNICAL).set_value(True).run()
    open_tab(app, "Checks")
    shown = texts(app)
    for trust in kept.values():
        assert all(score.words(True) in shown for score in trust.scores)
        assert f"{trust.of('faithfulness').number}; random orders reach ±{trust.of('faithfulness').chance:.2f} by chance" in shown


def test_a_check_that_fails_is_a_sentence_and_the_others_go_on(checker, monkeypatch):
    def fails_once(analysis, method, contrast, say):
        if method == "lime":
            raise MemoryError("private")
        return checker(analysis, method, contrast, say)

    monkeypatch.setattr("xai.analysis.check_one", fails_once)
    app = visit()
    assert "Could not be checked" in texts(app)
    assert "private" not in texts(app)
    assert {method for method, _ in checker.asked} == set(CHECKED) - {"lime"}


def test_a_busy_server_leaves_the_checks_for_later(checker, monkeypatch):
    """The page answers; the checks are made when they are asked for."""
    monkeypatch.setattr("pages.components.session.work._PATIENCE", 0.1)
    busy = Queue()
    monkeypatch.setattr("pages.components.session.work.the_queue", lambda: busy)
    with busy.turn():
        app = visit()
        assert not checker.asked
        later = [button for button in app.button if (button.key or "").startswith(Key.CHECK_NOW)]
        assert len(later) == 3
        assert "within the picture" not in said(app)
    later[0].click().run()
    assert not app.exception
    assert len(checker.asked) == 1
    assert badges(app, "True to the model") == 1

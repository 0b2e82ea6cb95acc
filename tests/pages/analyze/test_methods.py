"""The page knows no method by name: what is registered is offered, drawn, read out, checked, compared and exported."""

import io
import json
import re
import zipfile
from dataclasses import dataclass, field, replace
from uuid import uuid4

import numpy as np
import pytest
from streamlit.delta_generator import DeltaGenerator

from models.labels import LABELS
from pages.components.session.keys import Key
from tests.pages.paging import ask_why, choose_sample, open_at, open_tab, texts, widget
from xai.explanation import Attribution, Contrast, Method, Panel
from xai.methods import METHODS, methods_of
from xai.metrics.measures import FIT
from xai.reference import Comparison
from xai.score import Score, Trust

BADGES = {"gradcam": Trust((Score(FIT, 0.91),)), "lime": Trust((Score(FIT, 0.92),)), "shap": Trust((Score(FIT, 0.93),))}
OWN = Trust((Score(FIT, 0.77),))
AT_ONCE = {Panel.SAW: "gradcam", Panel.HEARD: "lime", Panel.WEIGHED: "shap"}


@dataclass
class Planted:
    """A method that nobody has heard of: the evidence of the one that is there at once, upside down."""

    method: Method
    asked: list = field(default_factory=list)


@pytest.fixture(params=AT_ONCE)
def planted(request, monkeypatch, sample_analysis) -> Planted:
    """One in each panel; so with parts of each kind."""
    model = sample_analysis.attributions[AT_ONCE[request.param]]

    class UpsideDown(Method):
        key, title, panel = "upside-down", "Upside down", request.param
        question, how, limits = "And if it were the other way round?", "Every sign is turned.", "Anything true."
        paper = "Carroll 1871 (doi 10.1000/182), Nobody 2020 (arXiv:2001.00001)"
        hint = "Turn it round."

        def explain(self, subject, seed=0, say=None) -> Attribution:
            found.asked.append(seed)
            say("Turning it round…")
            return Attribution(self.key, -model.values, model.parts, {"turns": 3})

    found = Planted(UpsideDown())
    monkeypatch.setitem(METHODS, "upside-down", found.method)
    return found


@pytest.fixture
def downloads(monkeypatch) -> dict:
    """What the buttons would give, by key; made when it is called, as in the app."""
    offered, real = {}, DeltaGenerator.download_button

    def watched(self, label, data, *given, key=None, **named):
        offered[key] = data
        return real(self, label, data, *given, key=key, **named)

    monkeypatch.setattr(DeltaGenerator, "download_button", watched)
    return offered


@pytest.fixture
def app(monkeypatch, sample_analysis):
    monkeypatch.setattr("xai.analysis.check_one", lambda analysis, method, contrast, say: BADGES.get(method, OWN))
    monkeypatch.setattr("xai.analysis.analyse", lambda *_, **__: replace(sample_analysis, token=uuid4().hex))
    app = open_at("analyze")
    app.session_state[Key.TECHNICAL] = True
    choose_sample(app)
    assert not app.exception
    return app


TABS = {Panel.SAW: "All frames", Panel.HEARD: "Listen", Panel.WEIGHED: "Numbers"}


def said(app) -> str:
    return next(m.value for m in app.markdown if m.value.startswith(("Only", "The face", "The voice", "Face and")))


def choose(app, panel: Panel, method: str):
    widget(app.selectbox, f"{Key.METHOD}-{panel}").set_value(method).run()
    open_tab(app, TABS[panel])
    assert not app.exception
    return texts(app)


def test_a_new_method_is_offered_after_the_one_that_is_there(planted, app, sample_analysis):
    panel = planted.method.panel
    select = widget(app.selectbox, f"{Key.METHOD}-{panel}")
    assert select.value == "best"
    assert select.options[:2] == ["Most reliable", METHODS[AT_ONCE[panel]].title]
    assert select.options[-1] == "Upside down"
    assert "And if it were the other way round?" in select.help
    assert planted.asked == []
    assert "Every sign is turned" not in texts(app)
    for other in AT_ONCE:
        offered = methods_of(sample_analysis.subject, other)
        selects = [select.options[1:] for select in app.selectbox if select.key == f"{Key.METHOD}-{other}"]
        assert selects == ([[method.title for method in offered.values()]] if len(offered) > 1 else [])


def test_it_is_computed_once_drawn_noted_and_checked(planted, app):
    panel = planted.method.panel
    shown = choose(app, panel, "upside-down")
    assert planted.asked == [0]
    assert "Upside down: Every sign is turned." in shown
    assert "Limits: Anything true." in shown
    assert "; turns 3." in shown
    assert "[doi 10.1000/182](https://doi.org/10.1000/182)), Nobody 2020 ([arXiv:2001.00001](https://arxiv.org/abs/2001.00001)" in shown
    assert OWN.scores[0].sentence in shown
    assert BADGES[AT_ONCE[panel]].scores[0].sentence not in shown
    assert f"What it {panel}" in shown
    assert "Turning it round" not in shown
    choose(app, panel, AT_ONCE[panel])
    choose(app, panel, "upside-down")
    ask_why(app, "disgust")
    assert planted.asked == [0]


def test_it_is_read_out_and_drawn_in_the_place_of_the_other(planted, app, sample_analysis):
    """What spoke most against the emotion now speaks most for it."""
    before = said(app)
    shown = choose(app, planted.method.panel, "upside-down")
    assert (said(app) == before) == (planted.method.panel is Panel.WEIGHED)  # its columns have no place to be named
    assert "Every sign is turned" in shown


def test_an_export_holds_all_that_was_computed_and_measured(planted, app, downloads, sample_analysis):
    panel, contrast = planted.method.panel, Contrast(sample_analysis.predicted)
    choose(app, panel, "upside-down")
    choose(app, panel, AT_ONCE[panel])
    open_tab(app, "Take it home")
    result = json.loads(downloads[Key.DOWNLOAD_JSON]())["explanations"]
    for key, trust in {**BADGES, "upside-down": OWN}.items():
        assert result[key]["trust"] == trust.to_dict(), key
    values = sample_analysis.attributions[AT_ONCE[panel]].values
    own = result["upside-down_maps"] if panel is Panel.SAW else result["upside-down"]["weights" if panel is Panel.HEARD else "values"]
    assert np.allclose(own[contrast.label], -values[contrast.target], atol=1e-5)
    names = zipfile.ZipFile(io.BytesIO(downloads[Key.DOWNLOAD_ZIP]())).namelist()
    for label in LABELS:
        assert any(name.startswith(f"upside-down_{label}") for name in names)
        assert any(name.startswith(f"{AT_ONCE[panel]}_{label}") for name in names)


def test_words_of_an_export_are_of_what_is_in_the_foreground(planted, app, downloads):
    for method in (AT_ONCE[planted.method.panel], "upside-down"):
        choose(app, planted.method.panel, method)
        open_tab(app, "Take it home")
        result = json.loads(downloads[Key.DOWNLOAD_JSON]())
        assert " ".join(result["in_words"][1:]) == said(app)
        assert method in result["shown"]


def test_what_cannot_be_computed_is_a_sentence_and_the_other_stays(planted, app, monkeypatch):
    def broken(*_):
        raise RuntimeError("private detail")

    monkeypatch.setattr(type(planted.method), "explain", broken)
    panel = planted.method.panel
    shown = choose(app, panel, "upside-down")
    assert "Upside down could not be computed" in shown
    assert "private" not in shown
    assert METHODS[AT_ONCE[panel]].how in shown
    assert "Upside down could not" not in choose(app, panel, AT_ONCE[panel])


def test_it_is_in_the_table_of_explanations(planted):
    shown = texts(open_at("how_it_works"))
    (row,) = [line for line in shown.splitlines() if "Upside down" in line]
    for words in (f"What it {planted.method.panel}", planted.method.question, planted.method.how, planted.method.limits):
        assert words in row
    assert "(https://arxiv.org/abs/2001.00001)" in row


def test_the_table_of_explanations_has_all_of_them_and_the_split():
    rows = [line for line in texts(open_at("how_it_works")).splitlines() if line.startswith(("| **Where", "| **What it"))]
    assert sum("modality split" in row for row in rows) == 1
    for method in METHODS.values():
        own = [row for row in rows if row.startswith(f"| **What it {method.panel}**")]
        (row,) = [row for row in own if re.search(rf"(: |, ){re.escape(method.title)}(,| \|)", row)]
        assert row.count("|") == 6
        assert method.question in row
        assert method.how in row
        assert method.limits in row
        assert ("on request" in row) == (not method.at_once)
        for number in re.findall(r"arXiv:([\d.]+\d)", method.paper):
            assert f"(https://arxiv.org/abs/{number})" in row


def test_methods_are_compared_on_request(planted, app, monkeypatch):
    """Those that were computed; one press computes the others."""
    for method in METHODS.values():
        if not method.at_once and method is not planted.method:
            monkeypatch.setattr(type(method), "applies", lambda self, subject: False)
    open_tab(app, "Agreement")
    widget(app.button, Key.COMPARE_METHODS).click().run()
    assert not app.exception
    assert planted.asked == [0]
    (figure,) = [chart.proto.spec for chart in app.get("plotly_chart") if "Upside down" in chart.proto.spec]
    heat = json.loads(figure)["data"][0]
    row = heat["text"][heat["y"].index("Upside down")]
    assert row[heat["x"].index(METHODS[AT_ONCE[planted.method.panel]].title)] == "-1.0"
    assert row[heat["x"].index("Upside down")] == "1.0"
    assert "rank the parts differently" in texts(app)
    assert not [button for button in app.button if button.key == Key.COMPARE_METHODS]  # nothing is left to compute
    choose(app, planted.method.panel, "upside-down")
    assert planted.asked == [0]


def test_the_libraries_are_asked_once_and_on_request(app, monkeypatch):
    asked = []

    def fake(analysis, say):
        asked.append(analysis)
        say("Fitting…")
        return [
            Comparison("MFCC means", "librosa 0.11", "MFCC", 0.0012, 345.6, 0.99991, "They are the same.", 1.25),
            Comparison("SHAP values", "shap 0.48", "logit", 0.2, 1.0, 0.87, "It samples.", 3.0),
        ]

    monkeypatch.setattr("xai.reference.compare_with_libraries", fake)
    open_tab(app, "Agreement")
    assert "They are the same" not in texts(app)
    button = widget(app.button, Key.COMPARE_LIBRARIES)
    assert "about 10 s and 200 MB" in button.label
    button.click().run()
    assert not app.exception
    app.run()
    assert len(asked) == 1
    assert "**MFCC means**: They are the same." in texts(app)
    assert "Fitting" not in texts(app)
    (table,) = [frame.value for frame in app.dataframe if "library" in frame.value]
    assert table["library"].tolist() == ["librosa 0.11", "shap 0.48"]
    assert table["largest difference"].tolist() == ["0.0012 of 346 (MFCC)", "0.2 of 1 (logit)"]
    assert table["rank correlation"].tolist() == ["0.9999", "0.8700"]
    assert table["took"].tolist() == ["1.2 s", "3.0 s"]
    assert not [button for button in app.button if button.key == Key.COMPARE_LIBRARIES]


@pytest.mark.parametrize(
    ("error", "says"), [(ImportError("no", name="librosa"), "pip install librosa"), (RuntimeError("private"), "could not be run")]
)
def test_without_the_libraries_there_is_a_sentence(app, monkeypatch, error, says):
    def broken(*_):
        raise error

    monkeypatch.setattr("xai.reference.compare_with_libraries", broken)
    open_tab(app, "Agreement")
    widget(app.button, Key.COMPARE_LIBRARIES).click().run()
    assert not app.exception
    assert says in texts(app)
    assert "private" not in texts(app)

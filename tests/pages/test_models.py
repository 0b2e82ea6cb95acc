"""The page Models through AppTest: every view of every model shows the figures that are in the repository, and nothing else."""

from pathlib import Path

import numpy as np
import pytest
import streamlit
from pandas import crosstab
from sklearn.metrics.pairwise import cosine_similarity
from streamlit.testing.v1 import AppTest

from features import Modality
from models.checkpoint import load_model
from models.data.clips import embed
from models.evaluation.predictions import read_predictions
from models.evaluation.protocols import PROTOCOLS
from models.evaluation.recordings import as_csv
from models.labels import LABELS, ravdess_label
from models.reference import load_reference
from models.registry import MODELS, never_augmented, read_result, result_path
from pages.components.session.keys import Key
from tests.pages.paging import open_at, turn
from tests.pages.test_analyze import charts, texts, widget

SCORES, MAP, SUMMARY, PAIR, CARD = "How good is it", "Map of clips", "What it weighs", "Two models, one clip", "Card"


@pytest.fixture
def app() -> AppTest:
    return open_at("models")


def choose(app: AppTest, key: str, shown: str) -> AppTest:
    """Pick the option that is shown as, or starts with, ``shown``."""
    element = widget([*app.selectbox, *app.button_group], key)
    names = [getattr(option, "content", option) for option in element.options]
    return element.set_value(next(name for name in names if name.startswith(shown))).run()


def test_the_page_opens_on_speaker_independent_figures_of_the_default_model(app):
    assert not app.exception
    scores = read_result("actor-5fold", "fused")["states"]["both"]
    values = [metric.value for metric in app.metric]
    assert values[0] == f"{scores['accuracy']['value']:.0%}"
    assert values[3] == f"{scores['calibration']['after']['value']:.2f}"
    assert "two actors" in texts(app) or "actors 01, 05" in texts(app)
    chance = [f"{scores['calibration'][key]:.2f}" for key in ("by_chance", "by_chance_at_most")]
    assert f"by chance {chance[0]}, at most {chance[1]}" in texts(app)
    assert charts(app) == 4
    assert all(metric.help for metric in app.metric)  # every metric is explained in a sentence


@pytest.mark.parametrize("name", MODELS)
def test_every_model_shows_its_own_figures(app, name):
    choose(app, Key.MODEL, MODELS[name].title)
    assert not app.exception
    result = read_result("actor-5fold", name)
    assert app.metric[0].value == f"{result['accuracy']:.0%}"
    assert MODELS[name].title in texts(app)


def test_a_protocol_whose_people_were_in_training_is_never_shown_alone(app):
    choose(app, Key.PROTOCOL, "random")
    assert not app.exception
    unseen, known = (read_result(p, "fused")["states"]["both"]["accuracy"]["value"] for p in ("actor-5fold", "random"))
    warning = next(w.value for w in app.warning if "same people" in w.value)
    assert f"{known:.0%}" in warning
    assert f"{unseen:.0%}" in warning
    assert f"{100 * (known - unseen):+.0f} points" in warning
    choose(app, Key.PROTOCOL, "actor-5fold")
    assert not any("same people" in w.value for w in app.warning)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_every_protocol_can_be_chosen(app, protocol):
    choose(app, Key.PROTOCOL, protocol)
    assert not app.exception
    assert PROTOCOLS[protocol].question in texts(app)


def test_what_is_shown_to_the_model_can_be_chosen(app):
    choose(app, Key.SHOWN, "Voice alone")
    scores = read_result("actor-5fold", "fused")["states"]["voice"]
    assert app.metric[0].value == f"{scores['accuracy']['value']:.0%}"
    assert f"{scores['clips']:,} clips of 24 actors" in texts(app)


@pytest.mark.parametrize(
    ("name", "protocol"), [("fused", "actor-5fold"), ("linear", "actor-5fold"), ("face", "actor-5fold"), ("fused", "leave-one-actor-out")]
)
def test_what_stays_is_shown_beside_what_stays_untrained_for_changes(app, name, protocol):
    """Some models learn from recordings as they are; with one actor left out at a time it was not measured."""
    choose(app, Key.MODEL, MODELS[name].title)
    choose(app, Key.PROTOCOL, protocol)
    result = read_result(protocol, name)
    plain = result if never_augmented(name) else read_result(protocol, name, plain=True)
    stays, without = (r["stability"][r["state"]] if r else {} for r in (result, plain))
    shown = next(table.value for table in app.dataframe if "same verdict" in table.value)
    assert shown["change"].tolist() == list(stays)
    cells = [[f"{s['value']:.0%} ({s['low']:.0%} – {s['high']:.0%})" if s else "–" for s in map(of.get, stays)] for of in (stays, without)]
    assert [shown[title].tolist() for title in ("same verdict", "untrained for changes")] == cells
    assert ("both columns are the same" in texts(app)) == never_augmented(name)


def test_every_prediction_can_be_taken_home(monkeypatch):
    """Every row of the file that was kept, with what it was given."""
    offered, real = {}, streamlit.download_button

    def watched(label, data, *given, key=None, **named):
        offered[key] = data
        return real(label, data, *given, key=key, **named)

    monkeypatch.setattr(streamlit, "download_button", watched)
    open_at("models")
    found = read_predictions(result_path("actor-5fold", "fused").with_suffix(".npz"))[0]
    file = offered[Key.DOWNLOAD_PREDICTIONS]()
    assert file == as_csv(found, read_result("actor-5fold", "fused"))
    assert len(file.splitlines()) == 1 + 1440 + 112 + 112


def test_what_was_not_kept_is_not_offered(app, monkeypatch):
    monkeypatch.setattr("pages.components.models.recordings.result_path", lambda *_: Path("nowhere.json"))
    app.run()
    assert not app.exception
    assert not [table for table in app.dataframe if "recording" in table.value]


def test_every_recording_is_listed_the_surest_mistakes_first(app):
    choose(app, Key.SHOWN, "Voice alone")
    listed = next(table.value for table in app.dataframe if "recording" in table.value)
    scores = read_result("actor-5fold", "fused")["states"]["voice"]
    wrong = (listed["portrayed"] != listed["named"]).to_numpy()
    assert len(listed) == listed["recording"].nunique() == scores["clips"]
    assert 1 - wrong.mean() == pytest.approx(scores["accuracy"]["value"], abs=1e-4)
    assert wrong[: wrong.sum()].all()
    for part in (listed["sure"][: wrong.sum()], listed["sure"][wrong.sum() :]):
        assert part.is_monotonic_decreasing
    emotions = listed["recording"].str[6:8].map(ravdess_label)
    assert (emotions == listed["portrayed"]).all()
    found = crosstab(listed["portrayed"], listed["named"]).reindex(index=LABELS, columns=LABELS, fill_value=0)
    assert found.to_numpy().tolist() == scores["confusion"]


@pytest.mark.parametrize("name", MODELS)
def test_every_model_has_a_map_a_summary_and_a_card(app, name):
    choose(app, Key.MODEL, MODELS[name].title)
    card = 0 if name in ("linear", "late-fusion") else 1  # their cards say why there is no curve
    for view, count in ((MAP, 1), (SUMMARY, len(MODELS[name].modalities)), (CARD, card)):
        choose(app, Key.VIEW, view)
        assert not app.exception, view
        assert charts(app) == count, view
    assert ("no curve" in texts(app) or "have the curves" in texts(app)) == (not card)
    assert "not for diagnosis" in texts(app)
    assert "CC BY-NC-SA" in texts(app)
    sees = Modality.VIDEO in MODELS[name].modalities
    assert ("faces of two actors" in texts(app)) == ("faces of actor 01" in texts(app)) == sees
    assert f"parameters, on {MODELS[name].reads}." in texts(app)


def test_the_visitors_clip_is_on_the_map_with_its_neighbours(app):
    choose(app, Key.VIEW, MAP)
    assert "Most like your clip" not in texts(app)
    turn(app, "analyze")
    widget(app.button, Key.TRY_SAMPLE).click().run()
    turn(app, "models")
    choose(app, Key.VIEW, MAP)
    assert not app.exception
    assert "Most like your clip**, the synthetic sample" in texts(app)
    (own,) = (analysis.subject.inputs for analysis in app.session_state[Key.ANALYSES].values())
    model, clips = load_model("fused"), load_reference("both")
    likeness = cosine_similarity(model.embed(own), embed(model, clips))[0]
    near = np.argsort(-likeness)[:5]
    shown = app.dataframe[0].value
    assert shown["likeness"].tolist() == [f"{c:.2f}" for c in likeness[near]]
    assert shown["portrays"].tolist() == [LABELS[k] for k in clips.label[near]]
    assert [f"actor {clips.keys[k][0]:02d} portrays" in words for k, words in zip(near, shown["clip"], strict=True)] == [True] * 5
    choose(app, Key.MODEL, MODELS["voice"].title)  # which has not been asked about it yet
    choose(app, Key.VIEW, MAP)
    assert "Most like your clip**, the synthetic sample" in texts(app)


def test_the_sample_is_nobodys_clip(app):
    choose(app, Key.VIEW, PAIR)  # without a recording, two models are compared on the sample
    choose(app, Key.VIEW, MAP)
    assert not app.exception
    assert "Most like your clip" not in texts(app)
    assert "Choose a recording" in texts(app)


def test_two_models_are_compared_on_one_clip(app):
    choose(app, Key.VIEW, PAIR)
    choose(app, Key.OTHER_MODEL, MODELS["voice"].title)
    assert not app.exception
    shown = texts(app)
    assert MODELS["voice"].title in shown
    assert "It does not look at the face" in shown
    assert shown.count("What it weighed") == 2
    assert shown.count("What it saw") == 1
    assert shown.count("What it heard") == 2
    assert shown.count("speaks most for") == 2
    assert sum(shown.count(level) for level in ("True to the model", "Read with care", "Do not rely")) == 5  # nothing is shown unchecked
    weighed = [frame.value for frame in app.dataframe if "part" in frame.value]
    assert [len(parts) > 1 for parts in weighed] == [True, True]
    choose(app, Key.OTHER_MODEL, MODELS["face"].title)
    assert "It does not listen to the voice" in texts(app)
    assert (texts(app).count("What it saw"), texts(app).count("What it heard")) == (2, 1)


def test_the_chosen_model_judges_on_the_page_analyze(app):
    choose(app, Key.MODEL, MODELS["voice"].title)
    turn(app, "analyze")
    widget(app.button, Key.TRY_SAMPLE).click().run()
    assert not app.exception
    shown = texts(app)
    assert "the face was not looked at" in shown
    assert "What it saw" not in shown
    assert "What it heard" in shown


@pytest.mark.parametrize("name", MODELS)
def test_every_model_can_analyze_the_sample(app, name):
    choose(app, Key.MODEL, MODELS[name].title)
    turn(app, "analyze")
    widget(app.button, Key.TRY_SAMPLE).click().run()
    assert not app.exception
    assert not app.error
    assert "What it weighed" in texts(app)

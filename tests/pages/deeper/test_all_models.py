"""All models on the visitor's recording, asked once, whichever model is chosen: the table holds what each says."""

import time

import pytest
from streamlit.testing.v1 import AppTest

from features import Modality
from models.evaluation.track_record import speaker_independent_scores
from models.labels import LABELS
from models.registry import MODELS
from pages.components.session.keys import Key
from pages.components.session.state import Recording
from tests.conftest import tone, wav
from xai.explanation import Contrast
from xai.metrics.measures import FIT
from xai.model_level import all_models
from xai.model_level.all_models import agreement, ask_all
from xai.score import Score, Trust

HAPPY, SAD = LABELS.index("happy"), LABELS.index("sad")
_SCRIPT = """
import streamlit as st
from pages.components.analyze.jobs import asked_jobs
from pages.components.deeper.all_models import show_all_models
from pages.components.session.run import analysis_of
from pages.components.session.state import drawer_of
from xai.explanation import Contrast

recording, name, target = (st.session_state[key] for key in ("given", "name", "of"))
options = {"stride": 30, "samples": 200, "seed": 0, "estimator": "quadrature"}
kept = drawer_of(analysis_of(recording, options, name))
show_all_models(recording, kept, Contrast(target))
kept.work.want(list(asked_jobs(kept)))
st.session_state["drawer"] = kept
"""


@pytest.fixture
def app(sample) -> AppTest:
    return opened(Recording("mine", *sample))


def opened(recording: Recording, name: str = "fused") -> AppTest:
    app = AppTest.from_string(_SCRIPT, default_timeout=120)
    app.session_state["given"], app.session_state["name"], app.session_state["of"] = recording, name, HAPPY
    return app.run()


def asked(app: AppTest) -> AppTest:
    """Press the button and wait for the table."""
    next(button for button in app.button if button.key == Key.ASK_ALL).click().run()
    end = time.monotonic() + 60
    while not app.dataframe and not app.error and time.monotonic() < end:
        time.sleep(0.1)
        app.run()
    assert not app.exception
    return app


def table(app: AppTest):
    return app.dataframe[0].value.set_index("model")


def captions(app: AppTest) -> str:
    return "\n".join(caption.value for caption in app.caption)


def test_nothing_is_computed_before_it_is_asked_for(app):
    assert not app.dataframe
    assert [button.label for button in app.button] == [f"Ask all {len(MODELS)} models about this recording (a few seconds)"]
    assert app.session_state["drawer"].answers is None


def test_each_row_is_what_that_model_says(app, sample):
    asked(app)
    found = table(app)
    assert list(found.index) == [spec.title for spec in MODELS.values()]
    answers = ask_all(*sample)
    for answer in answers:
        row = found.loc[answer.title]
        assert row["label"] == answer.label
        assert row["sure"] == pytest.approx(100 * answer.probabilities.max(), abs=0.01)
        assert row["target"] == pytest.approx(100 * answer.probabilities[HAPPY], abs=0.01)
        for modality in Modality:
            if modality not in answer.split.present:
                assert row[modality.noun] == "–"
            elif not answer.split.several:
                assert row[modality.noun] == "all of it"
            else:
                against = answer.split.contribution(modality)[HAPPY] < 0
                assert row[modality.noun] == f"{answer.shares(HAPPY)[modality]:.0%}" + " against" * bool(against)
        bounds = speaker_independent_scores(answer.name, answer.split.state)["accuracy"]
        assert row["record"] == f"{100 * bounds['low']:.0f}–{100 * bounds['high']:.0f} %"
    assert app.markdown[0].value == agreement(answers)


def test_another_emotion_asks_nobody_again(app, monkeypatch):
    asked(app)
    before = table(app)
    monkeypatch.setattr(all_models, "split_modalities", None)
    app.session_state["of"] = SAD
    app.run()
    assert not app.exception
    after = table(app)
    assert (after["label"] == before["label"]).all()
    assert (after["target"] != before["target"]).all()


def test_another_model_finds_the_answers_there(app):
    asked(app)
    before = table(app)
    app.session_state["name"] = "voice"
    app.run()
    assert not app.exception
    assert table(app)["label"].tolist() == before["label"].tolist()


def test_trust_is_the_worst_of_what_was_checked_of_that_model_for_that_emotion(app):
    asked(app)
    assert set(table(app)["trust"]) == {"not checked"}
    kept = app.session_state["drawer"]
    kept.keep_trust("lime", Contrast(HAPPY), Trust((Score(FIT, 0.9), Score(FIT, 0.6))))
    kept.keep_trust("shap", Contrast(SAD), Trust((Score(FIT, 0.1),)))
    app.run()
    assert table(app)["trust"].to_dict() == {
        spec.title: "⚠ read with care" if name == "fused" else "not checked" for name, spec in MODELS.items()
    }
    app.session_state["of"] = SAD
    app.session_state["name"] = "voice"  # another drawer: that of the fused model is still asked
    app.run()
    assert table(app)["trust"][MODELS["fused"].title] == "✗ do not rely on it"
    assert table(app)["trust"][MODELS["voice"].title] == "not checked"


def test_who_cannot_judge_has_a_row_that_says_so():
    app = asked(opened(Recording("a voice", wav(tone(2.0)), None)))
    row = table(app).loc[MODELS["face"].title]
    assert (row["label"], row["trust"], row["record"]) == ("cannot judge it", "–", "–")
    assert row[["sure", "target"]].isna().all()
    assert "It reads the face only, and there is none in this recording." in captions(app)


def test_what_goes_wrong_is_said_in_a_sentence(app, monkeypatch):
    monkeypatch.setattr(all_models, "ask_all", lambda *_, **__: 1 / 0)
    asked(app)
    assert "could not be asked" in app.error[0].value

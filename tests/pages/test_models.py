"""The page Models through AppTest: every view of every model shows the figures that are in the repository, and nothing else."""

import json
import subprocess
import sys
import time
from io import StringIO
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pandas import crosstab
from sklearn.metrics.pairwise import cosine_similarity
from streamlit.testing.v1 import AppTest

from features import Modality
from models.checkpoint import load_model
from models.data.clips import embed
from models.evaluation.leaderboard import leaderboard
from models.evaluation.predictions import read_predictions
from models.evaluation.protocols import PROTOCOLS
from models.evaluation.recordings import as_csv
from models.labels import LABELS, ravdess_label
from models.reference import load_reference
from models.registry import DEFAULT, MODELS, never_augmented, read_result, result_path
from pages.components.models.words import STATE_WORDS
from pages.components.session.keys import Key
from pages.components.session.state import Recording
from tests.conftest import ROOT
from tests.pages.paging import choose_model, open_at, turn

ALL, SCORES, MAP, SUMMARY = "All models", "How good is it", "Map of clips", "What it weighs"
PAIR, CARD = "Two models, one clip", "Card"


@pytest.fixture
def app() -> AppTest:
    return open_at("models")


@pytest.fixture
def scored(app) -> AppTest:
    """The view of the chosen model's scores."""
    return choose(app, Key.VIEW, SCORES)


@pytest.fixture
def recording(sample) -> Recording:
    return Recording("my own clip", *sample)


def widget(elements, key: str):
    return next(element for element in elements if element.key == key)


def texts(app: AppTest) -> str:
    groups = (app.markdown, app.caption, app.info, app.warning, app.error, app.title, app.subheader)
    return "\n".join(str(element.value) for group in groups for element in group)


def charts(app: AppTest) -> int:
    return len(app.get("plotly_chart"))


def choose(app: AppTest, key: str, shown: str) -> AppTest:
    """Pick the option that is shown as, or starts with, ``shown``."""
    if key == Key.MODEL:
        return choose_model(app, next(name for name in MODELS if MODELS[name].title == shown))
    element = widget([*app.selectbox, *app.button_group], key)
    names = [getattr(option, "content", option) for option in element.options]
    return element.set_value(next(name for name in names if name.startswith(shown))).run()


def board_of(app: AppTest) -> pd.DataFrame:
    return app.dataframe[0].value


def test_the_page_opens_on_all_models_people_not_in_training_first(app):
    assert not app.exception
    shown, kept = board_of(app), leaderboard()
    assert len(shown) == len(kept)
    assert shown["shown"].tolist() == kept["shown"].map(STATE_WORDS).tolist()
    unseen = kept["unseen"].to_numpy()
    assert np.allclose(shown["right"][unseen], 100 * kept["right"][unseen])
    first = kept.iloc[0]
    assert shown["interval"][0] == f"{100 * first.right_low:.0f}–{100 * first.right_high:.0f} %"
    assert charts(app) == 1


def test_figures_of_people_who_were_in_training_stand_apart(app):
    shown, kept = board_of(app), leaderboard()
    known = ~kept["unseen"].to_numpy()
    assert known.any()
    for column in ("right", "interval", "uar", "macro_f1", "calibration"):  # sorted by any of these, they come last
        assert shown[column][known].isna().all()
        assert shown[column][~known].notna().all()
    assert shown["known"][~known].isna().all()
    for words, row in zip(shown["known"][known], kept[known].itertuples(), strict=True):
        assert words == f"{row.right:.0%} ({100 * row.right_low:.0f}–{100 * row.right_high:.0f} %)"
    assert (shown["people"].str.startswith("⚠") == known).all()


def test_the_chosen_model_is_marked(app):
    for name in (DEFAULT, "voice"):
        choose(app, Key.MODEL, MODELS[name].title)
        marked = board_of(app)["model"].str.endswith("(chosen)")
        assert (marked == (leaderboard()["model"] == name)).all()


def test_filters_leave_what_they_say_and_the_chart_follows(app):
    widget(app.button_group, Key.BOARD_SHOWN).set_value([STATE_WORDS["voice"]]).run()
    widget(app.button_group, Key.BOARD_PROTOCOLS).set_value([PROTOCOLS["sentence"].title, PROTOCOLS["actor-5fold"].title]).run()
    widget(app.button_group, Key.BOARD_MODELS).set_value([MODELS["voice"].title, MODELS["linear"].title]).run()
    assert not app.exception
    kept = leaderboard().query("shown == 'voice' and protocol in ('sentence', 'actor-5fold') and model in ('voice', 'linear')")
    assert len(kept) == 4
    assert board_of(app)["clips"].tolist() == kept["clips"].tolist()
    assert np.allclose(board_of(app)["right"].dropna(), 100 * kept[kept.unseen]["right"])
    drawn = json.loads(app.get("plotly_chart")[0].proto.spec)["data"]
    assert [len(trace["y"]) for trace in drawn] == [2, 2]
    widget(app.button_group, Key.BOARD_MODELS).set_value([MODELS["face"].title]).run()  # which hears nothing
    assert not app.dataframe
    assert "Nothing was measured" in texts(app)


def test_all_figures_can_be_taken_home(offered):
    open_at("models")
    found = pd.read_csv(StringIO(offered[Key.DOWNLOAD_BOARD]()))
    pd.testing.assert_frame_equal(found, leaderboard())


def test_charts_are_not_imported_before_they_are_needed():
    code = "import sys, pages.components.models.leaderboard; sys.exit('pages.components.charts.models' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


@pytest.mark.parametrize(
    ("address", "view", "shown"),
    [
        ({"view": SCORES, "shown": "Voice alone", "protocol": PROTOCOLS["random"].title}, SCORES, ("random", "voice")),
        ({"view": SCORES, "shown": "Nothing at all", "protocol": "nonsense"}, SCORES, ("actor-5fold", "both")),
        ({"view": "<script>", "model": "no such model"}, ALL, None),
    ],
)
def test_the_address_holds_the_view_and_nonsense_in_it_is_ignored(address, view, shown):
    fresh = open_at("models", address)
    assert not fresh.exception
    assert widget(fresh.button_group, Key.VIEW).value == view
    if shown is not None:
        scores = read_result(shown[0], DEFAULT)["states"][shown[1]]
        assert fresh.metric[0].value == f"{scores['accuracy']['value']:.0%}"


def test_scores_are_speaker_independent_and_of_the_default_model(scored):
    scores = read_result("actor-5fold", "fused")["states"]["both"]
    values = [metric.value for metric in scored.metric]
    assert values[0] == f"{scores['accuracy']['value']:.0%}"
    assert values[3] == f"{scores['calibration']['after']['value']:.2f}"
    assert "two actors" in texts(scored) or "actors 01, 05" in texts(scored)
    chance = [f"{scores['calibration'][key]:.2f}" for key in ("by_chance", "by_chance_at_most")]
    assert f"by chance {chance[0]}, at most {chance[1]}" in texts(scored)
    assert charts(scored) == 4
    assert all(metric.help for metric in scored.metric)  # every metric is explained in a sentence


@pytest.mark.parametrize("name", MODELS)
def test_every_model_shows_its_own_figures(scored, name):
    choose(scored, Key.MODEL, MODELS[name].title)
    assert not scored.exception
    result = read_result("actor-5fold", name)
    assert scored.metric[0].value == f"{result['accuracy']:.0%}"
    assert MODELS[name].title in texts(scored)
    assert bool([group for group in scored.button_group if group.key == Key.SHOWN]) == (len(MODELS[name].states) > 1)


def test_a_protocol_whose_people_were_in_training_is_never_shown_alone(scored):
    app = choose(scored, Key.PROTOCOL, PROTOCOLS["random"].title)
    assert not app.exception
    unseen, known = (read_result(p, "fused")["states"]["both"]["accuracy"]["value"] for p in ("actor-5fold", "random"))
    warning = next(w.value for w in app.warning if "same people" in w.value)
    assert f"{known:.0%}" in warning
    assert f"{unseen:.0%}" in warning
    assert f"{100 * (known - unseen):+.0f} points" in warning
    choose(app, Key.PROTOCOL, PROTOCOLS["actor-5fold"].title)
    assert not any("same people" in w.value for w in app.warning)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_every_protocol_can_be_chosen(scored, protocol):
    app = choose(scored, Key.PROTOCOL, PROTOCOLS[protocol].title)
    assert not app.exception
    assert PROTOCOLS[protocol].question in texts(app)


def test_what_is_shown_to_the_model_can_be_chosen(scored):
    app = choose(scored, Key.SHOWN, "Voice alone")
    scores = read_result("actor-5fold", "fused")["states"]["voice"]
    assert app.metric[0].value == f"{scores['accuracy']['value']:.0%}"
    assert f"{scores['clips']:,} clips of 24 actors" in texts(app)


@pytest.mark.parametrize(
    ("name", "protocol"), [("fused", "actor-5fold"), ("linear", "actor-5fold"), ("face", "actor-5fold"), ("fused", "leave-one-actor-out")]
)
def test_what_stays_is_shown_beside_what_stays_untrained_for_changes(scored, name, protocol):
    """Some models learn from recordings as they are; with one actor left out at a time it was not measured."""
    choose(scored, Key.MODEL, MODELS[name].title)
    app = choose(scored, Key.PROTOCOL, PROTOCOLS[protocol].title)
    result = read_result(protocol, name)
    plain = result if never_augmented(name) else read_result(protocol, name, plain=True)
    stays, without = (r["stability"][r["state"]] if r else {} for r in (result, plain))
    shown = next(table.value for table in app.dataframe if "same verdict" in table.value)
    assert shown["change"].tolist() == list(stays)
    cells = [[f"{s['value']:.0%} ({s['low']:.0%} – {s['high']:.0%})" if s else "–" for s in map(of.get, stays)] for of in (stays, without)]
    assert [shown[title].tolist() for title in ("same verdict", "untrained for changes")] == cells
    assert ("both columns are the same" in texts(app)) == never_augmented(name)


def test_every_prediction_can_be_taken_home(offered):
    """Every row of the file that was kept, with what it was given."""
    choose(open_at("models"), Key.VIEW, SCORES)
    found = read_predictions(result_path("actor-5fold", "fused").with_suffix(".npz"))[0]
    file = offered[Key.DOWNLOAD_PREDICTIONS]()
    assert file == as_csv(found, read_result("actor-5fold", "fused"))
    assert len(file.splitlines()) == 1 + 1440 + 112 + 112


def test_what_was_not_kept_is_not_offered(scored, monkeypatch):
    monkeypatch.setattr("pages.components.models.recordings.result_path", lambda *_: Path("nowhere.json"))
    scored.run()
    assert not scored.exception
    assert not [table for table in scored.dataframe if "recording" in table.value]


def test_every_recording_is_listed_the_surest_mistakes_first(scored):
    app = choose(scored, Key.SHOWN, "Voice alone")
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


def test_the_visitors_clip_is_on_the_map_with_its_neighbours(app, recording):
    choose(app, Key.VIEW, MAP)
    assert "Most like your clip" not in texts(app)
    app.session_state[Key.RECORDING] = recording
    app.run()
    assert not app.exception
    assert "Most like your clip**, my own clip" in texts(app)
    (own,) = (analysis.subject.inputs for analysis in app.session_state[Key.ANALYSES].values())
    model, clips = load_model("fused"), load_reference("both")
    likeness = cosine_similarity(model.embed(own), embed(model, clips))[0]
    near = np.argsort(-likeness)[:5]
    shown = app.dataframe[0].value
    assert shown["likeness"].tolist() == [f"{c:.2f}" for c in likeness[near]]
    assert shown["portrays"].tolist() == [LABELS[k] for k in clips.label[near]]
    assert [f"actor {clips.keys[k][0]:02d} portrays" in words for k, words in zip(near, shown["clip"], strict=True)] == [True] * 5
    choose(app, Key.MODEL, MODELS["voice"].title)  # which has not been asked about it yet
    assert "Most like your clip**, my own clip" in texts(app)


def test_the_sample_is_nobodys_clip(app):
    choose(app, Key.VIEW, PAIR)  # without a recording, two models are compared on the sample
    choose(app, Key.VIEW, MAP)
    assert not app.exception
    assert "Most like your clip" not in texts(app)
    assert "Choose a recording" in texts(app)


def checked(app: AppTest) -> AppTest:
    """Run again until everything on screen is checked."""
    end = time.monotonic() + 60
    while any("Being checked" in str(element.proto) for element in app.markdown) and time.monotonic() < end:
        time.sleep(0.2)
        app.run()
    return app


def test_two_models_are_compared_on_one_clip(app):
    choose(app, Key.VIEW, PAIR)
    checked(choose(app, Key.OTHER_MODEL, MODELS["voice"].title))
    assert not app.exception
    shown = texts(app)
    assert MODELS["voice"].title in shown
    assert "It does not look at the face" in shown
    assert shown.count("What it weighed") == 2
    assert shown.count("What it saw") == 1
    assert shown.count("What it heard") == 2
    assert shown.count("speaks most for") == 2
    badges = [popover.proto.popover.label for popover in app.get("popover")]
    assert len([label for label in badges if "True to the model" in label]) == 5  # nothing is shown unchecked
    choose(app, Key.OTHER_MODEL, MODELS["face"].title)
    assert "It does not listen to the voice" in texts(app)
    assert (texts(app).count("What it saw"), texts(app).count("What it heard")) == (2, 1)


@pytest.mark.parametrize("name", MODELS)
def test_the_chosen_model_judges_on_the_page_analyze(app, name, recording):
    choose(app, Key.MODEL, MODELS[name].title)
    app.session_state[Key.RECORDING] = recording
    turn(app, "analyze")
    assert not app.exception
    assert not app.error
    assert [analysis.model.name for analysis in app.session_state[Key.ANALYSES].values()] == [name]
